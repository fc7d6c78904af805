import { setImmediate } from 'node:timers/promises';

import { cancelled } from '../../../engine/errors';
import type { Clock } from '../../../engine/storage/clock';

/** A clock that stands still until the test lets time pass. */
export class DrivenClock implements Clock {
	#now = 0;
	readonly #waiting = new Set<{ until: number; end: () => void }>();
	#onWait = () => {};

	/** How many wait. */
	get waiting(): number {
		return this.#waiting.size;
	}

	/** Resolves when so many wait. */
	async nextWait(count = 1): Promise<void> {
		while (this.#waiting.size < count) await new Promise<void>((resolve) => (this.#onWait = resolve));
	}

	now(): number {
		return this.#now;
	}

	wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
		return new Promise((resolve, reject) => {
			const waiting = { until: this.#now + milliseconds, end: () => resolve() };
			this.#waiting.add(waiting);
			this.#onWait();
			signal?.addEventListener('abort', () => {
				this.#waiting.delete(waiting);
				reject(cancelled());
			});
		});
	}

	/** Ends each wait at its moment, one after another, and lets what follows from it happen. */
	async advance(milliseconds: number): Promise<void> {
		const until = this.#now + milliseconds;
		for (;;) {
			await setImmediate();
			const [next] = [...this.#waiting].sort((a, b) => a.until - b.until);
			if (!next || next.until > until) break;
			this.#now = Math.max(this.#now, next.until);
			this.#waiting.delete(next);
			next.end();
		}
		this.#now = until;
	}
}
