import { isGood, isLogPiece, policySeriesOf, type RetentionEntry } from '../entry';
import { type Decision, Decisions } from './decisions';
import { LogRetention } from './log';
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
import { applyRules, applyWeeklySnapshots, areEmpty, type Members } from './rules';
import { Zone } from './zone';

export type { Decision };

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
 * 6. Pieces of a log are decided by the base backups that stay alone; no moment of the recovery window gets lost (see log.ts, and its test
 *    in test/unit/postgres/physical/retain.test.ts).
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
	const { decisions, refusal } = decide({ entries, now, policy, timeZone, outside, due });
	const going = decisions.going().map((place) => decisions.entries[place]!);
	const all = decisions.entries.map((_entry, place) => decisions.at(place));
	return { decisions: all, deletable: refusal ? [] : deletableOf(going), refusal };
}

/** What is to be decided, see planRetention. */
export interface RetentionQuestion {
	entries: readonly RetentionEntry[];
	now: Date;
	policy: RetentionPolicy;
	timeZone: string;
	outside: readonly Needing[];
	due: ReadonlySet<RetentionEntry>;
}

/**
 * Decides as planRetention does, without an object for each backup.
 * @throws BackupError INVALID_INPUT for a zone that does not exist
 */
export function decide({ entries, now, policy, timeZone, outside, due }: RetentionQuestion): {
	decisions: Decisions;
	refusal: Refusal | undefined;
} {
	const zone = new Zone(timeZone);
	const decisions = new Decisions(entries);
	for (const { rules, places } of seriesIn(decisions.entries, policy)) applyTo(decisions, places, rules, { now, zone });
	protect(decisions, now);
	protectCheckpoints(decisions, now);
	const logs = new LogRetention(decisions, outside, policy, now);
	logs.keepBases();
	protectNeeded(decisions, outside);
	logs.keepPieces();
	const refusal = refuseFuture(decisions.entries, now, policy) ?? refuseShare(decisions, policy, due);
	return { decisions, refusal };
}

interface Series {
	rules: KeepRules;
	/** Of its backups, newest first. */
	places: number[];
}

/** Backups of one thing under one set of rules. */
function seriesIn(sorted: readonly RetentionEntry[], policy: RetentionPolicy): Iterable<Series> {
	const all = new Map<string, Series>();
	for (const [place, entry] of sorted.entries()) {
		if (entry.checkpoint || isLogPiece(entry)) continue;
		const { rules, which } = rulesFor(entry, policy);
		const key = `${which} ${policySeriesOf(entry)}`;
		const series = all.get(key);
		if (series) series.places.push(place);
		else all.set(key, { rules, places: [place] });
	}
	return all.values();
}

function applyTo(
	decisions: Decisions,
	places: readonly number[],
	rules: KeepRules,
	clock: { now: Date; zone: Zone },
): void {
	const { entries } = decisions;
	const isWeekly = weekOfKey(entries[places[0]!]!.key) !== undefined;
	const keepsAll = isWeekly ? !rules.weeklySnapshots : areEmpty(rules);
	if (keepsAll) {
		for (const place of places) decisions.keep(place, { rule: 'noRules', text: 'no rule is set' });
		return;
	}
	// Once among all and once among the good ones: a damaged backup ages like any other, but takes no good one's place.
	const good = places.filter((place) => isGood(entries[place]!));
	for (const some of good.length === places.length ? [places] : [good, places]) {
		const members: Members = { decisions, places: some };
		if (isWeekly) applyWeeklySnapshots(members, rules.weeklySnapshots!);
		else applyRules(members, rules, clock);
	}
}

function refuseFuture(sorted: readonly RetentionEntry[], now: Date, policy: RetentionPolicy): Refusal | undefined {
	const minutes = policy.futureToleranceMinutes ?? DEFAULT_FUTURE_TOLERANCE_MINUTES;
	const latest = now.getTime() + minutes * 60_000;
	const ahead = sorted.filter((entry) => latestTime(entry) > latest);
	if (ahead.length === 0) return undefined;
	const { key, startedAt } = ahead[0]!;
	return {
		reason: 'future',
		message: `${ahead.length} backups are from the future (${key}, ${startedAt}), so a clock is or was wrong.`,
		hint: 'Set the clock right. If it was wrong when those backups were made, remove them or wait until their time has come.',
	};
}

function latestTime({ startedAt, finishedAt }: RetentionEntry): number {
	return Math.max(Date.parse(startedAt), Date.parse(finishedAt));
}

function refuseShare(
	decisions: Decisions,
	policy: RetentionPolicy,
	due: ReadonlySet<RetentionEntry>,
): Refusal | undefined {
	// Checkpoints are no backups: of a large one there are hundreds. Pieces of a log go where a base backup lets them go, all at once.
	let count = 0;
	let deleted = 0;
	for (const [place, entry] of decisions.entries.entries()) {
		if (due.has(entry) || entry.checkpoint || isLogPiece(entry)) continue;
		count++;
		if (!decisions.isKept(place)) deleted++;
	}
	const share = policy.maxDeletedShare ?? DEFAULT_MAX_DELETED_SHARE;
	if (deleted <= count * share) return undefined;
	return {
		reason: 'share',
		message: `${deleted} of ${count} backups would be deleted, more than the ${percentOf(share)} that may go at once.`,
		hint: 'Look at the dry run. If it is what you want, allow a larger share for one run.',
	};
}

/** Newest first, but whatever needs others before these: a run that breaks off leaves no backup without what it needs. */
function deletableOf(entries: RetentionEntry[]): RetentionEntry[] {
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
