/** Looks at the pages of one file after the other as it streams by, each when it is complete. */
import { CHECKSUM_AT } from '../checksum';
import type { Lsn } from '../lsn';
import { INCREMENTAL_HEAD_BYTES, type IncrementalHead, readIncrementalHead } from '../incrementalHead';
import { pageChecksum } from './pageChecksum';
import { relationFile } from './relationFile';

/** How a cluster's files are laid out. */
export interface PageLayout {
	/** Bytes of a page: 8192 unless the server was built otherwise. */
	blockBytes: number;
	/** Bytes of a relation's file at most: 1 GiB unless the server was built otherwise. */
	relationFileBytes: number;
	/**
	 * Where the backup began. A page that was changed after that may be torn, half of it written when it was read: WAL holds it whole, so
	 * it is not looked at. Neither does the server.
	 */
	startLsn: Lsn;
}

/** A page whose checksum is not that of its content. */
export interface DamagedPage {
	file: string;
	/** Number of the page within its relation, as messages of the server have it. */
	block: number;
}

interface FileHead {
	bytes: Uint8Array;
	filled: number;
	known: IncrementalHead | undefined;
}

/** Where a page has the upper end of its free space (PageHeaderData.pd_upper). */
const UPPER_AT = 14;
/** Pages that are named; of more only the number is told. */
const NAMED = 20;

export class PageCheck {
	/** Pages whose checksum was compared. */
	checked = 0;
	damaged = 0;
	/** The first of the damaged ones. */
	readonly pages: DamagedPage[] = [];

	readonly #layout: PageLayout;
	/** A page that comes in several pieces. */
	readonly #page: Uint8Array;
	readonly #startHigh: number;
	readonly #startLow: number;
	readonly #segmentBlocks: number;
	#file: string | undefined;
	/** Number of the file's first page within its relation. */
	#firstBlock = 0;
	/** How many pages of the file have come. */
	#index = 0;
	#filled = 0;
	/** Of a file with changed blocks alone: what stands in front of them, and which they are. */
	#head: FileHead | undefined;
	#blocks: Uint32Array | undefined;

	constructor(layout: PageLayout) {
		this.#layout = layout;
		this.#page = new Uint8Array(layout.blockBytes);
		this.#segmentBlocks = layout.relationFileBytes / layout.blockBytes;
		this.#startHigh = Number(layout.startLsn >> 32n);
		this.#startLow = Number(layout.startLsn & 0xffff_ffffn);
	}

	/** The next file. */
	begin(path: string): void {
		const relation = relationFile(path);
		this.#file = relation && path;
		this.#index = 0;
		this.#filled = 0;
		this.#blocks = undefined;
		this.#head = relation?.isIncremental
			? { bytes: new Uint8Array(INCREMENTAL_HEAD_BYTES), filled: 0, known: undefined }
			: undefined;
		this.#firstBlock = (relation?.segment ?? 0) * this.#segmentBlocks;
	}

	/** Bytes of the file, in order. */
	take(bytes: Uint8Array): void {
		if (this.#file === undefined) return;
		let at = this.#head ? this.#takeHead(this.#head, bytes) : 0;
		const { blockBytes } = this.#layout;
		while (at < bytes.length && this.#file !== undefined) {
			const end = Math.min(at + blockBytes - this.#filled, bytes.length);
			const piece = bytes.subarray(at, end);
			at = end;
			if (piece.length === blockBytes) this.#check(this.#file, piece);
			else this.#gather(this.#file, piece);
		}
	}

	#gather(file: string, piece: Uint8Array): void {
		this.#page.set(piece, this.#filled);
		this.#filled += piece.length;
		if (this.#filled < this.#page.length) return;
		this.#filled = 0;
		this.#check(file, this.#page);
	}

	/** Gathers what stands in front of the blocks; returns where they begin in these bytes. */
	#takeHead(head: FileHead, bytes: Uint8Array): number {
		let at = 0;
		for (;;) {
			const end = Math.min(at + head.bytes.length - head.filled, bytes.length);
			head.bytes.set(bytes.subarray(at, end), head.filled);
			head.filled += end - at;
			at = end;
			if (head.filled < head.bytes.length) return at;
			if (head.known) break;
			const { blockBytes } = this.#layout;
			head.known = readIncrementalHead(head.bytes, blockBytes, this.#segmentBlocks);
			if (!head.known) {
				// The manifest tells whether it is as it was sent; there are no pages to be found.
				this.#file = undefined;
				return bytes.length;
			}
			const whole = new Uint8Array(head.known.headerBytes);
			whole.set(head.bytes);
			head.bytes = whole;
		}
		const { blocks } = head.known;
		this.#blocks = new Uint32Array(head.bytes.buffer, INCREMENTAL_HEAD_BYTES, blocks);
		this.#head = undefined;
		return at;
	}

	#check(file: string, page: Uint8Array): void {
		const index = this.#blocks ? this.#blocks[this.#index] : this.#index;
		this.#index++;
		// A page that was never written has no upper end of its free space, and no checksum.
		if (index === undefined || numberAt(page, UPPER_AT, 2) === 0) return;
		const [high, low] = [numberAt(page, 0, 4), numberAt(page, 4, 4)];
		if (high > this.#startHigh || (high === this.#startHigh && low >= this.#startLow)) return;
		this.checked++;
		const block = this.#firstBlock + index;
		if (pageChecksum(page, block) === numberAt(page, CHECKSUM_AT, 2)) return;
		if (++this.damaged <= NAMED) this.pages.push({ file, block });
	}
}

/** A number of PostgreSQL's in so many bytes, the lowest first. */
function numberAt(bytes: Uint8Array, at: number, length: 2 | 4): number {
	const low = bytes[at]! | (bytes[at + 1]! << 8);
	return length === 2 ? low : (low | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}
