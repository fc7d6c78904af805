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
import { applyRules, applyWeeklySnapshots, areEmpty, type AddReason, type Decision, type Reason } from './rules';
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
	const decisions = newestFirst(entries).map(unlessKept);
	const shared = new SharedReasons();
	const add = (decision: Decision, reason: Reason) => {
		const isKept = decision.action === 'keep';
		if (isKept && decision.reasons.some(({ rule }) => rule === reason.rule)) return;
		const alone = shared.in(reason);
		decision.reasons = isKept ? [...decision.reasons, ...alone] : alone;
		decision.action = 'keep';
	};
	for (const { rules, members } of seriesIn(decisions, policy)) applyTo(members, rules, { now, zone }, add);
	protect(decisions, now, add);
	protectCheckpoints(decisions, now, add);
	protectNeeded(decisions, outside, ({ action }) => action === 'keep', add);
	const refusal = refuseFuture(decisions, now, policy) ?? refuseShare(decisions, policy, due);
	return { decisions, deletable: refusal ? [] : deletableOf(decisions), refusal };
}

const EXPIRED: readonly Reason[] = [{ rule: 'expired', text: 'no rule keeps it' }];
const UNNEEDED: readonly Reason[] = [{ rule: 'expired', text: 'no backup needs it' }];

/** What becomes of a backup that nothing keeps. */
function unlessKept(entry: RetentionEntry): Decision {
	return { entry, action: 'delete', reasons: entry.checkpoint ? UNNEEDED : EXPIRED };
}

/** A hundred thousand backups stay or go for a few hundred different reasons: each is held once, in a list of its own. */
class SharedReasons {
	readonly #known = new Map<string, readonly Reason[]>();

	in(reason: Reason): readonly Reason[] {
		const id = `${reason.rule} ${reason.text}`;
		const known = this.#known.get(id) ?? [reason];
		this.#known.set(id, known);
		return known;
	}
}

interface Series {
	rules: KeepRules;
	members: Decision[];
}

/** Backups of one thing under one set of rules. */
function seriesIn(sorted: readonly Decision[], policy: RetentionPolicy): Iterable<Series> {
	const all = new Map<string, Series>();
	for (const decision of sorted) {
		const { entry } = decision;
		if (entry.checkpoint) continue;
		const { rules, which } = rulesFor(entry, policy);
		const key = `${which} ${policySeriesOf(entry)}`;
		const series = all.get(key) ?? { rules, members: [] };
		series.members.push(decision);
		all.set(key, series);
	}
	return all.values();
}

function applyTo(members: Decision[], rules: KeepRules, clock: { now: Date; zone: Zone }, add: AddReason): void {
	const isWeekly = weekOfKey(members[0]!.entry.key) !== undefined;
	const keepsAll = isWeekly ? !rules.weeklySnapshots : areEmpty(rules);
	if (keepsAll) {
		for (const decision of members) add(decision, { rule: 'noRules', text: 'no rule is set' });
		return;
	}
	// Once among all and once among the good ones: a damaged backup ages like any other, but takes no good one's place.
	const good = members.filter(({ entry }) => isGood(entry));
	for (const some of good.length === members.length ? [members] : [good, members]) {
		if (isWeekly) applyWeeklySnapshots(some, rules.weeklySnapshots!, add);
		else applyRules(some, rules, clock, add);
	}
}

function refuseFuture(sorted: readonly Decision[], now: Date, policy: RetentionPolicy): Refusal | undefined {
	const minutes = policy.futureToleranceMinutes ?? DEFAULT_FUTURE_TOLERANCE_MINUTES;
	const latest = now.getTime() + minutes * 60_000;
	const ahead = sorted.filter(({ entry }) => latestTime(entry) > latest);
	if (ahead.length === 0) return undefined;
	const { key, startedAt } = ahead[0]!.entry;
	return {
		reason: 'future',
		message: `${ahead.length} backups are from the future (${key}, ${startedAt}), so a clock is or was wrong.`,
		hint: 'Set the clock right. If it was wrong when those backups were made, remove them or wait until their time has come.',
	};
}

function latestTime({ startedAt, finishedAt }: RetentionEntry): number {
	return Math.max(Date.parse(startedAt), Date.parse(finishedAt));
}

function refuseShare(all: Decision[], policy: RetentionPolicy, due: ReadonlySet<RetentionEntry>): Refusal | undefined {
	// Checkpoints are no backups: of a large one there are hundreds.
	let count = 0;
	let deleted = 0;
	for (const { entry, action } of all) {
		if (due.has(entry) || entry.checkpoint) continue;
		count++;
		if (action === 'delete') deleted++;
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
