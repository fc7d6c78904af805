import { setTimeout as sleep } from 'node:timers/promises';

import { cancelled } from '../../errors';
import { pauseWanted } from './failure';

/**
 * Waits for a server that limits how often it is asked (status 429), each time as long as it says. All waits of a run
 * together stay within a limit: after that, calls fail at once, so that many refusals cannot delay a run for long.
 */
export class RetryBudget {
	#left: number;

	/** @param limit Milliseconds */
	constructor(limit: number) {
		this.#left = limit;
	}

	/** Repeats what is refused for its frequency; throws the refusal where the wait would be too long. */
	async during<T>(ask: () => Promise<T>, signal?: AbortSignal): Promise<T> {
		for (;;) {
			try {
				return await ask();
			} catch (error) {
				const pause = pauseWanted(error);
				if (pause === undefined || pause * 1000 > this.#left) throw error;
				this.#left -= pause * 1000;
				await sleep(pause * 1000, undefined, { signal }).catch(() => {
					throw cancelled();
				});
			}
		}
	}
}
