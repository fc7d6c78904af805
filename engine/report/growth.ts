import type { SeriesState } from './held';
import type { StorageState } from './state';

const DAY_MS = 24 * 3_600_000;
/** A rate of less than this time says too little. */
const LEAST_MS = DAY_MS;

/**
 * Bytes that backups add in a day, by the newest of each series; undefined where none has two backups a day apart. What
 * retention deletes is not taken off: it is what the storage takes in.
 */
export function addedPerDay({ series, at }: Pick<StorageState, 'series' | 'at'>): number | undefined {
	const rates = series.map((one) => rateOf(one, Date.parse(at))).filter((rate) => rate !== undefined);
	return rates.length === 0 ? undefined : rates.reduce((sum, rate) => sum + rate, 0);
}

/** Days until the storage is full if nothing is deleted; undefined where that is not known. */
export function daysLeft(state: StorageState): number | undefined {
	const rate = addedPerDay(state);
	if (state.freeBytes === undefined || rate === undefined || rate <= 0) return undefined;
	return state.freeBytes / rate;
}

function rateOf({ newest }: SeriesState, now: number): number | undefined {
	const oldest = newest.at(-1);
	if (!oldest || newest.length < 2) return undefined;
	const span = now - Date.parse(oldest.facts.startedAt);
	if (span < LEAST_MS) return undefined;
	// The oldest one stands at the beginning of the span, so what it added was added before it.
	const bytes = newest
		.slice(0, -1)
		// What a manifest says of an archive that is not there takes no room.
		.reduce((sum, { facts, isComplete }) => sum + (isComplete ? facts.size.stored : 0), 0);
	return bytes / (span / DAY_MS);
}
