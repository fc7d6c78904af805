import type { PostgresConnection } from '../connection';

import type { RestoreSelection, RestoreSource } from './source';

/** Who owns what is restored. */
export type OwnerMapping =
	/** The owners that the dump names; they have to exist. */
	| { type: 'asDumped' }
	/** Whoever restores. */
	| { type: 'none' }
	/** One role for all. */
	| { type: 'role'; role: string };

/** Where a restore goes. All targets but a new database need `confirmation`: the name of the database once more. */
export type RestoreTarget =
	/** A database that does not exist yet. */
	| { type: 'newDatabase'; database: string }
	/**
	 * A staging database is filled, checked and renamed into the place of the existing one, which is kept under another name.
	 * `keptCopies` limits how many copies this swap and earlier ones may keep, from 1 on; by default there is no limit.
	 */
	| { type: 'safeSwap'; database: string; confirmation: string; keptCopies?: number }
	/** As safeSwap, and the old database is dropped at the very end. */
	| { type: 'replace'; database: string; confirmation: string }
	/** The database is changed as it stands. */
	| { type: 'existing'; database: string; confirmation: string; before: 'nothing' | 'truncate' | 'drop' };

export interface RestoreDatabaseOptions {
	/** Server and user; its `database` is only where to log in for creating others. */
	connection: PostgresConnection;
	source: RestoreSource;
	target: RestoreTarget;
	selection?: RestoreSelection;
	owner?: OwnerMapping;
	privileges?: boolean;
	/** Reports failed objects and goes on, instead of stopping at the first one. A swap needs a restore without failures. */
	collectErrors?: boolean;
	/** Number of connections that load at once, from 1 to 32; 2 by default. */
	parallel?: number;
	signal?: AbortSignal;
	/** Called with each stage as it begins. */
	log?: (message: string) => void;
}

/** What is asked for, apart from what it is read from. */
export type RestoreRequest = Omit<RestoreDatabaseOptions, 'source' | 'log'>;
