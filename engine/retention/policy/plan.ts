import { isGood, newestFirst, policySeriesOf, type RetentionEntry } from '../entry';
import { weekOfKey } from './periods';
import {
	DEFAULT_FUTURE_TOLERANCE_MINUTES,
	DEFAULT_MAX_DELETED_SHARE,
	percentOf,
	rulesFor,
	type KeepRules,
	type RetentionPolicy,
} from './policy';
import { protect, protectCheckpoints, protectNeeded, type Needing } from './protect';
import { applyRules, applyWeeklySnapshots, areEmpty, type Reason } from './rules';
import { Zone } from './zone';

export interface Decision {
	entry: RetentionEntry;
	action: 'keep' | 'delete';
	/** All that apply, at least one. */
	reasons: Reason[];
}

/** Why nothing may be deleted, whatever the policy says. */
export interface Refusal {
	reason: 'future' | 'share';
	message: string;
	hint: string;
}

export interface RetentionPlan {
	/** Newest first. In a refused plan, what the policy would do. */
	decisions: Decision[];
	/** What may be deleted: nothing where the plan is refused. What needs others comes before them. */
	deletable: RetentionEntry[];
	refusal: Refusal | undefined;
}

/**
 * Decides which backups stay and which go: a pure function, the same for every order of the entries.
 *
 * Invariants, each with its property in test/unit/retention/policy/plan-properties.test.ts:
 * 1. The last good backup of every series stays, and the last verified one, and where none is good, the last one; so does what
 *    is pinned or locked, every archive that one that stays needs, and the checkpoints that a run may still go on from.
 * 2. A damaged backup counts for no rule in the place of a good one: what the rules keep of the good ones alone is kept.
 * 3. Larger numbers in the rules never delete more.
 * 4. Planning again after the deletions deletes nothing.
 * 5. A refused plan deletes nothing.
 *
 * @param timeZone IANA zone whose days, weeks, months and years count
 * @param outside Backups of the same storage that the plan does not decide on; what they need stays
 * @param due Those of the entries that are still to be made: what goes is a share of the others
 * @throws BackupError INVALID_INPUT for a zone that does not exist
 */
export function planRetention(
	entries: readonly RetentionEntry[],
	now: Date,
	policy: RetentionPolicy,
	timeZone = 'UTC',
	outside: readonly Needing[] = [],
	due: ReadonlySet<RetentionEntry> = new Set(),
): RetentionPlan {
	const zone = new Zone(timeZone);
	const sorted = newestFirst(entries);
	const reasons = new Map<RetentionEntry, Reason[]>();
	const add = (entry: RetentionEntry, reason: Reason) => {
		const known = reasons.get(entry);
		if (!known) reasons.set(entry, [reason]);
		else if (!known.some(({ rule }) => rule === reason.rule)) known.push(reason);
	};
	for (const { rules, members } of seriesIn(sorted, policy)) applyTo(members, rules, { now, zone }, add);
	protect(sorted, now, add);
	protectCheckpoints(sorted, now, add);
	protectNeeded(sorted, outside, (entry) => reasons.has(entry), add);
	const decisions = sorted.map((entry) => decisionOf(entry, reasons.get(entry)));
	const refusal = refuseFuture(sorted, now, policy) ?? refuseShare(decisions, policy, due);
	return { decisions, deletable: refusal ? [] : deletableOf(decisions), refusal };
}

interface Series {
	rules: KeepRules;
	members: RetentionEntry[];
}

/** Backups of one thing under one set of rules. */
function seriesIn(sorted: readonly RetentionEntry[], policy: RetentionPolicy): Iterable<Series> {
	const all = new Map<string, Series>();
	for (const entry of sorted) {
		if (entry.checkpoint) continue;
		const { rules, which } = rulesFor(entry, policy);
		const key = `${which} ${policySeriesOf(entry)}`;
		const series = all.get(key) ?? { rules, members: [] };
		series.members.push(entry);
		all.set(key, series);
	}
	return all.values();
}

function applyTo(
	members: RetentionEntry[],
	rules: KeepRules,
	clock: { now: Date; zone: Zone },
	add: (entry: RetentionEntry, reason: Reason) => void,
): void {
	const isWeekly = weekOfKey(members[0]!.key) !== undefined;
	const keepsAll = isWeekly ? !rules.weeklySnapshots : areEmpty(rules);
	if (keepsAll) {
		for (const entry of members) add(entry, { rule: 'noRules', text: 'no rule is set' });
		return;
	}
	// Once among all and once among the good ones: a damaged backup ages like any other, but takes no good one's place.
	const good = members.filter(isGood);
	for (const some of good.length === members.length ? [members] : [good, members]) {
		if (isWeekly) applyWeeklySnapshots(some, rules.weeklySnapshots!, add);
		else applyRules(some, rules, clock, add);
	}
}

function decisionOf(entry: RetentionEntry, reasons: Reason[] | undefined): Decision {
	if (reasons) return { entry, action: 'keep', reasons };
	const text = entry.checkpoint ? 'no backup needs it' : 'no rule keeps it';
	return { entry, action: 'delete', reasons: [{ rule: 'expired', text }] };
}

function refuseFuture(sorted: readonly RetentionEntry[], now: Date, policy: RetentionPolicy): Refusal | undefined {
	const minutes = policy.futureToleranceMinutes ?? DEFAULT_FUTURE_TOLERANCE_MINUTES;
	const latest = now.getTime() + minutes * 60_000;
	const ahead = sorted.filter((entry) => latestTime(entry) > latest);
	if (ahead.length === 0) return undefined;
	return {
		reason: 'future',
		message: `${ahead.length} backups are from the future (${ahead[0]!.key}, ${ahead[0]!.startedAt}), so a clock is or was wrong.`,
		hint: 'Set the clock right. If it was wrong when those backups were made, remove them or wait until their time has come.',
	};
}

function latestTime({ startedAt, finishedAt }: RetentionEntry): number {
	return Math.max(Date.parse(startedAt), Date.parse(finishedAt));
}

function refuseShare(all: Decision[], policy: RetentionPolicy, due: ReadonlySet<RetentionEntry>): Refusal | undefined {
	// Checkpoints are no backups: of a large one there are hundreds.
	const decisions = all.filter(({ entry }) => !due.has(entry) && !entry.checkpoint);
	const share = policy.maxDeletedShare ?? DEFAULT_MAX_DELETED_SHARE;
	const deleted = decisions.filter(({ action }) => action === 'delete').length;
	if (deleted <= decisions.length * share) return undefined;
	return {
		reason: 'share',
		message: `${deleted} of ${decisions.length} backups would be deleted, more than the ${percentOf(share)} that may go at once.`,
		hint: 'Look at the dry run. If it is what you want, allow a larger share for one run.',
	};
}

/** Newest first, but whatever needs others before these: a run that breaks off leaves no backup without what it needs. */
function deletableOf(decisions: Decision[]): RetentionEntry[] {
	const entries = decisions.filter(({ action }) => action === 'delete').map(({ entry }) => entry);
	if (entries.every(({ needs }) => needs.length === 0)) return entries;
	const byId = new Map(entries.map((entry) => [entry.id, entry]));
	const depths = new Map<string, number>();
	for (const entry of entries) setDepth(entry, byId, depths);
	return entries.sort((a, b) => depths.get(b.id)! - depths.get(a.id)!);
}

/**
 * Sets how many archives stand below an entry, one needed by the next: 0 where it needs none that goes as well. Without
 * recursion, for manifests may be forged to need each other in any number.
 */
function setDepth(entry: RetentionEntry, byId: ReadonlyMap<string, RetentionEntry>, depths: Map<string, number>): void {
	if (depths.has(entry.id)) return;
	const stack = [{ entry, next: 0 }];
	// Stands until all below are counted, and ends the walk where a backup needs itself in the end.
	depths.set(entry.id, 0);
	for (let top = stack.at(-1); top; top = stack.at(-1)) {
		const needed = byId.get(top.entry.needs[top.next++] ?? '');
		if (needed && !depths.has(needed.id)) {
			depths.set(needed.id, 0);
			stack.push({ entry: needed, next: 0 });
		} else if (top.next > top.entry.needs.length) {
			const below = top.entry.needs.filter((id) => byId.has(id)).map((id) => depths.get(id)! + 1);
			depths.set(
				top.entry.id,
				below.reduce((most, depth) => Math.max(most, depth), 0),
			);
			stack.pop();
		}
	}
}
