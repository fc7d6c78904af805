import { createHash } from 'node:crypto';

import { ByteChannel } from './channel';
import type { Encryptor } from '../encryption/encryption';
import type { ManifestPart } from '../manifest/manifest';

const CHANNEL_BYTES = 8 * 1024 * 1024;

export interface PartDetails {
	/** In the terms of the archive's kind: `pre-data`, `data`, `post-data`, `stream`. */
	type: string;
	/** Index into the manifest's tables. */
	table?: number;
	/** As `table`, for a part that holds rows of several. */
	tables?: number[];
	rows?: number;
}

/**
 * The one place where frames become the file: held by one frame or stream at a time, indexed on the way in, encrypted,
 * hashed and counted on the way out. The way out is pulled by the storage; see writer.ts. What is not encrypted is hashed
 * on the way in already, so that its hash is known before the storage is done.
 */
export class ArchiveOutput {
	readonly parts: ManifestPart[] = [];
	rawBytes = 0;
	compressedBytes = 0;
	storedBytes = 0;
	/** Whether all of the file was handed to the storage. */
	ended = false;
	readonly #channel = new ByteChannel(CHANNEL_BYTES);
	readonly #hash = createHash('sha256');
	readonly #encryptor: Encryptor | undefined;
	#turn: Promise<void> = Promise.resolve();

	constructor(encryptor: Encryptor | undefined) {
		this.#encryptor = encryptor;
	}

	/** Runs the work when everything that asked for the output before is done with it. */
	async hold<T>(work: () => Promise<T>): Promise<T> {
		const before = this.#turn;
		let release = () => {};
		this.#turn = new Promise((resolve) => (release = resolve));
		try {
			await before;
			return await work();
		} finally {
			release();
		}
	}

	/** Compressed bytes of the frame that holds the output; resolves when there is room for more. */
	push(chunk: Uint8Array): Promise<void> {
		if (!this.#encryptor) this.#hash.update(chunk);
		return this.#channel.push(chunk);
	}

	/**
	 * Hashes and pushes a compressed frame and enters it into the index; for the one that holds the output. The hash is made on
	 * the main thread: Node's way to the thread pool (Web Crypto) copies the frame and wipes the copy, a third more work.
	 */
	async append(details: PartDetails, pieces: Uint8Array[], rawLength: number): Promise<void> {
		const hash = createHash('sha256');
		let length = 0;
		for (const piece of pieces) {
			// Once it is pushed, the storage may let others have its memory.
			hash.update(piece);
			length += piece.length;
			await this.push(piece);
		}
		this.addPart(details, { length, rawLength, sha256: hash.digest('hex') });
	}

	/** Enters the frame that was just pushed into the index. */
	addPart(details: PartDetails, frame: { length: number; rawLength: number; sha256: string }): ManifestPart {
		const { type, table, tables, rows } = details;
		const { length, rawLength, sha256 } = frame;
		const part: ManifestPart = { type, offset: this.compressedBytes, length, rawLength, sha256 };
		if (table !== undefined) part.table = table;
		if (tables !== undefined) part.tables = tables;
		if (rows !== undefined) part.rows = rows;
		this.compressedBytes += length;
		this.rawBytes += rawLength;
		this.parts.push(part);
		return part;
	}

	/** No more frames will come. */
	end(): void {
		this.#channel.end();
	}

	/** Ends the file's bytes, and every push, with this error. */
	destroy(error: unknown): void {
		this.#channel.destroy(error);
	}

	/** The file as it is stored, to be read once. `onFirstPull` is called when the reader asks for the first byte. */
	async *stored(onFirstPull: () => void): AsyncGenerator<Uint8Array> {
		onFirstPull();
		const bytes = this.#encryptor ? this.#encryptor.encrypt(this.#channel) : this.#channel;
		for await (const chunk of bytes) {
			if (this.#encryptor) this.#hash.update(chunk);
			this.storedBytes += chunk.length;
			yield chunk;
		}
		// A stream that ended because the write has failed must never pass for a whole one.
		this.#channel.throwIfDestroyed();
		this.ended = true;
	}

	/** Whether `sha256` will be the hash of the part that comes next, when that has been pushed. */
	get hashesFirstPart(): boolean {
		return !this.#encryptor && this.compressedBytes === 0;
	}

	/** The hash of what was pushed so far, in hex; of an encrypted file, that of what the storage has read so far. */
	sha256(): string {
		return this.#hash.copy().digest('hex');
	}
}
