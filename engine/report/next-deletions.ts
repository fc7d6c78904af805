import {
	forecast,
	readLastRuns,
	type Count,
	type Decision,
	type EntryState,
	type LogReport,
	type RetentionEntry,
} from '../retention';
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
 * What the next prunes would delete if they came within a day, each by the policy that the last one of its sort noted; undefined where
 * none has run. Nothing is changed. Of a large storage it is an estimate: locks and old verifications are not looked at.
 * @param state As it was just read, for a forecast
 * @throws BackupError CANCELLED, and what the storage throws
 */
export async function nextDeletions(
	storage: Storage,
	state: StorageState,
	{ now, signal }: { now: Date; signal?: AbortSignal },
): Promise<NextDeletions | undefined> {
	const { lastPrunes = [], catalog } = state;
	const [last] = lastPrunes;
	if (!last || !catalog) return undefined;
	const stateOf = verificationsFrom(storage, state, signal);
	const next: NextDeletions = {
		lastRun: last.at,
		runs: lastPrunes.length,
		refusals: [],
		count: 0,
		deletions: [],
		freedBytes: 0,
		logs: [],
		mayBeLocked: storage.deletionLock !== undefined,
	};
	const gone = new Set<string>();
	for (const { policy, timeZone, prefixes } of lastPrunes) {
		const when = { now: new Date(now.getTime() + DAY_MS), ...(signal && { signal }) };
		const found = await forecast({
			catalog,
			policy,
			timeZone,
			prefixes,
			stateOf,
			isGone: (key) => gone.has(key),
			...when,
		});
		if (found.refusal) {
			next.refusals.push(`${found.refusal.message} ${found.refusal.hint}`);
			continue;
		}
		for (const { entry } of found.deletions) gone.add(entry.key);
		next.count += found.deletions.length;
		next.freedBytes += found.freedBytes;
		next.logs.push(...found.logs.map(logLine));
		next.deletions.push(...found.deletions.slice(0, MOST_DELETIONS).map(shown));
	}
	next.deletions.sort((a, b) => (a.startedAt < b.startedAt ? -1 : 1)).splice(MOST_DELETIONS);
	return next;
}

function logLine({ name, kept, keptBytes, reasons }: LogReport): NextDeletions['logs'][number] {
	return { name, kept, keptBytes, reason: reasons.join('; ') };
}

function shown({ entry: { key, startedAt, size }, reasons }: Decision): NextDeletions['deletions'][number] {
	return { key, startedAt, size, reason: reasons.map(({ text }) => text).join('; ') };
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

/** What the last prunes went by, in the terms of `backup_report.json`; null for what none of them has a rule for. */
export async function retentionFigures(
	storage: Storage,
	signal?: AbortSignal,
): Promise<{ days: number | null; weekly: number | null }> {
	const rules = (await readLastRuns(storage, signal)).map(({ policy }) => policy.rules);
	const first = (...counts: Array<Count | undefined>) => counts.find((count) => typeof count === 'number') ?? null;
	return {
		days: first(...rules.map(({ withinDays, daily }) => withinDays ?? daily)),
		weekly: first(...rules.map(({ weeklySnapshots, weekly }) => weeklySnapshots ?? weekly)),
	};
}
