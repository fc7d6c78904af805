import { homeOf, type BackupKind } from '../../archive';
import type { LogMember, LogPlan, SystemLog } from '../../verify/log';
import { isGood, isLogPiece, type RetentionEntry } from '../entry';
import type { Decisions } from './decisions';
import { DEFAULT_RECOVERY_DAYS, rulesFor, type RetentionPolicy } from './policy';
import type { Needing } from './protect';
import { areEmpty } from './rules';

/**
 * Decides on the pieces of logs (PostgreSQL's WAL), which no rule of days or counts is about, and keeps the base backups that the recovery
 * window needs. Two steps, since which pieces stay depends on which base backups do: keepBases before what these need is protected,
 * keepPieces after it.
 */
export class LogRetention {
	readonly #plans: Array<{ log: SystemLog; plan: LogPlan; staying: Set<LogMember> }> = [];
	/** Those that the plan decides on, by their places. */
	readonly #members = new Map<number, LogMember>();
	readonly #pieces: number[] = [];

	/** @param outside Backups of the same storage that the plan does not decide on, all of which stay */
	constructor(
		private readonly decisions: Decisions,
		private readonly outside: readonly Needing[],
		private readonly policy: RetentionPolicy,
		now: Date,
	) {
		const days = policy.wal?.days ?? DEFAULT_RECOVERY_DAYS;
		const byLog = new Map<SystemLog, { members: LogMember[]; staying: Set<LogMember> }>();
		const take = (entry: Pick<RetentionEntry, 'log' | 'complete' | 'lacksNeeded' | 'verified'>) => {
			if (entry.log?.facts === undefined) return undefined;
			const known = byLog.get(entry.log.of) ?? { members: [], staying: new Set() };
			byLog.set(entry.log.of, known);
			const member: LogMember = { facts: entry.log.facts, isGood: isGood(entry) };
			known.members.push(member);
			return { member, staying: known.staying };
		};
		for (const [place, entry] of decisions.entries.entries()) {
			if (isLogPiece(entry)) this.#pieces.push(place);
			const taken = take(entry);
			if (taken) this.#members.set(place, taken.member);
		}
		for (const { entry } of outside) {
			const taken = entry && take(entry);
			taken?.staying.add(taken.member);
		}
		for (const [log, { members, staying }] of byLog) {
			this.#plans.push({ log, staying, plan: log.planOf(members, { days, now }) });
		}
	}

	keepBases(): void {
		for (const [place, member] of this.#members) {
			for (const { plan } of this.#plans) {
				const reason = plan.bases.get(member);
				if (reason) this.decisions.keep(place, reason);
			}
		}
	}

	keepPieces(): void {
		const { entries } = this.decisions;
		if (this.#pieces.length === 0) return;
		const kept = this.#plans.map(({ log, plan, staying }) => {
			for (const [place, member] of this.#members) if (this.decisions.isKept(place)) staying.add(member);
			return plan.pieces(staying, this.#unjudged(log));
		});
		for (const place of this.#pieces) {
			const { rules, which } = rulesFor(entries[place]!, this.policy);
			if ((areEmpty(rules) || rules.last === 'all') && (which >= 0 || !this.policy.wal)) {
				this.decisions.keep(place, { rule: 'noRules', text: 'no rule is set' });
			}
			const member = this.#members.get(place);
			if (!member) {
				this.decisions.keep(place, { rule: 'unjudged', text: 'nothing tells which part of its log it is' });
				continue;
			}
			for (const plan of kept) {
				const reason = plan.get(member);
				if (reason) this.decisions.keep(place, reason);
			}
		}
	}

	/**
	 * Why there may be base backups that nobody knows of: a manifest that cannot be read may be that of one, unless it lies in a folder where
	 * only backups of other kinds are.
	 */
	#unjudged(log: SystemLog): string | undefined {
		const kinds: ReadonlySet<string> = new Set([log.bases, log.pieces]);
		const own = new Set<string>();
		const others = new Set<string>();
		for (const entry of [...this.decisions.entries, ...this.outside.flatMap(({ entry: one }) => one ?? [])]) {
			if (entry.kind === 'foreign') continue;
			const home = homeOf({ key: entry.key, kind: entry.kind });
			if (!kinds.has(entry.kind)) others.add(home);
			else own.add(home);
			if (entry.kind === log.bases && entry.log?.facts === undefined) {
				return `${entry.key} does not tell which part of the log it needs`;
			}
		}
		const mayBeOwn = (key: string, kind: BackupKind) => {
			const home = homeOf({ key, kind });
			return own.has(home) || !others.has(home);
		};
		const unread = this.outside.find(
			({ isUnread, key, mayNeed }) =>
				isUnread &&
				(mayNeed?.kind === undefined || kinds.has(mayNeed.kind)) &&
				(mayBeOwn(key, log.bases) || mayBeOwn(key, log.pieces)),
		);
		return unread && `${unread.key} cannot be read, and may be that of a base backup`;
	}
}
