import type { Token } from './tokens';

/**
 * In which way a statement names roles: as owners, as those who are granted something, as whom the session speaks, or
 * (`named`) as those that a policy or a user mapping is for.
 */
export type RoleKind = 'owner' | 'privilege' | 'session' | 'named';

/**
 * What a statement of a dump is about. Covers the forms in which pg_dump writes; of anything else it says nothing, and
 * such a statement is run alone and in its place, or left out where only some objects are wanted.
 */
export interface StatementFacts {
	/** The statement's first word, in capitals: CREATE, ALTER, DROP, COMMENT, GRANT, INSERT, ... */
	verb: string;
	/**
	 * What is made or changed, in SQL's words: TABLE, INDEX, FUNCTION, ... Rows are of the kind INSERT or COPY. SEQUENCE
	 * SET is a sequence's position, LARGE OBJECT CONTENT what it says; constraints are called as pg_dump calls them. Of the session are SET, SESSION AUTHORIZATION and
	 * TRANSACTION.
	 */
	kind: string;
	/** Schema of the object, where it is in one. */
	schema?: string;
	/** Name of what is made or changed, without its schema; of what hangs on a table, its own. */
	name?: string;
	/** The arguments of a routine, which distinguish it from others of its name: see signatureOf. */
	signature?: string;
	/** Makes a table that has rows of its own: neither partitioned nor filled by a query. */
	holdsRows?: boolean;
	/** Key of the table (view, sequence) that the statement makes, changes, fills or hangs on: see tableKey. */
	table?: string;
	/** Decides what may run at the same time: builds of indexes, checks of foreign keys, or nothing else. */
	work: 'index' | 'foreign-key' | 'other';
	/** Tables that the statement locks against changes (`shared`: only against writes). */
	locks: Array<{ table: string; shared: boolean }>;
	/** Key of the index or statistics object that is made or changed; of a constraint, the index that carries it. */
	index?: string;
	/** The part that an `ATTACH PARTITION` adds to `table` or to `index`. */
	attached?: string;
	/** Key of the table that `table` is made a partition of, by `CREATE TABLE ... PARTITION OF`. */
	partitionOf?: string;
	/** The sequence that is tied to `table`: by `ALTER SEQUENCE ... OWNED BY`, or as the one of an identity column. */
	ownedSequence?: string;
	/** Takes something away, to make room for what a later statement makes, as pg_dump --clean does. */
	drops?: boolean;
	/** Makes a view whether or not there is one already (CREATE OR REPLACE). */
	replaces?: boolean;
	/** Rights, an owner, or whom the session speaks as, rather than an object. */
	role?: { kind: RoleKind; names: string[] };
	extension?: string;
	/** Where an extension is put. */
	extensionSchema?: string;
	/** Concerns a database as such, or the server; a dump must change neither. */
	cluster?: boolean;
	/** Transaction control: what it does to the transaction of the session that runs it. */
	transaction?: 'begins' | 'ends' | 'within';
	/** Where names without a schema belong from now on; empty: nowhere. */
	searchPath?: string;
}

/** What a statement's meaning takes from those before it. */
export interface StatementContext {
	/** Schema of names that have none; empty where all have theirs, as in every dump since 2018. */
	schema: string;
	/** See skipAt. */
	standardStrings: boolean;
}

/** A statement on its way to its facts. */
export interface Reading {
	tokens: readonly Token[];
	verb: string;
	/** See StatementContext. */
	schema: string;
}
