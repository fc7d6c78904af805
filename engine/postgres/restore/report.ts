import { BackupError } from '../../errors';

import type { SourceFacts } from './source/source';

/** A statement or a table that the target refused. */
export interface RestoreFailure {
	/** What it was about: `TABLE public.users`, or the beginning of the statement. */
	object: string;
	message: string;
}

export interface RestoredTable {
	schema: string;
	name: string;
	/** Rows that the server says it has taken. */
	rows: number;
	/** Rows that the source promised, where it did. */
	expected: number | undefined;
}

/** Sets what was loaded against what was promised. Keys are table keys. */
export function compareRows(
	loaded: ReadonlyMap<string, number>,
	expected: ReadonlyMap<string, number> | undefined,
): RestoredTable[] {
	const keys = new Set([...(expected?.keys() ?? []), ...loaded.keys()]);
	return [...keys].map((key) => {
		const [schema = '', name = ''] = key.split('\0');
		return { schema, name, rows: loaded.get(key) ?? 0, expected: expected?.get(key) };
	});
}

/** Tables that took another number of rows than the source promised, as `schema.name: 2 of 3 rows`. */
export function shortTables(tables: RestoredTable[]): string[] {
	return tables
		.filter(({ rows, expected }) => expected !== undefined && rows !== expected)
		.map(({ schema, name, rows, expected }) => `${schema}.${name}: ${rows} of ${expected} rows`);
}

/**
 * Makes sure that every table has all rows that the source promised.
 * @throws BackupError TARGET_FAILED, with `details.shortTables`
 */
export function checkComplete(
	loaded: ReadonlyMap<string, number>,
	{ expectedRows }: SourceFacts,
	isWanted: (table: string) => boolean,
): void {
	const expected = new Map([...(expectedRows ?? [])].filter(([table]) => isWanted(table)));
	const short = shortTables(compareRows(loaded, expected));
	if (short.length === 0) return;
	throw new BackupError(
		'TARGET_FAILED',
		`The tables did not take what the backup promised: ${short.slice(0, 5).join(', ')}; nothing was changed.`,
		{
			hint: 'Something in the target takes rows away, or the manifest does not belong to the archive: verify the backup.',
			details: { shortTables: short },
		},
	);
}

export interface RestoreReport {
	/** The database that now holds the data. */
	database: string;
	/** Where the database that stood there before has gone, if it was kept. */
	previousDatabase: string | undefined;
	/** Statements that made or changed something. */
	objects: number;
	rows: number;
	tables: RestoredTable[];
	/** Only where errors are collected. */
	failures: RestoreFailure[];
	warnings: string[];
	/** Milliseconds. */
	duration: number;
}
