import { setImmediate } from 'node:timers/promises';

import { throwIfCancelled } from '../../../engine/errors';
import type { Clock } from '../../../engine/storage/clock';

/** A clock on which time passes only while somebody waits, and then at once. */
export interface QuickClock extends Clock {
	/** The waits so far, in milliseconds. */
	readonly waits: number[];
	pass(milliseconds: number): void;
}

export function quickClock(): QuickClock {
	let now = 0;
	const waits: number[] = [];
	return {
		waits,
		now: () => now,
		pass: (milliseconds) => (now += milliseconds),
		async wait(milliseconds, signal) {
			throwIfCancelled(signal);
			waits.push(milliseconds);
			now += milliseconds;
			await setImmediate();
			throwIfCancelled(signal);
		},
	};
}
