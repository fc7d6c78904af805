/**
 * How content is found in an archive. The frames of an archive follow each other in its tar without a gap, so the manifest
 * says which frames hold the bytes from one offset to another. Entries come in the order of their names, which is the order in
 * which an archive holds them: so one reader goes through the frames that are wanted, once, and each entry takes its bytes from
 * the frame at hand and from those that follow. In memory: two frames, or a piece of a large one, and those that
 * contents lie in that are still being written. A target that gives contents back has the next frames take their place (storage/lent.ts).
 */
import { createHash, hash } from 'node:crypto';

import { BackupError } from '../errors';
import type { ArchiveReader, ManifestPart } from '../archive';
import { giveBack, lend } from '../storage/lent';
import type { StoredFile } from './compare';
import type { TreeEntry } from './entry';
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

/** A frame whose memory is used again once the reader has left it and all contents in it were given back. */
class LentFrame {
	#users = 1;

	constructor(private readonly raw: Uint8Array) {}

	lend(content: Uint8Array): Uint8Array {
		this.#users++;
		return lend(content, () => this.leave());
	}

	leave(): void {
		if (--this.#users === 0) giveBack(this.raw);
	}
}

interface ReadPart {
	index: number;
	part: ManifestPart;
	raw: Uint8Array | AsyncIterable<Uint8Array>;
}

/** Reads the wanted frames of one archive, in order. Ends with `close`, always. */
export class ContentReader {
	readonly #key: string;
	readonly #frames: WantedFrames;
	readonly #lends: boolean;
	readonly #parts: AsyncGenerator<ReadPart>;
	/** The frame that comes next: it is read while the one at hand is written. */
	#coming: Promise<IteratorResult<ReadPart>> | undefined;
	/** The frame at hand, where its memory is lent. */
	#frame: LentFrame | undefined;
	/** What is left of the frame at hand. */
	#pieces: AsyncIterator<Uint8Array> | undefined;
	#piece: Uint8Array = new Uint8Array();
	/** Offset in the tar of the first byte of `#piece`. */
	#position = 0;

	/** @param options.lends whether contents are lent: whoever has written one gives it back */
	constructor(
		reader: ArchiveReader,
		frames: WantedFrames,
		signal: AbortSignal,
		{ lends = false }: { lends?: boolean } = {},
	) {
		this.#key = reader.key;
		this.#frames = frames;
		this.#lends = lends;
		this.#parts = reader.parts((_part, index) => frames.has(index), signal, { lends });
	}

	/**
	 * The content of a file. Its last chunk comes only when the hash of all of it was right. It is to be read to its end, or
	 * given up, before that of the next file is asked for; and files come in the order of the archive.
	 * @throws BackupError ARCHIVE_CORRUPT, and what ArchiveReader.parts throws
	 */
	async *contentOf(entry: StoredFile): AsyncGenerator<Uint8Array> {
		const { name, size, content } = entry;
		const digest = createHash('sha256');
		let last: Uint8Array | undefined;
		if (size > 0) await this.#skipTo(content.offset, name);
		for (let left = size; left > 0;) {
			const piece = this.#lent((await this.#filled(name)).subarray(0, left));
			this.#take(piece.length);
			digest.update(piece);
			left -= piece.length;
			if (last) yield last;
			last = piece;
		}
		if (digest.digest('hex') !== entry.sha256) throw this.changed(entry);
		if (last) yield last;
	}

	/** The content of a small file, in one piece, for which the same holds. */
	async wholeOf(entry: StoredFile): Promise<Uint8Array> {
		const whole = await this.uncheckedWholeOf(entry);
		if (hash('sha256', whole, 'hex') !== entry.sha256) throw this.changed(entry);
		return whole;
	}

	/** The same for who compares it with the hash of the entry. */
	async uncheckedWholeOf({ name, size, content }: StoredFile): Promise<Uint8Array> {
		if (size > 0 && content.offset !== this.#position) await this.#skipTo(content.offset, name);
		let whole = this.#piece.subarray(0, size);
		const isInFrame = whole.length === size && size > 0;
		this.#take(whole.length);
		if (whole.length < size) {
			const pieces: Uint8Array[] = [this.#lent(whole)];
			for (let left = size - whole.length; left > 0; left -= pieces.at(-1)!.length) {
				const piece = this.#lent((await this.#filled(name)).subarray(0, left));
				this.#take(piece.length);
				pieces.push(piece);
			}
			whole = Buffer.concat(pieces);
			for (const piece of pieces) giveBack(piece);
		}
		return isInFrame ? this.#lent(whole) : whole;
	}

	/** The same where all of it lies in the piece at hand, without waiting; undefined where it does not. */
	wholeAtHand({ size, content }: StoredFile): Uint8Array | undefined {
		if (size === 0) return new Uint8Array();
		const from = content.offset - this.#position;
		if (from < 0 || from + size > this.#piece.length) return undefined;
		const whole = this.#piece.subarray(from, from + size);
		this.#take(from + size);
		return this.#lent(whole);
	}

	#lent(content: Uint8Array): Uint8Array {
		return this.#frame?.lend(content) ?? content;
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
		this.#frame?.leave();
		this.#frame = undefined;
		const part = await (this.#coming ?? this.#parts.next());
		this.#coming = undefined;
		if (part.done) return false;
		const { index, raw } = part.value;
		this.#position = this.#frames.startOf(index);
		if (raw instanceof Uint8Array) {
			this.#piece = raw;
			if (this.#lends) this.#frame = new LentFrame(raw);
			this.#coming = this.#parts.next();
			// Its error is met when it is wanted.
			this.#coming.catch(() => {});
		} else this.#pieces = raw[Symbol.asyncIterator]();
		return true;
	}

	/** The error for an entry whose content has not its hash. */
	changed({ name }: TreeEntry): BackupError {
		return this.#corrupt(`the content of ${shownName(name)} is not what was stored`);
	}

	#corrupt(what: string): BackupError {
		return new BackupError('ARCHIVE_CORRUPT', `The archive ${this.#key} is damaged: ${what}.`, {
			hint: 'Choose another backup, or a copy of this one.',
		});
	}
}
