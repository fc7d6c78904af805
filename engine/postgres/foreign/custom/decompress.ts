/*
 * The compressed contents of one data block.
 *
 * How bytes move through: a writer takes the block's pieces one by one and waits while zlib's buffer is full; the
 * consumer takes what zlib gives. Both end before the generator ends, whichever of the three fails or leaves first, so
 * that whoever reads on from the archive afterwards is alone with it.
 */
import { once } from 'node:events';
import { createInflate, createZstdDecompress, type Inflate, type ZstdDecompress } from 'node:zlib';
import { BackupError } from '../../../errors';
import { damaged, endsEarly } from './bytes';
import type { ArchiveCompression } from './header';

/** @throws BackupError UNSUPPORTED_VERSION for lz4. */
export function checkCompression(compression: ArchiveCompression): void {
	if (compression !== 'lz4') return;
	throw new BackupError('UNSUPPORTED_VERSION', 'The archive is compressed with lz4, which cannot be read here.', {
		hint: 'Make it again with pg_dump -Fc --compress=gzip or zstd, or turn it into SQL with pg_restore -f dump.sql.',
	});
}

/** @param name what the data is, for errors. @throws BackupError ARCHIVE_CORRUPT when it cannot be decompressed. */
export async function* decompress(
	pieces: AsyncIterable<Buffer>,
	compression: ArchiveCompression,
	name: string,
): AsyncGenerator<Buffer, void, undefined> {
	if (compression === 'none') return yield* pieces;
	checkCompression(compression);
	const input = pieces[Symbol.asyncIterator]();
	const first = await input.next();
	// An empty table may have no piece at all, not even an empty compressed one.
	if (first.done) return;
	const stream = compression === 'zstd' ? createZstdDecompress() : createInflate();
	let writing: { bytes: number; error?: unknown } | undefined;
	const writer = feed(stream, first.value, input).then((result) => {
		writing = result;
		if (result.error !== undefined) stream.destroy();
		return result;
	});
	try {
		for await (const chunk of stream) yield chunk as Buffer;
		checkConsumed(stream, (await writer).bytes, name);
	} catch (error) {
		// The source's own failure explains more than what zlib makes of it.
		if (writing?.error instanceof BackupError) throw writing.error;
		if (error instanceof BackupError) throw error;
		const { code } = error as { code?: string };
		if (code === 'Z_BUF_ERROR') throw endsEarly(name);
		throw writing?.error ?? damaged(`${name} cannot be decompressed`, error);
	} finally {
		stream.destroy();
		await writer;
	}
}

/** Never rejects: answers how many bytes went in, and what went wrong with their source. */
async function feed(
	stream: Inflate | ZstdDecompress,
	first: Buffer,
	input: AsyncIterator<Buffer>,
): Promise<{ bytes: number; error?: unknown }> {
	let bytes = 0;
	const closed = once(stream, 'close').catch(() => undefined);
	try {
		for (let piece: Buffer | undefined = first; piece && !stream.destroyed;) {
			bytes += piece.length;
			if (!stream.write(piece)) {
				const drained = new AbortController();
				await Promise.race([once(stream, 'drain', { signal: drained.signal }).catch(() => undefined), closed]);
				drained.abort();
			}
			const next: IteratorResult<Buffer> = await input.next();
			piece = next.done ? undefined : next.value;
		}
		if (!stream.destroyed) stream.end();
		return { bytes };
	} catch (error) {
		return { bytes, error };
	}
}

/** Inflate silently ignores what stands after the end of its data. */
function checkConsumed(stream: Inflate | ZstdDecompress, written: number, name: string): void {
	if (stream.bytesWritten < written) throw damaged(`${name} has bytes after its end`);
}
