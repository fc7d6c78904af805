import type { Client } from 'pg';

import { listed } from '../../../errors';
import { runOne } from '../../runOne';
import { serverMessage } from '../../serverMessage';
import type { StatementFacts } from '../../statements/facts';
import { nameKey, objectKey } from '../../statements/routines';
import type { Decision } from '../source';

import { existsAlready, refused } from './refusals';

/** Names of objects in one message. */
const NAMES = 20;

const ROUTINE_OWNER = /^ALTER\s+((?:FUNCTION|PROCEDURE)\s[^]*?)\s+OWNER\s+TO\s/i;
const ROUTINE_REVOKE = /^REVOKE\s[^]*?\sON\s+((?:FUNCTION|PROCEDURE)\s[^]*?)\s+FROM\s/i;

/**
 * Which of the objects that tables may need (types, functions, schemas) the restore has made, and which were there: the
 * owner and the privileges of a dump are for what it made itself, and for nothing else.
 */
export class Dependencies {
	/** Made though not chosen, by objectKey, with what they are called in messages. */
	readonly #unchosen = new Map<string, string>();
	readonly #made = new Set<string>();
	readonly #found = new Set<string>();

	made(facts: StatementFacts, object: string, decision: Decision): void {
		this.#made.add(objectKey(facts)).add(nameKey(facts));
		if (decision === 'dependency') this.#unchosen.set(objectKey(facts), object);
	}

	/** To be left as it is: it was there already, or must not be opened any further. */
	leave(facts: StatementFacts): void {
		this.#found.add(objectKey(facts)).add(nameKey(facts));
		this.#made.delete(objectKey(facts));
	}

	/**
	 * Whether an owner or privileges may be set. Other scripts than pg_dump's may spell a function's arguments in several
	 * ways: where it is not clear which function is meant, it counts as made by us if all functions of that name are.
	 */
	mayBeGiven(facts: StatementFacts, decision: Decision): boolean {
		if (decision !== 'dependency' && decision !== 'keep') return true;
		if (this.#made.has(objectKey(facts))) return true;
		if (this.#found.has(nameKey(facts))) return false;
		return decision === 'keep' || this.#made.has(nameKey(facts));
	}

	/**
	 * Goes on where a statement on such an object failed: what was not chosen may be missing, but must not be more open than
	 * it was. Returns a warning, if there is one.
	 * @throws BackupError where it would stay open
	 */
	async goOnWithout(
		client: Client,
		object: string,
		{ text, facts }: { text: string; facts: StatementFacts },
		error: unknown,
	): Promise<string | undefined> {
		if (!facts.role) {
			if (existsAlready(error)) this.leave(facts);
			return undefined;
		}
		const statements = closing(text);
		for (const sql of statements) {
			await runOne(client, sql).catch((failure: unknown) => {
				throw refused(failure, object);
			});
		}
		if (statements.length > 0) this.leave(facts);
		const instead = statements.length === 0 ? '' : '; nobody but whoever restores may call it now';
		return `${object}: its owner or privileges could not be set as in the dump${instead}: ${serverMessage(error)}`;
	}

	get warnings(): string[] {
		const names = [...this.#unchosen.values()];
		if (names.length === 0) return [];
		return [
			`Beside the selection, what the chosen tables may need was made where it was missing: ${listed(names, NAMES)}.`,
		];
	}
}

/**
 * What keeps a function from being more open than it was, where its owner could not be set or a right not be taken away:
 * it speaks for nobody but its caller, and only whoever restores may call it. None where nothing has been opened.
 */
function closing(statement: string): string[] {
	const routine = (ROUTINE_OWNER.exec(statement) ?? ROUTINE_REVOKE.exec(statement))?.[1];
	if (routine === undefined) return [];
	return [`ALTER ${routine} SECURITY INVOKER`, `REVOKE ALL ON ${routine} FROM PUBLIC`];
}
