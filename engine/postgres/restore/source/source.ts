import type { DatabaseLocale, DatabaseProperties } from '../../dump/databaseProperties';
import type { RoleKind } from '../../statements/facts';
import type { Decision, RestoreSelection, SelectionFilter } from './selection';

/** One thing to do in the target, in the order of the source. */
export type RestoreStep =
	/**
	 * One SQL statement, without its semicolon. The comment that stood before it names it in errors. An INSERT says the key
	 * of the table whose rows it brings.
	 */
	| {
			type: 'statement';
			text: string;
			comment: string;
			decision?: Exclude<Decision, 'no'>;
			table?: string;
			/** Its failure ends the restore, though errors be collected. */
			essential?: boolean;
	  }
	/** A `COPY ... FROM stdin` and its rows, without the end marker. Rows in a buffer may be loaded later and beside others. */
	| {
			type: 'copy';
			statement: string;
			comment: string;
			rows: Buffer | AsyncIterable<Buffer>;
			table: string | undefined;
			/** See above. */
			essential?: boolean;
			/** Where the source has these rows, if it can read them again: see `again`. */
			place?: RowsPlace;
	  }
	/**
	 * The definitions that follow were read only now, and may name roles that the facts did not know of before: the target is
	 * to be asked for these. Only comes where content is checked while it is loaded.
	 */
	| { type: 'requirements' }
	/** All rows have been handed out; those at the given places can be had once more. Comes before what looks at all rows. */
	| { type: 'retry'; rows: (places: ReadonlySet<number>) => AsyncIterable<CopyStep> }
	/** Several statements that belong to no object and may be sent in one go: the contents of large objects. */
	| { type: 'batch'; sql: string; essential?: boolean }
	/** Nothing to do, but something to be told: what of the source is left out. */
	| { type: 'warning'; text: string };

export type CopyStep = Extract<RestoreStep, { type: 'copy' }>;

/** Where a source has the rows of a step. */
export interface RowsPlace {
	/** A number of the source's own. */
	number: number;
	/** Of their table in the order in which pg_dump writes tables. */
	rank: number;
}

/** Columns by table key. */
export type FilledTables = ReadonlyMap<string, readonly string[] | undefined>;

/** What has to be known before a target is touched. */
export interface SourceFacts {
	/** For messages: the name of the file. */
	name: string;
	/** Extensions that the source creates. */
	extensions: string[];
	/** Roles that the chosen objects name: as owners, as those who are granted something, or as those to speak as. */
	roles: (selection: RestoreSelection, kinds: RoleKind[]) => string[];
	/** Schemas that the source makes something in. */
	schemas: ReadonlySet<string>;
	/** Those of them that it makes themselves: a dump of some tables makes none. */
	createdSchemas: ReadonlySet<string>;
	/** Keys of the tables, views and sequences that it makes. */
	relations: ReadonlySet<string>;
	/**
	 * The chosen tables that it has rows of, be they none: by key, with the columns that these fill, where that is known.
	 * Asked of the rows themselves, where there are any.
	 */
	filled: (selection: RestoreSelection, signal?: AbortSignal) => Promise<FilledTables>;
	/** What of a whole database it lacks, for messages (`it lacks ...`); undefined where it seems to be whole. */
	lacks?: string;
	/** How to create a database like the one it came from. */
	properties?: DatabaseProperties;
	/** What a dump of others states: a new database is made so where the server can. */
	statedLocale?: DatabaseLocale;
	/** To be told with the restore, for it is about the source as a whole. */
	remarks?: readonly string[];
	/** Rows by table key, where the source says so. */
	expectedRows?: ReadonlyMap<string, number>;
	/** True where tables must be loaded in the source's order, because their foreign keys are in force. */
	ordered: boolean;
	/** What a selection takes, with all that belongs to it: owned sequences, partitions. */
	filter: (selection: RestoreSelection) => SelectionFilter;
}

/** What is asked of a source before it is restored. */
export interface Inspection {
	/** What will be restored: nothing else need be read. By default all of it. */
	selection?: RestoreSelection;
	/**
	 * When the content is checked. `first`, the default: all of it, before `inspect` resolves. `whileLoading`: the rows, and
	 * whatever else can only be had by reading past them, by `steps`, each piece before it is handed out. That is for a
	 * target which nobody takes for complete before the last step. A source may check everything first all the same.
	 */
	check?: 'first' | 'whileLoading';
	signal?: AbortSignal;
}

/** A dump that can be restored: an archive of ours, or a file made by others. */
export interface RestoreSource {
	/**
	 * Reads what has to be known before the target is touched, and checks it.
	 * @throws BackupError ARCHIVE_CORRUPT, ARCHIVE_INCOMPLETE, KEY_MISSING, KEY_WRONG, those of the storage.
	 */
	inspect(inspection?: Inspection): Promise<SourceFacts>;

	/**
	 * What to do, in order. A step's rows have to be read before the next step is asked for, unless they are a buffer. The
	 * selection is the one of the inspection, or part of it.
	 * @throws BackupError as inspect does, and where what was still to be checked is not what was backed up
	 */
	steps(selection: RestoreSelection, signal?: AbortSignal): AsyncIterable<RestoreStep>;
}
