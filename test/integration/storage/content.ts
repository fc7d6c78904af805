import { createHash } from 'node:crypto';

/** Bytes that differ everywhere, made anew for every use: chunk i begins with its number. */
export async function* content(bytes: number, chunkBytes = 100_000): AsyncGenerator<Buffer, void, undefined> {
	for (let offset = 0; offset < bytes; offset += chunkBytes) {
		const chunk = Buffer.alloc(Math.min(chunkBytes, bytes - offset), offset % 251);
		if (chunk.length >= 6) chunk.writeUIntBE(offset, 0, 6);
		await Promise.resolve();
		yield chunk;
	}
}

/** SHA-256 and length of a stream. */
export async function digest(source: AsyncIterable<Uint8Array>): Promise<{ sha256: string; bytes: number }> {
	const hash = createHash('sha256');
	let bytes = 0;
	for await (const chunk of source) {
		hash.update(chunk);
		bytes += chunk.length;
	}
	return { sha256: hash.digest('hex'), bytes };
}

/** Content that stops after so many bytes and then waits for ever. */
export async function* stalling(bytes: number, onStall: () => void): AsyncGenerator<Buffer, void, undefined> {
	yield* content(bytes);
	onStall();
	await new Promise(() => {});
}

/** Content that fails after so many bytes. */
export async function* failing(bytes: number): AsyncGenerator<Buffer, void, undefined> {
	yield* content(bytes);
	throw new Error('the source broke');
}

/** Everything that an async iterable yields. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
	const found: T[] = [];
	for await (const item of items) found.push(item);
	return found;
}
