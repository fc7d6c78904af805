import { forecast, readLastRun, type EntryState, type RetentionEntry } from '../retention';
import type { Storage } from '../storage/storage';
import { verificationState } from '../verify';
import type { NextDeletions } from './page/page';
import type { StorageState } from './state';

const DAY_MS = 24 * 3_600_000;
/** Records of verifications that are read for it, beyond those that the state has: in a bucket each takes a request. */
const MOST_RECORDS = 1000;
/** The others are counted. */
const MOST_DELETIONS = 10;

/**
 * What the next prune would delete if it came within a day, by the policy that the last one noted; undefined where none
 * has run. Nothing is changed. Of a large storage it is an estimate: locks and old verifications are not looked at.
 * @param state As it was just read, for a forecast
 * @throws BackupError CANCELLED, and what the storage throws
 */
export async function nextDeletions(
	storage: Storage,
	state: StorageState,
	{ now, signal }: { now: Date; signal?: AbortSignal },
): Promise<NextDeletions | undefined> {
	const { lastPrune: last, catalog } = state;
	if (!last || !catalog) return undefined;
	const { deletions, freedBytes, refusal, mayBeLocked } = await forecast({
		storage,
		catalog,
		policy: last.policy,
		timeZone: last.timeZone,
		prefixes: last.prefixes,
		stateOf: verificationsFrom(storage, state, signal),
		now: new Date(now.getTime() + DAY_MS),
		...(signal && { signal }),
	});
	return {
		lastRun: last.at,
		refusal: refusal && `${refusal.message} ${refusal.hint}`,
		count: deletions.length,
		deletions: deletions.slice(0, MOST_DELETIONS).map(({ entry: { key, startedAt, size }, reasons }) => ({
			key,
			startedAt,
			size,
			reason: reasons.map(({ text }) => text).join('; '),
		})),
		freedBytes,
		mayBeLocked,
	};
}

/** What verifications found: of the newest backups of each series it was read already. */
function verificationsFrom(
	storage: Storage,
	{ series }: StorageState,
	signal: AbortSignal | undefined,
): (entry: RetentionEntry) => Promise<EntryState> {
	const looked = series.flatMap(({ newest }) => newest.filter(({ verification }) => verification !== undefined));
	const known = new Map(looked.map(({ key, verification }) => [key, verification?.verdict]));
	let left = MOST_RECORDS;
	return async (entry) => {
		if (entry.kind === 'foreign') return {};
		const verdict = known.get(entry.key);
		if (verdict !== undefined) return { verified: verdict };
		return left-- > 0 ? { verified: await verificationState(storage, entry, signal) } : {};
	};
}

/** What the last prune went by, in the terms of `backup_report.json`; null for what it has no rule for. */
export async function retentionFigures(
	storage: Storage,
	signal?: AbortSignal,
): Promise<{ days: number | null; weekly: number | null }> {
	const rules = (await readLastRun(storage, signal))?.policy.rules;
	const numberOf = (count: number | 'all' | undefined) => (typeof count === 'number' ? count : null);
	return {
		days: rules?.withinDays ?? numberOf(rules?.daily),
		weekly: numberOf(rules?.weeklySnapshots ?? rules?.weekly),
	};
}
