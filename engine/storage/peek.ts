import { throwIfCancelled } from '../errors';

/**
 * Reads the beginning of a stream; `whole` is the stream with that put back in front, to be read once.
 * @param length Bytes of the head, fewer where the stream is shorter.
 * @throws what the source throws, which is closed then; BackupError CANCELLED
 */
export async function peek(
	source: AsyncIterable<Uint8Array>,
	length: number,
	signal: AbortSignal | undefined,
): Promise<{ head: Buffer; whole: AsyncGenerator<Buffer, void, undefined> }> {
	const input = source[Symbol.asyncIterator]();
	const pieces: Buffer[] = [];
	let bytes = 0;
	let ended = false;
	try {
		while (bytes < length && !ended) {
			throwIfCancelled(signal);
			const result = await input.next();
			if (result.done) ended = true;
			else {
				pieces.push(asBuffer(result.value));
				bytes += result.value.byteLength;
			}
		}
	} catch (error) {
		await input.return?.();
		throw error;
	}
	const head = Buffer.concat(pieces).subarray(0, length);
	const whole = (async function* () {
		try {
			yield* pieces.splice(0);
			while (!ended) {
				throwIfCancelled(signal);
				const result = await input.next();
				if (result.done) return;
				yield asBuffer(result.value);
			}
		} finally {
			await input.return?.();
		}
	})();
	return { head, whole };
}

function asBuffer(bytes: Uint8Array): Buffer {
	return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
