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
