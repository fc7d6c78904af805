import { isLogPiece, newestFirst, type RetentionEntry } from '../entry';

/** Why a backup is kept, or goes. */
export interface Reason {
	rule:
		| 'last'
		| 'withinDays'
		| 'daily'
		| 'weekly'
		| 'monthly'
		| 'yearly'
		| 'weeklySnapshots'
		| 'noRules'
		| 'lastGood'
		| 'lastVerified'
		| 'lastLeft'
		| 'pinned'
		| 'needed'
		| 'recovery'
		| 'unjudged'
		| 'resumable'
		| 'locked'
		| 'legalHold'
		| 'expired';
	/** For people: `the newest of 2020-W53 (weekly 2 of 4)`. */
	text: string;
}

/** What becomes of one backup. */
export interface Decision {
	entry: RetentionEntry;
	action: 'keep' | 'delete';
	/** All that apply, at least one. Decisions for the same reasons share them. */
	reasons: readonly Reason[];
}

const EXPIRED: readonly Reason[] = [{ rule: 'expired', text: 'no rule keeps it' }];
const UNNEEDED: readonly Reason[] = [{ rule: 'expired', text: 'no backup needs it' }];

/**
 * What is decided of each of a hundred thousand backups, while it is being decided: by their places in their order, newest first. An
 * object for each would be moved about by V8's garbage collector, which makes room for several times as many to do so.
 */
export class Decisions {
	/** Newest first. */
	readonly entries: readonly RetentionEntry[];
	/** Why each is kept; undefined for what is not. Few reasons differ, and those who have the same share them. */
	readonly #reasons: Array<readonly Reason[] | undefined>;
	readonly #known = new Map<string, readonly Reason[]>();

	constructor(entries: readonly RetentionEntry[]) {
		this.entries = newestFirst(entries);
		this.#reasons = new Array<readonly Reason[] | undefined>(entries.length).fill(undefined);
	}

	isKept(place: number): boolean {
		return this.#reasons[place] !== undefined;
	}

	/** Keeps a backup for a reason; of several by one rule, the first is told. */
	keep(place: number, reason: Reason): void {
		const before = this.#reasons[place];
		if (before?.some(({ rule }) => rule === reason.rule)) return;
		const alone = this.#shared(reason);
		this.#reasons[place] = before ? [...before, ...alone] : alone;
	}

	/** What was decided of a backup, for those who look at it. */
	at(place: number): Decision {
		const entry = this.entries[place]!;
		const reasons = this.#reasons[place];
		if (reasons) return { entry, action: 'keep', reasons };
		return { entry, action: 'delete', reasons: entry.checkpoint || isLogPiece(entry) ? UNNEEDED : EXPIRED };
	}

	/** The places of all that go, newest first. */
	going(): number[] {
		const places: number[] = [];
		for (let place = 0; place < this.entries.length; place++) if (!this.isKept(place)) places.push(place);
		return places;
	}

	#shared(reason: Reason): readonly Reason[] {
		const id = `${reason.rule} ${reason.text}`;
		const known = this.#known.get(id) ?? [reason];
		this.#known.set(id, known);
		return known;
	}
}
