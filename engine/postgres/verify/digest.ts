/**
 * How bytes move through: rows in COPY's text format come as chunks that are cut anywhere. Each row is hashed where it lies,
 * without a copy and without an object of its own. For a row that continues in the next chunk, only the state of its hash and
 * at most fifteen bytes are kept.
 */

const NEWLINE = 0x0a;
const BLOCK = 16;

const C1 = 0x239b961b;
const C2 = 0xab0e9789;
const C3 = 0x38b34ae5;
const C4 = 0xa1e38b93;

/** 2^32. */
const LIMB = 0x1_0000_0000;

/**
 * A digest of a table's rows that does not depend on their order: the sum, modulo 2^128, of a hash of each row, and their
 * number. Duplicate rows count twice. The hash is MurmurHash3_x86_128 (public domain, Austin Appleby), of 128
 * bits: two different tables do not get the same digest by accident. At hundreds of megabytes a second it keeps up with a COPY,
 * which a cryptographic hash for every row does not.
 */
export class RowDigest {
	rows = 0;
	/** The sum, lowest limb first; each a whole number below 2^32. */
	#sum0 = 0;
	#sum1 = 0;
	#sum2 = 0;
	#sum3 = 0;
	/** The state of the hash of the current row. */
	#h1 = 0;
	#h2 = 0;
	#h3 = 0;
	#h4 = 0;
	#length = 0;
	readonly #pending = Buffer.alloc(BLOCK);
	#pendingBytes = 0;

	/** Takes the next bytes of rows that each end in a line feed. */
	push(chunk: Buffer): void {
		let at = 0;
		for (;;) {
			const end = chunk.indexOf(NEWLINE, at);
			if (end < 0) break;
			this.add(chunk, at, end);
			this.endRow();
			at = end + 1;
		}
		this.add(chunk, at, chunk.length);
	}

	/** Takes bytes of the current row, which hold no line feed. */
	add(chunk: Buffer, start: number, end: number): void {
		this.#length += end - start;
		let at = start;
		if (this.#pendingBytes > 0) {
			const taken = chunk.copy(this.#pending, this.#pendingBytes, at, Math.min(end, at + BLOCK - this.#pendingBytes));
			this.#pendingBytes += taken;
			at += taken;
			if (this.#pendingBytes < BLOCK) return;
			this.#blocks(this.#pending, 0, BLOCK);
			this.#pendingBytes = 0;
		}
		const whole = at + ((end - at) & ~(BLOCK - 1));
		if (whole > at) this.#blocks(chunk, at, whole);
		for (let rest = whole; rest < end; rest++) this.#pending[this.#pendingBytes++] = chunk[rest] as number;
	}

	/** Ends the current row. */
	endRow(): void {
		this.rows++;
		this.#finishRow();
		this.#h1 = this.#h2 = this.#h3 = this.#h4 = this.#length = this.#pendingBytes = 0;
	}

	/** The digest of all rows so far, as 32 hexadecimal digits. The lowest limb comes first, so that a single row gives its hash as others write it. */
	get value(): string {
		return [this.#sum0, this.#sum1, this.#sum2, this.#sum3].map((limb) => limb.toString(16).padStart(8, '0')).join('');
	}

	equals(other: RowDigest): boolean {
		return this.rows === other.rows && this.value === other.value;
	}

	#blocks(chunk: Buffer, start: number, end: number): void {
		let [h1, h2, h3, h4] = [this.#h1, this.#h2, this.#h3, this.#h4];
		for (let at = start; at < end; at += BLOCK) {
			h1 ^= mixed(word(chunk, at), C1, 15, C2);
			h1 = (((h1 << 19) | (h1 >>> 13)) + h2) | 0;
			h1 = (Math.imul(h1, 5) + 0x561ccd1b) | 0;
			h2 ^= mixed(word(chunk, at + 4), C2, 16, C3);
			h2 = (((h2 << 17) | (h2 >>> 15)) + h3) | 0;
			h2 = (Math.imul(h2, 5) + 0x0bcaa747) | 0;
			h3 ^= mixed(word(chunk, at + 8), C3, 17, C4);
			h3 = (((h3 << 15) | (h3 >>> 17)) + h4) | 0;
			h3 = (Math.imul(h3, 5) + 0x96cd1c35) | 0;
			h4 ^= mixed(word(chunk, at + 12), C4, 18, C1);
			h4 = (((h4 << 13) | (h4 >>> 19)) + h1) | 0;
			h4 = (Math.imul(h4, 5) + 0x32ac3b17) | 0;
		}
		this.#h1 = h1;
		this.#h2 = h2;
		this.#h3 = h3;
		this.#h4 = h4;
	}

	#finishRow(): void {
		const tail = this.#pending;
		if (this.#pendingBytes > 0) {
			tail.fill(0, this.#pendingBytes);
			this.#h1 ^= mixed(word(tail, 0), C1, 15, C2);
			this.#h2 ^= mixed(word(tail, 4), C2, 16, C3);
			this.#h3 ^= mixed(word(tail, 8), C3, 17, C4);
			this.#h4 ^= mixed(word(tail, 12), C4, 18, C1);
		}
		const length = this.#length;
		const sum = ((this.#h1 ^ length) + (this.#h2 ^ length) + (this.#h3 ^ length) + (this.#h4 ^ length)) | 0;
		const h1 = avalanche(sum);
		const h2 = avalanche(((this.#h2 ^ length) + sum) | 0);
		const h3 = avalanche(((this.#h3 ^ length) + sum) | 0);
		const h4 = avalanche(((this.#h4 ^ length) + sum) | 0);
		const all = (h1 + h2 + h3 + h4) | 0;
		this.#addToSum(all, (h2 + all) | 0, (h3 + all) | 0, (h4 + all) | 0);
	}

	#addToSum(h1: number, h2: number, h3: number, h4: number): void {
		let sum = this.#sum0 + (h1 >>> 0);
		this.#sum0 = sum >>> 0;
		sum = this.#sum1 + (h2 >>> 0) + (sum >= LIMB ? 1 : 0);
		this.#sum1 = sum >>> 0;
		sum = this.#sum2 + (h3 >>> 0) + (sum >= LIMB ? 1 : 0);
		this.#sum2 = sum >>> 0;
		this.#sum3 = (this.#sum3 + (h4 >>> 0) + (sum >= LIMB ? 1 : 0)) >>> 0;
	}
}

function word(bytes: Buffer, at: number): number {
	return (
		(bytes[at] as number) |
		((bytes[at + 1] as number) << 8) |
		((bytes[at + 2] as number) << 16) |
		((bytes[at + 3] as number) << 24)
	);
}

function mixed(k: number, first: number, turn: number, second: number): number {
	const multiplied = Math.imul(k, first);
	return Math.imul((multiplied << turn) | (multiplied >>> (32 - turn)), second);
}

function avalanche(h: number): number {
	h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
	h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
	return h ^ (h >>> 16);
}
