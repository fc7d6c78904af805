import type { CheckOptions, CollectionCheck } from '../check';
import type { RestoreSource } from '../source';

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
	/** What the old data is to be had under now. */
	previous: string;
	check: CollectionCheck;
	aliases: string[];
}

export const NOTHING_CHANGED = 'Nothing was changed: what was there before is still in place.';
