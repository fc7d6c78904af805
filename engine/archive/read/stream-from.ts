import { Readable } from 'node:stream';

/**
 * A generator of bytes as a Readable. Unlike with Readable.from, destroying it does not wait for a read that hangs:
 * `onDestroy` is called first and is to end whatever the generator waits for.
 */
export function streamFrom(source: AsyncGenerator<Uint8Array>, onDestroy: () => void): Readable {
	return new Readable({
		highWaterMark: 1,
		read() {
			nextBytes(source).then(
				(bytes) => this.push(bytes),
				(error: unknown) => this.destroy(error as Error),
			);
		},
		destroy(error, done) {
			onDestroy();
			source.return(undefined).then(
				() => done(error),
				() => done(error),
			);
		},
	});
}

/** An empty push would stop a Readable, so empty chunks are passed over; null at the end. */
async function nextBytes(source: AsyncGenerator<Uint8Array>): Promise<Uint8Array | null> {
	for (;;) {
		const result = await source.next();
		if (result.done) return null;
		if (result.value.length > 0) return result.value;
	}
}
