import type { CheckOptions, CollectionCheck } from '../check';
import type { CollectionSource } from '../../manifestSource';
import type { RestoreSource } from '../source';
import type { Fingerprints } from './fingerprint';

export interface SwapOptions {
	/** A collection or an alias, as clients use it. */
	name: string;
	source: RestoreSource;
	check: CheckOptions;
	timeZone?: string;
}

export interface SwapResult {
	/** The collection that now holds the data. */
	collection: string;
	/** The name under which the old data can be found now. */
	previous: string;
	check: CollectionCheck;
	aliases: string[];
}

/** What the last step of a swap needs to know. */
export interface Swap extends SwapOptions {
	/** The copy of the old collection. */
	previous: string;
	/** What the copy holds. */
	copied: CollectionSource;
	/** By which the old data and the backup's can be distinguished. */
	fingerprints: Fingerprints;
	/** Milliseconds that the server took to restore the backup. */
	took: number;
	/** The aliases that pointed at the old collection before the swap. */
	aliases: string[];
}

export const NOTHING_CHANGED = 'Nothing was changed: what was there before is still in place.';
