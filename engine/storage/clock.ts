import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

import { cancelled } from '../errors';

/** Time as what waits and tries again sees it, so that a test can let hours pass at once. */
export interface Clock {
	/** Milliseconds since some moment; never goes back, whatever happens to the system's clock. */
	now(): number;
	/** @throws BackupError CANCELLED as soon as the signal fires */
	wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void>;
}

export const systemClock: Clock = {
	now: () => performance.now(),
	async wait(milliseconds, signal) {
		try {
			await sleep(milliseconds, undefined, { signal });
		} catch {
			throw cancelled();
		}
	},
};
