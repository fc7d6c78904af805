import { onAbort } from '../abort';

/** How long a request that creates something may go on after a cancel, so that what it created can be removed. */
export const GRACE_MS = 2000;

/** How long a cancelled run waits for a busy server to remove what is not whole. What is left of a backup then, `sweep` removes. */
export const CLEAN_UP_MS_AFTER_CANCEL = 5000;

/**
 * Runs an action with a signal that fires some time after the given one.
 * @param graceMs 0 hands the signal on as it is
 */
export async function withGrace<T>(
	signal: AbortSignal | undefined,
	graceMs: number,
	action: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
	if (!signal || graceMs === 0) return await action(signal);
	const late = new AbortController();
	let timer: NodeJS.Timeout | undefined;
	const leaveSignal = onAbort(signal, () => {
		timer = setTimeout(() => late.abort(), graceMs);
	});
	try {
		return await action(late.signal);
	} finally {
		leaveSignal();
		clearTimeout(timer);
	}
}
