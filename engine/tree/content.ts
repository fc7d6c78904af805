/**
 * How content is found in an archive. The frames of an archive follow each other in its tar without a gap, so the manifest
 * says which frames hold the bytes from one offset to another. Entries come in the order of their names, which is the order in
 * which an archive holds them: so one reader goes through the frames that are wanted, once, and each entry takes its bytes from
 * the frame at hand and from those that follow. In memory: one frame, or a piece of a large one.
 */
import { createHash } from 'node:crypto';

import { BackupError } from '../errors';
import type { ArchiveReader, ManifestPart } from '../archive';
import type { StoredFile } from './compare';
import { shownName } from './name';

/** Which frames of an archive hold content that is wanted. */
export class WantedFrames {
	/** Offset in the tar of the first byte of each frame. */
	readonly #starts: number[] = [];
	readonly #wanted = new Set<number>();
	readonly #size: number;

	constructor({ manifest }: ArchiveReader) {
		let offset = 0;
		for (const { rawLength } of manifest.parts) {
			this.#starts.push(offset);
			offset += rawLength;
		}
		this.#size = offset;
	}

	/** Adds the frames of some bytes. False where the archive has no such bytes. */
	add(offset: number, size: number): boolean {
		if (offset + size > this.#size) return false;
		if (size === 0) return true;
		for (let frame = this.frameAt(offset); frame < this.#starts.length; frame++) {
			if (this.startOf(frame) >= offset + size) break;
			this.#wanted.add(frame);
		}
		return true;
	}

	get isEmpty(): boolean {
		return this.#wanted.size === 0;
	}

	has(frame: number): boolean {
		return this.#wanted.has(frame);
	}

	startOf(frame: number): number {
		return this.#starts[frame] ?? this.#size;
	}

	/** The last frame that begins at an offset or before it: frames without content are passed over. */
	frameAt(offset: number): number {
		let low = 0;
		let high = this.#starts.length - 1;
		while (low < high) {
			const middle = Math.ceil((low + high) / 2);
			if (this.startOf(middle) <= offset) low = middle;
			else high = middle - 1;
		}
		return low;
	}
}

/** Reads the wanted frames of one archive, in order. Ends with `close`, always. */
export class ContentReader {
	readonly #key: string;
	readonly #frames: WantedFrames;
	readonly #parts: AsyncGenerator<{ index: number; part: ManifestPart; raw: Uint8Array | AsyncIterable<Uint8Array> }>;
	/** What is left of the frame at hand. */
	#pieces: AsyncIterator<Uint8Array> | undefined;
	#piece: Uint8Array = new Uint8Array();
	/** Offset in the tar of the first byte of `#piece`. */
	#position = 0;

	constructor(reader: ArchiveReader, frames: WantedFrames, signal: AbortSignal) {
		this.#key = reader.key;
		this.#frames = frames;
		this.#parts = reader.parts((_part, index) => frames.has(index), signal);
	}

	/**
	 * The content of a file. Its last chunk comes only when the hash of all of it was right. It is to be read to its end, or
	 * given up, before that of the next file is asked for; and files come in the order of the archive.
	 * @throws BackupError ARCHIVE_CORRUPT, and what ArchiveReader.parts throws
	 */
	async *contentOf({ name, size, sha256, content }: StoredFile): AsyncGenerator<Uint8Array> {
		const digest = createHash('sha256');
		let last: Uint8Array | undefined;
		if (size > 0) await this.#skipTo(content.offset, name);
		for (let left = size; left > 0;) {
			const piece = (await this.#filled(name)).subarray(0, left);
			this.#take(piece.length);
			digest.update(piece);
			left -= piece.length;
			if (last) yield last;
			last = piece;
		}
		if (digest.digest('hex') !== sha256) {
			throw this.#corrupt(`the content of ${shownName(name)} is not what was stored`);
		}
		if (last) yield last;
	}

	async close(): Promise<void> {
		await this.#parts.return(undefined);
	}

	async #skipTo(offset: number, name: string): Promise<void> {
		if (offset < this.#position) throw this.#corrupt(`${shownName(name)} is out of order`);
		while (this.#position + this.#piece.length <= offset) {
			this.#position += this.#piece.length;
			this.#piece = new Uint8Array();
			if (!(await this.#next())) throw this.#corrupt(`${shownName(name)} is not in it`);
			if (this.#position > offset) throw this.#corrupt(`${shownName(name)} is out of order`);
		}
		this.#take(offset - this.#position);
	}

	async #filled(name: string): Promise<Uint8Array> {
		while (this.#piece.length === 0) if (!(await this.#next())) throw this.#corrupt(`${shownName(name)} is not whole`);
		return this.#piece;
	}

	#take(length: number): void {
		this.#piece = this.#piece.subarray(length);
		this.#position += length;
	}

	/** Comes to the next piece, of this frame or the next wanted one. False at the end. */
	async #next(): Promise<boolean> {
		const next = await this.#pieces?.next();
		if (next?.done === false) {
			this.#piece = next.value;
			return true;
		}
		this.#pieces = undefined;
		const part = await this.#parts.next();
		if (part.done) return false;
		const { index, raw } = part.value;
		this.#position = this.#frames.startOf(index);
		if (raw instanceof Uint8Array) this.#piece = raw;
		else this.#pieces = raw[Symbol.asyncIterator]();
		return true;
	}

	#corrupt(what: string): BackupError {
		return new BackupError('ARCHIVE_CORRUPT', `The archive ${this.#key} is damaged: ${what}.`, {
			hint: 'Choose another backup, or a copy of this one.',
		});
	}
}
