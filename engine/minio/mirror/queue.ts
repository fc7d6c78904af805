/** The names whose results are not taken up yet, in their order: what is done first may be the last of them. */
import type { Met } from './march';
import { count, type Tally } from './report';
import type { StateRecord } from './state';

export interface UnderWay {
	met: Met;
	/** The name of an object that it lies below: see KeysAbove. */
	below: string | undefined;
	/** Whether only the target has that object. */
	isInTheWay: boolean;
	/** What is to be recorded of it. */
	result: StateRecord | undefined;
	isDone: boolean;
	/** Undefined where nothing had to be waited for. */
	promise: Promise<void> | undefined;
	/** Tells the report of it; in the order of names, whichever answer comes first. */
	readonly told: (() => void)[];
}

export class Queue {
	readonly #names: UnderWay[] = [];

	get length(): number {
		return this.#names.length;
	}

	get first(): UnderWay | undefined {
		return this.#names[0];
	}

	get all(): Iterable<UnderWay> {
		return this.#names;
	}

	push(under: UnderWay): void {
		this.#names.push(under);
	}

	/**
	 * Takes up what is done: up to the first name that is not.
	 * @param record is given each of them, and returns what is to be waited for, if anything
	 * @returns how many there were
	 * @throws as `record`
	 */
	async takeUp(record: (under: UnderWay) => Promise<void> | undefined): Promise<number> {
		let taken = 0;
		try {
			for (const under of this.#names) {
				if (!under.isDone) break;
				taken++;
				for (const telling of under.told) telling();
				await record(under);
			}
		} finally {
			// What was put once is not put again, also where it could not be written yet.
			this.#names.splice(0, taken);
		}
		return taken;
	}

	/** Waits for all that goes on, however it ends. */
	async settled(): Promise<void> {
		await Promise.allSettled(this.#names.flatMap(({ promise }) => promise ?? []));
	}
}

/** Counts an object when all before it were. */
export function tell({ told }: UnderWay, tally: Tally, object: { name: string; size: number }): void {
	told.push(() => count(tally, object));
}
