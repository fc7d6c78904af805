import type { StatementFacts } from '../../statements/facts';

import type { Task } from './taskFailures';

/**
 * Statements in one group at most, and characters: each takes some locks, and a server has room for about 64 for every
 * connection that it allows.
 */
const MOST_STATEMENTS = 50;
const MOST_CHARACTERS = 256 * 1024;

/** Rows of a table whose indexes take no longer than the round trips that they would cost. */
const SMALL_TABLE = 10_000;

const VERBS = new Set(['CREATE', 'ALTER', 'COMMENT', 'GRANT', 'REVOKE', 'SELECT']);

/** Some of the other kinds may not be part of a transaction, and some take long. */
const KINDS = new Set([
	'AGGREGATE',
	'CHECK CONSTRAINT',
	'COLUMN',
	'CONSTRAINT',
	'DOMAIN',
	'FUNCTION',
	'INDEX',
	'POLICY',
	'PROCEDURE',
	'SCHEMA',
	'SEQUENCE',
	'SEQUENCE SET',
	'TABLE',
	'TRIGGER',
	'TYPE',
	'VIEW',
]);

/** True where the server may run a statement together with others, as one transaction that is all done or all undone. */
export function mayRunTogether({ verb, kind, drops }: StatementFacts, text: string): boolean {
	return VERBS.has(verb) && KINDS.has(kind) && drops !== true && !/\bCONCURRENTLY\b/i.test(text);
}

/** True where an index is built in no time, as far as the rows that were loaded tell. */
export function isSmall({ table = '' }: StatementFacts, loaded: ReadonlyMap<string, number>): boolean {
	return (loaded.get(table) ?? Infinity) <= SMALL_TABLE;
}

/** Tasks that wait to be run together. */
export class TaskGroup {
	#tasks: Task[] = [];
	#locks: StatementFacts['locks'] = [];
	#characters = 0;

	/** Adds a task; returns whether the group is full now. */
	add(task: Task, locks: StatementFacts['locks'] = []): boolean {
		this.#tasks.push(task);
		this.#locks.push(...locks);
		this.#characters += task.statement?.text.length ?? 0;
		return this.#tasks.length >= MOST_STATEMENTS || this.#characters >= MOST_CHARACTERS;
	}

	/** Whether a task is about a table or a sequence: what becomes of it decides whether rows may go there. */
	concerns(table: string): boolean {
		return this.#tasks.some(({ statement }) =>
			[statement?.facts.table, statement?.facts.ownedSequence].includes(table),
		);
	}

	/** The tasks, and the locks of all of them; the group is empty then. */
	take(): { tasks: Task[]; locks: StatementFacts['locks'] } {
		const taken = { tasks: this.#tasks, locks: this.#locks };
		this.#tasks = [];
		this.#locks = [];
		this.#characters = 0;
		return taken;
	}
}
