/** What becomes of each entry of a restore, by what the target has in its place, and the count of all. */
import type { TreeEntry } from './entry';
import { shownName } from './name';
import { entriesExist } from './restore-errors';
import type { Existing, Found, TreeTarget } from './target';

export interface RestoredTree {
	/** Entries that were written, and their bytes. */
	written: number;
	bytes: number;
	/** That were there already, just as they are in the backup. */
	same: number;
	/** That are other than in the backup, and were left as they are. */
	skipped: number;
	/** Some names of those. */
	skippedNames: string[];
	/** That were other, and were written over. */
	overwritten: number;
}

/** As many names as are told. */
export const NAMES_TOLD = 20;

export class Placement {
	readonly result: RestoredTree = { written: 0, bytes: 0, same: 0, skipped: 0, skippedNames: [], overwritten: 0 };
	readonly #target: TreeTarget;
	readonly #existing: Existing;
	readonly #signal: AbortSignal;

	constructor(target: TreeTarget, existing: Existing, signal: AbortSignal) {
		this.#target = target;
		this.#existing = existing;
		this.#signal = signal;
	}

	/**
	 * Whether an entry is to be written; a promise only where that takes a look at what is there. Counts what is not.
	 * @param onSkip called where it stays as it is
	 * @throws BackupError TARGET_EXISTS, and what the target throws
	 */
	isToBeWritten(entry: TreeEntry, onSkip?: () => void): Promise<boolean> | boolean {
		const found = this.#target.look(entry, this.#signal);
		return found === 'nothing' || this.#isToBeWritten(entry, found, onSkip);
	}

	async #isToBeWritten(entry: TreeEntry, looked: Promise<Found> | Found, onSkip?: () => void): Promise<boolean> {
		const found = await looked;
		if (found === 'nothing') return true;
		if (found === 'same') {
			await this.#target.complete?.(entry, this.#signal);
			this.result.same++;
			return false;
		}
		// It was not there a moment ago, when all of the selection was looked at.
		if (this.#existing === 'fail') throw entriesExist([shownName(entry.name)], 1);
		if (this.#existing === 'overwrite') {
			this.result.overwritten++;
			return true;
		}
		this.skip(entry);
		onSkip?.();
		return false;
	}

	skip({ name }: TreeEntry): void {
		this.result.skipped++;
		if (this.result.skippedNames.length < NAMES_TOLD) this.result.skippedNames.push(shownName(name));
	}

	wrote(bytes: number): void {
		this.result.written++;
		this.result.bytes += bytes;
	}
}
