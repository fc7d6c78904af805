/**
 * A token bucket: bytes go on at a steady rate, whoever moves them. What waits does so in one line, a slice at a time, and goes to its
 * end after each: so parallel streams share the rate evenly, however large their chunks are. There is one timer, for the first in
 * the line, and none while nobody waits.
 */
import { cancelled } from '../errors';
import { type Clock, systemClock } from './clock';
import type { Gate } from './gate';

/** What is let through in one turn. Chunks of archives, files and connections are as large or larger. */
const SLICE = 64 * 1024;
/** As much of what nobody used may be caught up with: a timer comes late, and a source may have been slow for a moment. */
const BURST_MS = 250;

interface Waiting {
	bytes: number;
	begin: () => void;
}

export class Bandwidth implements Gate {
	readonly #bytesPerMs: number;
	readonly #waiting: Waiting[] = [];
	/** When the next slice may go on. */
	#freeAt = -Infinity;
	/** Ends the wait for that moment; undefined while nobody waits. */
	#pause: AbortController | undefined;

	constructor(
		bytesPerSecond: number,
		private readonly clock: Clock = systemClock,
	) {
		this.#bytesPerMs = bytesPerSecond / 1000;
	}

	async pass(bytes: number, signal: AbortSignal | undefined): Promise<void> {
		for (let left = bytes; left > 0; left -= SLICE) await this.#turn(Math.min(left, SLICE), signal);
	}

	#turn(bytes: number, signal: AbortSignal | undefined): Promise<void> {
		return new Promise((resolve, reject) => {
			if (signal?.aborted) {
				reject(cancelled());
				return;
			}
			const onAbort = () => {
				this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
				if (this.#waiting.length === 0) this.#pause?.abort();
				reject(cancelled());
			};
			const begin = () => {
				signal?.removeEventListener('abort', onAbort);
				resolve();
			};
			const waiting = { bytes, begin };
			signal?.addEventListener('abort', onAbort, { once: true });
			this.#waiting.push(waiting);
			if (!this.#pause) void this.#serve();
		});
	}

	async #serve(): Promise<void> {
		for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
			const now = this.clock.now();
			if (this.#freeAt > now) {
				this.#pause = new AbortController();
				// It is broken off when nobody waits any more.
				await this.clock.wait(this.#freeAt - now, this.#pause.signal).catch(() => {});
				continue;
			}
			this.#waiting.shift();
			this.#freeAt = Math.max(this.#freeAt, now - BURST_MS) + first.bytes / this.#bytesPerMs;
			first.begin();
		}
		this.#pause = undefined;
	}
}
