import { cancelled } from '../errors';

/**
 * The promise's value, or CANCELLED as soon as the signal fires; a value that comes later goes to `onLate`. For work that a
 * server does not stop when nobody listens any more.
 */
export async function orCancelled<T>(
	promise: Promise<T>,
	signal: AbortSignal | undefined,
	onLate: (value: T) => Promise<void>,
): Promise<T> {
	if (!signal) return await promise;
	let onAbort = () => {};
	const aborted = new Promise<never>((_resolve, reject) => {
		onAbort = () => reject(cancelled());
		if (signal.aborted) onAbort();
		else signal.addEventListener('abort', onAbort, { once: true });
	});
	try {
		return await Promise.race([promise, aborted]);
	} catch (error) {
		if (signal.aborted) promise.then(onLate).catch(() => {});
		throw error;
	} finally {
		signal.removeEventListener('abort', onAbort);
	}
}
