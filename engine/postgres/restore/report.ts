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
