import type { DatabaseLocale, DatabaseProperties } from '../../dump/databaseProperties';
import type { RoleKind } from '../../statements/facts';

import type { Decision, RestoreSelection, SelectionFilter } from './selection';

/** One thing to do in the target, in the order of the source. */
export type RestoreStep =
	/**
	 * One SQL statement, without its semicolon. The comment that stood before it names it in errors. For an INSERT, `table` is
	 * the key of the table whose rows it brings.
	 */
	| {
			type: 'statement';
			text: string;
			comment: string;
			decision?: Exclude<Decision, 'no'>;
			table?: string;
			/** Its failure ends the restore, even where errors are collected. */
			essential?: boolean;
	  }
	/**
	 * A `COPY ... FROM stdin` and its rows, without the end marker. Rows in a buffer may be loaded later, and while other rows
	 * are.
	 */
	| {
			type: 'copy';
			statement: string;
			comment: string;
			rows: Buffer | AsyncIterable<Buffer>;
			/** To be called once rows in a buffer are loaded and nobody will read them again: other rows take their place. */
			release?: () => void;
			table: string | undefined;
			/** Its failure ends the restore, even where errors are collected. */
			essential?: boolean;
			/** Where the source has these rows, if it can read them again: see `retry`. */
			place?: RowsPlace;
	  }
	/**
	 * The definitions that follow were read only now, and may name roles that the facts did not know of before: the target is
	 * to be asked for these. Only comes where content is checked while it is loaded.
	 */
	| { type: 'requirements' }
	/**
	 * All rows have been handed out, and those at the given places can be read once more. Comes before statements that look at
	 * all rows.
	 */
	| { type: 'retry'; rows: (places: ReadonlySet<number>) => AsyncIterable<CopyStep> }
	/** Several statements that belong to no object and may be sent together: the contents of large objects. */
	| { type: 'batch'; sql: string; essential?: boolean }
	/** There is nothing to do, but to warn of: what of the source is left out. */
	| { type: 'warning'; text: string };

export type CopyStep = Extract<RestoreStep, { type: 'copy' }>;

/** Where a source has the rows of a step. */
export interface RowsPlace {
	/** A number by which the source finds them again. */
	number: number;
	/** The rank of their table in the order in which pg_dump writes tables. */
	rank: number;
}

/** The columns that rows fill, by table key; undefined where nobody knows. */
export type FilledTables = ReadonlyMap<string, readonly string[] | undefined>;

/** What has to be known before a target is touched. */
export interface SourceFacts {
	/** The name of the file, for messages. */
	name: string;
	/** Extensions that the source creates. */
	extensions: string[];
	/** Roles that the chosen objects name: as owners, as grantees, or as roles that the session takes on. */
	roles: (selection: RestoreSelection, kinds: RoleKind[]) => string[];
	/** Schemas that the source makes something in. */
	schemas: ReadonlySet<string>;
	/** Schemas that it creates; a dump of some tables creates none. */
	createdSchemas: ReadonlySet<string>;
	/** Keys of the tables, views and sequences that it creates. */
	relations: ReadonlySet<string>;
	/**
	 * The chosen tables whose rows it holds, even if there are none, by key, with the columns that the rows fill where that is
	 * known.
	 */
	filled: (selection: RestoreSelection, signal?: AbortSignal) => Promise<FilledTables>;
	/** What it lacks of a complete database, for messages (`it lacks ...`); undefined where it seems to be complete. */
	lacks?: string;
	/** How to create a database like the one it came from. */
	properties?: DatabaseProperties;
	/** The locale that a dump of another tool states: a new database gets it where the server can provide it. */
	statedLocale?: DatabaseLocale;
	/** Warnings about the source as a whole, to be reported with the restore. */
	remarks?: readonly string[];
	/** Rows by table key, where the source says so. */
	expectedRows?: ReadonlyMap<string, number>;
	/** True where tables must be loaded in the source's order, because their foreign keys are in force. */
	ordered: boolean;
	/** The filter for a selection, which knows what belongs to chosen tables: owned sequences, partitions. */
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
