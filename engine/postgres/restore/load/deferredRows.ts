import type { Client } from 'pg';

import { tableKey } from '../../statements/tokens';
import type { CopyStep } from '../source';

import { isOfFunction } from './hints';
import { sqlState } from './refusals';

/**
 * Tables whose rows the server completes by functions of users: in stored generated columns, and in the expressions of
 * indexes that are there already. What such a function reads in other tables has to be there before, or the row is
 * completed wrongly without a word; so these come last. What versions before 12 have no column for is read by way of JSON.
 */
const COMPLETED = `WITH functions AS (
		SELECT p.oid FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang WHERE l.lanname NOT IN ('internal', 'c')
	), users AS (
		SELECT d.classid, d.objid FROM pg_catalog.pg_depend d JOIN functions f ON f.oid = d.refobjid
		WHERE d.refclassid = 'pg_catalog.pg_proc'::regclass
		UNION SELECT d.classid, d.objid FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_operator o ON o.oid = d.refobjid
			JOIN functions f ON f.oid = o.oprcode WHERE d.refclassid = 'pg_catalog.pg_operator'::regclass
	), completed AS (
		SELECT a.attrelid AS oid FROM users u JOIN pg_catalog.pg_attrdef e ON e.oid = u.objid
		JOIN pg_catalog.pg_attribute a ON a.attrelid = e.adrelid AND a.attnum = e.adnum
		WHERE u.classid = 'pg_catalog.pg_attrdef'::regclass AND pg_catalog.to_jsonb(a) ->> 'attgenerated' = 's'
		UNION SELECT i.indrelid FROM users u JOIN pg_catalog.pg_index i ON i.indexrelid = u.objid
		WHERE u.classid = 'pg_catalog.pg_class'::regclass
	)
	SELECT n.nspname::text AS schema, c.relname::text AS name FROM completed JOIN pg_catalog.pg_class c ON c.oid = completed.oid
	JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace`;

/** Classes of SQLSTATE by which a check, a key or a function's own words refuse a row. */
const REFUSED_BY_CHECK = new Set(['23502', '23503', '23514', 'P0001', 'P0002', 'P0004']);

/**
 * True where a row may have been refused because other rows were not there yet: by a check, a domain or a key that looks
 * at them, or by whatever a function met that one of these calls.
 */
export function mayDependOnOtherRows(error: unknown): boolean {
	return REFUSED_BY_CHECK.has(sqlState(error)) || isOfFunction(error);
}

interface Deferred {
	number: number;
	rank: number;
	/** Deferred because of its table, not because it was refused. */
	heldBack: boolean;
}

/**
 * Rows that have to wait for others. pg_dump's order of tables, by name, lets checks that look at other tables pass by
 * chance, and rows that several connections load at once have no order at all; so what is refused has another try, alone,
 * once all others are there, and as long as that helps.
 */
export class DeferredRows {
	#waiting = new Map<number, Deferred>();
	#tables: ReadonlySet<string> | undefined;

	/** Whether it is known yet which tables come last. */
	get isAsked(): boolean {
		return this.#tables !== undefined;
	}

	async ask(client: Client): Promise<void> {
		const { rows } = await client.query<{ schema: string; name: string }>(COMPLETED);
		this.#tables = new Set(rows.map(({ schema, name }) => tableKey(schema, name)));
	}

	/** Defers rows of tables that have to come last. Returns whether it did. */
	holdsBack(step: CopyStep): boolean {
		return step.table !== undefined && this.#tables?.has(step.table) === true && this.defer(step, true);
	}

	/** Keeps the place of rows for a later try. Returns false for rows that cannot be read again. */
	defer({ place }: CopyStep, heldBack = false): boolean {
		if (!place) return false;
		this.#waiting.set(place.number, { ...place, heldBack });
		return true;
	}

	/**
	 * Loads what was deferred, until nothing is left or nothing more gets in.
	 * @param load Loads one step; in the last try it must not defer the rows once more.
	 */
	async load(
		rows: (places: ReadonlySet<number>) => AsyncIterable<CopyStep>,
		load: (step: CopyStep, isLastTry: boolean) => Promise<void>,
	): Promise<void> {
		for (let isLastTry = false; this.#waiting.size > 0;) {
			const waiting = [...this.#waiting.values()];
			this.#waiting = new Map();
			for (const places of inOrder(waiting)) for await (const step of rows(places)) await load(step, isLastTry);
			isLastTry = this.#waiting.size === waiting.length;
		}
	}
}

/** What was refused in one go; after it, table by table in pg_dump's order, what was held back. */
function inOrder(waiting: Deferred[]): Array<Set<number>> {
	const tables = new Map<number, Set<number>>();
	for (const { number, rank, heldBack } of [...waiting].sort((a, b) => a.rank - b.rank)) {
		const group = heldBack ? rank : -1;
		tables.set(group, (tables.get(group) ?? new Set<number>()).add(number));
	}
	return [...tables].sort(([a], [b]) => a - b).map(([, places]) => places);
}
