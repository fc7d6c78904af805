/** How an object is copied, and what of it is told where that fails: one that cannot be copied keeps no other from it. */
import { BackupError, messageOf, type ErrorCode } from '../../errors';
import { shownName } from '../../tree';
import { KeyNotTaken } from '../client';
import type { Listed } from './place';
import { tell, type UnderWay } from './queue';
import { count, type MirrorReport, type Tally } from './report';
import type { Decision, Ends } from './settle';
import type { Slot } from './slots';
import type { StateRecord } from './state';
import { transfer } from './transfer';

/**
 * Failures of the target one after another, after which the rest is not tried: of one that is full nothing else comes. What is denied, or
 * lies in a cold storage class, says nothing of what follows, however much it is; keys that may write nothing at all get no lock.
 */
const MOST_FAILURES = 100;
/** A name that is taken, an object that the keys may not read, one that is too large. Servers that are away have other codes. */
const OF_ONE_OBJECT: readonly ErrorCode[] = [
	'ACCESS_DENIED',
	'TARGET_EXISTS',
	'INVALID_INPUT',
	'SOURCE_FAILED',
	'TARGET_FAILED',
];

/** The object that was copied last, and how many were, with their bytes. */
export interface CopyProgress {
	name: string;
	copied: number;
	bytes: number;
}

interface CopyingOptions {
	ends: Ends;
	report: MirrorReport;
	onProgress: ((progress: CopyProgress) => void) | undefined;
	signal: AbortSignal;
}

export class Copying {
	/** Bytes that were copied since this was set to zero. */
	unrecorded = 0;
	readonly #options: CopyingOptions;
	readonly #copied = { count: 0, bytes: 0 };
	/** Objects that the target did not take, since one was copied. */
	#failures = 0;

	constructor(options: CopyingOptions) {
		this.#options = options;
	}

	/** @param slot is left when all of the object was read, and released by the caller @throws where the others cannot be copied either */
	async copy(under: UnderWay, { source, isNew }: Extract<Decision, { kind: 'copy' }>, slot: Slot): Promise<void> {
		const { ends, report, signal } = this.#options;
		if (ends.target.implies?.(source)) return;
		const { below } = under;
		const refused = ends.target.refuses(source.name, below);
		if (refused !== undefined) {
			under.told.push(() => this.#tellOf(this.#notTaken(under), source, `its name ${refused}.`));
			return;
		}
		const into = isNew ? report.added : report.changed;
		if (report.dryRun) return tell(under, into, source);
		try {
			const done = await transfer({ source, isNew, below, onRead: () => slot.leave() }, ends, signal);
			if (done.kind === 'copied') {
				under.result = done.record;
				tell(under, into, done.record);
				this.#count(done.record);
			} else tell(under, done.kind === 'vanished' ? report.vanished : report.changing, source);
		} catch (error) {
			if (!signal.aborted && error instanceof KeyNotTaken) {
				under.told.push(() => this.#tellOf(this.#notTaken(under), source, messageOf(error)));
				return;
			}
			if (signal.aborted || !isOfOneObject(error) || this.#failures >= MOST_FAILURES) throw error;
			if (error.code === 'TARGET_FAILED') this.#failures++;
			under.told.push(() => this.#tellOf(report.failed, source, messageOf(error)));
		}
	}

	#count({ name, size }: StateRecord): void {
		this.unrecorded += size;
		this.#failures = 0;
		this.#copied.count++;
		this.#copied.bytes += size;
		this.#options.onProgress?.({ name, copied: this.#copied.count, bytes: this.#copied.bytes });
	}

	/**
	 * How an object counts that the target cannot hold. What only the target has, and keeps, is in its way in each run: somebody has
	 * to look at that. Where it goes, the next run copies the object.
	 */
	#notTaken({ isInTheWay }: UnderWay): Tally {
		const { ends, report } = this.#options;
		return isInTheWay && !ends.remove ? report.failed : report.leftOut;
	}

	/** Counts an object that is not in the target; why the first of them are not, is told. */
	#tellOf(tally: Tally, source: Listed, why: string): void {
		count(tally, source);
		if (tally.count <= 5) this.#options.report.warnings.push(`${shownName(source.name)}: ${why}`);
	}
}

/** Failures that say nothing of the other objects. */
function isOfOneObject(error: unknown): error is BackupError {
	return error instanceof BackupError && OF_ONE_OBJECT.includes(error.code);
}
