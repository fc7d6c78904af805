import { BackupError } from '../../errors';

import { describeStatement, type StatementFacts } from './statement';
import { parseName, tokenize } from './tokens';

/** What of a dump to restore; empty means all of it. */
export interface RestoreSelection {
	schemas?: string[];
	/** `schema.table`, in SQL's spelling (quotes where a name needs them); a bare name means any schema's. */
	tables?: string[];
	dataOnly?: boolean;
}

/** Statements that set the session up rather than make something. */
const SESSION = new Set(['SET', 'RESET', 'TRANSACTION']);

/** Statements that belong to no schema, without which the chosen objects may not work. */
const ALWAYS = new Set(['EXTENSION', 'LANGUAGE', 'PROCEDURAL LANGUAGE']);

const LARGE_OBJECT = /^SELECT pg_catalog\.lo_create\(/;

/** What a table may be made of. */
const SUPPORT = new Set(['SCHEMA', 'TYPE', 'DOMAIN', 'COLLATION', 'FUNCTION', 'PROCEDURE']);

/**
 * What to do with a statement. Those not chosen may still run: `support`, what a chosen table may need and may be there
 * already; `optional`, what may ask for something that was not chosen or for rights that the user lacks; `keep`, what is
 * left as it is where it exists.
 */
export type Decision = 'yes' | 'support' | 'optional' | 'keep' | 'no';

/** A table's name as its parts. @throws BackupError INVALID_INPUT */
export function parseTableName(text: string): string[] {
	const tokens = tokenize(text);
	const name = parseName(tokens, 0);
	if (name && name.end === tokens.length && name.parts.length <= 2) return name.parts;
	throw new BackupError('INVALID_INPUT', `"${text}" is not a table's name.`, {
		hint: 'Write schema.table, with double quotes around names with capital letters or blanks.',
	});
}

/** Decides, statement by statement and in their order, what belongs to a selection. */
export class SelectionFilter {
	readonly #schemas: Set<string>;
	readonly #tables: string[][];
	/** Sequences that a chosen table owns: only known once the dump says so. */
	readonly #sequences = new Set<string>();
	/** Partitions by key, with what they are parts of. */
	readonly #partitionOf = new Map<string, string>();
	readonly #indexes = new Set<string>();
	readonly #extensionSchemas = new Set<string>();

	constructor(readonly selection: RestoreSelection) {
		this.#schemas = new Set(selection.schemas ?? []);
		this.#tables = (selection.tables ?? []).map(parseTableName);
	}

	/** True where everything is wanted. */
	get all(): boolean {
		return this.#schemas.size === 0 && this.#tables.length === 0;
	}

	/** Tells the filter of what belongs together before the statements are asked about. */
	note({ ownedSequence, table, attached, extensionSchema }: StatementFacts): void {
		if (extensionSchema !== undefined) this.#extensionSchemas.add(extensionSchema);
		if (attached && table) this.#partitionOf.set(attached, table);
		if (ownedSequence && table && this.wantsTable(table)) this.#sequences.add(ownedSequence);
	}

	/** Takes a table's key. */
	wantsTable(table: string): boolean {
		if (this.all) return true;
		const [schema = '', name = ''] = table.split('\0');
		const named = this.#tables.some((parts) =>
			parts.length === 2 ? parts[0] === schema && parts[1] === name : parts[0] === name,
		);
		if (named || this.#schemas.has(schema) || this.#sequences.has(table)) return true;
		const parent = this.#partitionOf.get(table);
		return parent !== undefined && this.wantsTable(parent);
	}

	decide(statement: string): Decision {
		const facts = describeStatement(statement);
		if (SESSION.has(facts.kind) || /^SELECT pg_catalog\.set_config\(/.test(statement)) return 'yes';
		if (this.selection.dataOnly) return this.#decideData(facts, statement);
		// The extension itself may belong to somebody else on a managed server.
		if (facts.kind === 'EXTENSION' && /^COMMENT/i.test(statement)) return 'optional';
		if (this.all || ALWAYS.has(facts.kind)) return 'yes';
		const creates = /^CREATE/i.test(statement);
		if (this.#chosen(facts, creates)) {
			if (facts.work === 'foreign-key' && facts.locks.some(({ table }) => !this.wantsTable(table))) return 'optional';
			return creates && SUPPORT.has(facts.kind) ? 'keep' : 'yes';
		}
		if (creates && facts.kind === 'SCHEMA' && this.#extensionSchemas.has(facts.schema ?? '')) return 'support';
		return this.#tables.length > 0 && SUPPORT.has(facts.kind) && creates ? 'support' : 'no';
	}

	/** Large objects have no definitions but their creation, which goes with their contents. */
	#decideData(facts: StatementFacts, statement: string): Decision {
		if (facts.kind === 'SEQUENCE SET' && facts.table !== undefined && this.wantsTable(facts.table)) return 'yes';
		return this.all && LARGE_OBJECT.test(statement) ? 'keep' : 'no';
	}

	#chosen(facts: StatementFacts, creates: boolean): boolean {
		if (facts.kind === 'INDEX' && !creates) {
			return (
				facts.index !== undefined &&
				this.#indexes.has(facts.index) &&
				(!facts.attached || this.#indexes.has(facts.attached))
			);
		}
		const chosen = this.#chosenByName(facts);
		if (chosen && facts.index) this.#indexes.add(facts.index);
		return chosen;
	}

	#chosenByName(facts: StatementFacts): boolean {
		if (facts.table)
			return (
				this.wantsTable(facts.table) || (facts.ownedSequence !== undefined && this.wantsTable(facts.ownedSequence))
			);
		return facts.schema !== undefined && this.#schemas.has(facts.schema);
	}
}
