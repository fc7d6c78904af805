import { Readable } from 'node:stream';

import { cancelled, throwIfCancelled } from '../errors';

/**
 * Hands on the source's chunks until it ends or the signal fires, whichever is first: a source that stalls does not
 * hold up a cancel. The source is closed in every case; one that ignores being closed is not waited for.
 *
 * Each chunk waits on a promise of its own, because racing every chunk against one promise for the signal would make
 * that promise collect a reaction per chunk, and memory would grow with the stream.
 * @throws the source's error; BackupError CANCELLED once the signal has fired
 */
export async function* untilAborted(
	source: AsyncIterable<Uint8Array>,
	signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
	const iterator = source[Symbol.asyncIterator]();
	let giveUp = (_error: Error) => {};
	const onAbort = () => giveUp(cancelled());
	signal.addEventListener('abort', onAbort);
	let ended = false;
	try {
		for (;;) {
			throwIfCancelled(signal);
			const result = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
				giveUp = reject;
				iterator.next().then(resolve, reject);
			});
			if (result.done) {
				ended = true;
				return;
			}
			yield result.value;
		}
	} finally {
		signal.removeEventListener('abort', onAbort);
		if (!ended) close(source, iterator);
	}
}

/** Tells a source that nobody will read it (any further). */
export function closeSource(source: AsyncIterable<Uint8Array>): void {
	close(source, source[Symbol.asyncIterator]());
}

/** A generator's `return` waits behind a pending `next`, so a stream is destroyed, and nothing is awaited. */
function close(source: AsyncIterable<Uint8Array>, iterator: AsyncIterator<Uint8Array>): void {
	if (source instanceof Readable) source.destroy();
	iterator.return?.().catch(() => {});
}
