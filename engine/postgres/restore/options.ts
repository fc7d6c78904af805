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

/** Where a restore goes. All but the first ask for `confirmation`: the name of the database once more. */
export type RestoreTarget =
	/** A database that does not exist yet. */
	| { type: 'newDatabase'; database: string }
	/**
	 * Beside the existing one, checked, then renamed into its place; the old one is kept under another name. `keptCopies`:
	 * how many copies that earlier swaps have kept and this one there may be, 1 or more; any number unless told.
	 */
	| { type: 'safeSwap'; database: string; confirmation: string; keptCopies?: number }
	/** As safeSwap, and the old one is dropped at the very end. */
	| { type: 'replace'; database: string; confirmation: string }
	/** Into the database as it stands. */
	| { type: 'existing'; database: string; confirmation: string; before: 'nothing' | 'truncate' | 'drop' };

export interface RestoreDatabaseOptions {
	/** Server and user; its `database` is only where to log in for creating others. */
	connection: PostgresConnection;
	source: RestoreSource;
	target: RestoreTarget;
	selection?: RestoreSelection;
	owner?: OwnerMapping;
	privileges?: boolean;
	/** Report failed objects and go on, instead of stopping at the first. A swap needs a restore without failures. */
	collectErrors?: boolean;
	/** Connections that load at once, 1 to 32; 2 unless told. */
	parallel?: number;
	signal?: AbortSignal;
	/** Told of each stage as it begins. */
	log?: (message: string) => void;
}
