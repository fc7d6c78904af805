/**
 * How bytes move: n8n hands out binary data as a stream from its beginning only. A ranged read skips to its first byte;
 * when it has handed out its last one, the stream is kept where it stands, so that the read of the next range goes on from
 * there. An archive that is read range by range is therefore read once, not once a range.
 */
import { Readable } from 'node:stream';

import type { BinaryHelperFunctions, IBinaryData } from 'n8n-workflow';

import { BackupError, messageOf, type ReadOptions, type Storage, type StoredObject } from '../../engine';

/** A stream that is somewhere in the middle. */
interface Place {
	stream: Readable;
	chunks: AsyncIterator<Buffer>;
	/** The offset of the next byte. */
	offset: number;
	/** Read from the stream and not handed out yet. */
	rest: Buffer;
}

/** Incoming binary data as a storage that holds one object and can be read any number of times. */
export class BinaryInput implements Storage {
	readonly isOneRuns = true;
	readonly description = 'n8n binary data';
	#kept: Place | undefined;

	constructor(
		private readonly helpers: Pick<BinaryHelperFunctions, 'getBinaryStream'>,
		private readonly binary: IBinaryData,
		private readonly size: number,
		/** The only one that is there; without it, any name is. */
		private readonly key?: string,
	) {}

	/** The length of binary data, which n8n tells in different places. */
	static async open(
		helpers: Pick<BinaryHelperFunctions, 'getBinaryStream' | 'getBinaryMetadata'>,
		binary: IBinaryData,
		key?: string,
	): Promise<BinaryInput> {
		const inMemory = () => Buffer.byteLength(binary.data, 'base64');
		const size = binary.bytes ?? (binary.id ? (await helpers.getBinaryMetadata(binary.id)).fileSize : inMemory());
		return new BinaryInput(helpers, binary, size, key);
	}

	/** Closes the stream that is kept for the next range. */
	close(): void {
		this.#kept?.stream.destroy();
		this.#kept = undefined;
	}

	async read(key: string, options: ReadOptions = {}): Promise<Readable> {
		if (!this.#holds(key)) throw new BackupError('STORAGE_MISSING', `There is no ${key} in ${this.description}.`);
		const { start = 0, end = this.size, signal } = options;
		const place = this.#placeAt(start) ?? (await this.#open());
		const bytes = Readable.from(this.#range(place, start, end), { objectMode: false });
		if (signal)
			bytes.once(
				'close',
				onAbort(signal, () => bytes.destroy(signal.reason as Error)),
			);
		return bytes;
	}

	#holds(key: string): boolean {
		return this.key === undefined || key === this.key;
	}

	#placeAt(start: number): Place | undefined {
		const place = this.#kept;
		if (place?.offset !== start) return undefined;
		this.#kept = undefined;
		return place;
	}

	async #open(): Promise<Place> {
		const { id, data } = this.binary;
		const stream = id ? await this.helpers.getBinaryStream(id) : Readable.from([Buffer.from(data, 'base64')]);
		return {
			stream,
			chunks: stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>,
			offset: 0,
			rest: Buffer.alloc(0),
		};
	}

	async *#range(place: Place, start: number, end: number): AsyncGenerator<Buffer> {
		let complete = false;
		try {
			while (place.offset < end) {
				const chunk = await next(place);
				if (!chunk) break;
				const from = Math.max(start - place.offset, 0);
				const to = Math.min(end - place.offset, chunk.length);
				place.rest = chunk.subarray(to);
				place.offset += to;
				if (from < to) yield chunk.subarray(from, to);
			}
			complete = true;
		} catch (cause) {
			throw unreadable(cause);
		} finally {
			if (complete && place.offset < this.size) this.#keep(place);
			else place.stream.destroy();
		}
	}

	#keep(place: Place): void {
		this.close();
		this.#kept = place;
	}

	stat(key: string): Promise<StoredObject | undefined> {
		return Promise.resolve(this.#holds(key) ? { key, size: this.size, modifiedAt: new Date() } : undefined);
	}

	async *list(): AsyncGenerator<StoredObject> {}

	write(): Promise<never> {
		return Promise.reject(readOnly());
	}

	replace(): Promise<never> {
		return Promise.reject(readOnly());
	}

	remove(): Promise<never> {
		return Promise.reject(readOnly());
	}

	removeMany(): Promise<never> {
		return Promise.reject(readOnly());
	}

	setLatest(): Promise<never> {
		return Promise.reject(readOnly());
	}

	async readLatest(): Promise<undefined> {}

	async freeBytes(): Promise<undefined> {}

	sweep(): Promise<string[]> {
		return Promise.resolve([]);
	}
}

async function next(place: Place): Promise<Buffer | undefined> {
	if (place.rest.length > 0) {
		const chunk = place.rest;
		place.rest = Buffer.alloc(0);
		return chunk;
	}
	const result = await place.chunks.next();
	return result.done ? undefined : result.value;
}

/** Calls back when the signal fires; the function returned stops listening. */
function onAbort(signal: AbortSignal, callback: () => void): () => void {
	if (signal.aborted) callback();
	else signal.addEventListener('abort', callback, { once: true });
	return () => signal.removeEventListener('abort', callback);
}

function unreadable(cause: unknown): BackupError {
	return new BackupError('STORAGE_FAILED', `The binary data could not be read: ${messageOf(cause)}`, {
		cause,
		hint: 'Check that the execution that made it still exists, and the disk that n8n keeps binary data on.',
	});
}

function readOnly(): BackupError {
	return new BackupError('STORAGE_DENIED', 'Incoming binary data can only be read.');
}
