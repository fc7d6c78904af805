import type { ManifestTrust } from '../archive';
import { prune, readLastRun } from '../retention';
import type { Storage } from '../storage/storage';
import { verificationState } from '../verify';
import type { NextDeletions } from './page/page';

const DAY_MS = 24 * 3_600_000;

/**
 * What the next prune would delete if it came within a day, by the policy that the last one noted; undefined where none
 * has run. Nothing is changed.
 * @throws BackupError CANCELLED, and what the storage throws
 */
export async function nextDeletions(
	storage: Storage,
	{ now, trust, signal }: { now: Date; trust?: ManifestTrust; signal?: AbortSignal },
): Promise<NextDeletions | undefined> {
	const last = await readLastRun(storage, signal);
	if (!last) return undefined;
	const report = await prune({
		storage,
		policy: last.policy,
		timeZone: last.timeZone,
		prefixes: last.prefixes,
		dryRun: true,
		stateOf: async (entry) => ({
			verified: entry.kind === 'foreign' ? undefined : await verificationState(storage, entry, signal),
		}),
		...(trust && { trust }),
		owner: 'a report',
		now: new Date(now.getTime() + DAY_MS),
		...(signal && { signal }),
	});
	const deletions = report.rows
		.filter(({ verdict }) => verdict === 'delete')
		.toReversed()
		.map(({ key, date, size, reasons }) => ({ key, startedAt: date, size, reason: reasons.join('; ') }));
	const refusal = report.refusal ? `${report.refusal.message} ${report.refusal.hint}` : undefined;
	return { lastRun: last.at, refusal, deletions, freedBytes: report.totals.freedBytes };
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
