/**
 * Writes the bulk of an OpenPGP message: everything after the packets that carry the session key. openpgp.js could write
 * it too, but copies what it gets several times over, and a backup of gigabytes then takes 60 MB more memory.
 *
 * Two packets, one inside the other (RFC 4880, which RFC 9580 calls version 1 of this format; GnuPG 2.2 reads it):
 *
 *     packet 18 (5.13, RFC 9580 5.13.1): version 1, then encrypted with AES-256 in CFB mode from a zero vector:
 *         16 random bytes, the last two of them once more
 *         packet 11 (5.9): literal data: format `b`, no name, no date, content
 *         packet 19 (5.14): SHA-1 of all plain bytes before it and of its own header
 *
 * Both packets of unknown length come in partial lengths (4.2.2.4): pieces whose length is a power of two, the first of
 * at least 512 bytes, then a last one of any length. Of the content, each chunk is cut into the largest such pieces, and
 * less than 512 bytes wait for the next chunk. The plain bytes fill a slice of 64 KiB, which is hashed and encrypted when it
 * is full. What was encrypted fills blocks of 1 MiB, each of which is one piece of the outer packet; blocks are lent and used
 * again. So memory holds a few blocks, whatever the length of the content.
 *
 * OpenSSL has a fast way for CBC mode and none for CFB, which takes 1.4 times as long. Both encrypt the same blocks: CFB adds
 * E(C1), E(C2), ... to the plain blocks P2, P3, ..., where C2 is P2 + E(C1); and CBC of P2 after E(C1) is E(P2 + E(C1)), which
 * is E(C2). So CBC of the plain text, from a zero block on, is what CFB adds to it, one block earlier.
 */
import { createCipheriv, createHash, randomBytes } from 'node:crypto';

import { giveBack, lend } from '../../storage/lent';
import { knownLength, partialLength } from './packets';

const BLOCK_BITS = 20;
const BLOCK_BYTES = 2 ** BLOCK_BITS;
const FIRST_PIECE_BYTES = 512;
/** What is hashed and encrypted at once, so that it is read from the processor's cache the second time. Whole blocks of AES. */
const SLICE_BYTES = 64 * 1024;
const AES_BLOCK_BYTES = 16;
const MDC_BYTES = 20;

const SEIPD_TAG = 0xc0 | 18;
const LITERAL_TAG = 0xc0 | 11;
const MDC_HEADER = Buffer.of(0xc0 | 19, 20);
const LITERAL_HEAD = Buffer.from('b\0\0\0\0\0', 'latin1');

/**
 * Encrypts content as one packet of integrity-protected data. Chunks of the source that were lent are given back.
 * @param sessionKey 32 bytes
 */
export async function* seal(source: AsyncIterable<Uint8Array>, sessionKey: Uint8Array): AsyncGenerator<Uint8Array> {
	const packet = new SealedPacket(sessionKey);
	yield Buffer.of(SEIPD_TAG);
	yield* packet.begin();
	for await (const chunk of source) {
		yield* packet.content(chunk);
		giveBack(chunk);
	}
	yield* packet.end();
}

/** AES-256 in CFB mode from a zero vector. */
class CfbCipher {
	readonly #cbc;
	/** What the next block of plain text is combined with. */
	#next: Int32Array;
	readonly #encrypted = new Int32Array(Math.ceil((SLICE_BYTES + MDC_BYTES) / AES_BLOCK_BYTES) * (AES_BLOCK_BYTES / 4));

	constructor(key: Uint8Array) {
		const zero = Buffer.alloc(AES_BLOCK_BYTES);
		this.#cbc = createCipheriv('aes-256-cbc', key, zero);
		this.#next = inWords(this.#cbc.update(zero));
	}

	/**
	 * Encrypts the beginning of a buffer: whole blocks, but for the end of the text.
	 * @returns bytes that stay as they are until the next call
	 */
	encrypt(plain: Int32Array, length: number): Buffer {
		const words = Math.ceil(length / AES_BLOCK_BYTES) * (AES_BLOCK_BYTES / 4);
		const masks = inWords(this.#cbc.update(plain.subarray(0, words)));
		const encrypted = this.#encrypted;
		const first = this.#next;
		const ahead = first.length;
		for (let at = 0; at < ahead; at++) encrypted[at] = (plain[at] as number) ^ (first[at] as number);
		for (let at = ahead; at < words; at++) encrypted[at] = (plain[at] as number) ^ (masks[at - ahead] as number);
		this.#next = masks.slice(-ahead);
		return Buffer.from(encrypted.buffer, 0, length);
	}
}

/** Bytes of whole words as words; copied where they do not begin at the border of one. */
function inWords(bytes: Buffer): Int32Array {
	const { buffer, byteOffset, length } = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
	return new Int32Array(buffer, byteOffset, length / 4);
}

class SealedPacket {
	readonly #cipher: CfbCipher;
	readonly #mdc = createHash('sha1');
	readonly #spare: Buffer[] = [];
	/** The octet of a partial length, and what was encrypted since the block before. */
	#block: Buffer = Buffer.allocUnsafeSlow(1 + BLOCK_BYTES);
	#used = 0;
	/** The literal packet's bytes that do not fill a piece yet. */
	#rest: Uint8Array = LITERAL_HEAD;
	/** Plain bytes that are still to be hashed and encrypted, in words and in bytes, with room for the hash of all. */
	readonly #words = new Int32Array(SLICE_BYTES / 4 + 2 * AES_BLOCK_BYTES);
	readonly #plain = Buffer.from(this.#words.buffer);
	#gathered = 0;

	constructor(sessionKey: Uint8Array) {
		this.#cipher = new CfbCipher(sessionKey);
	}

	*begin(): Generator<Uint8Array> {
		yield* this.#put(Buffer.of(1));
		const random = randomBytes(16);
		yield* this.#encrypt(Buffer.concat([random, random.subarray(14), Buffer.of(LITERAL_TAG)]));
	}

	*content(chunk: Uint8Array): Generator<Uint8Array> {
		let rest = this.#rest;
		let at = 0;
		for (let left = rest.length + chunk.length; left >= FIRST_PIECE_BYTES; left = rest.length + chunk.length - at) {
			const bits = Math.min(Math.floor(Math.log2(left)), BLOCK_BITS);
			yield* this.#encrypt(Buffer.of(partialLength(bits)));
			const taken = 2 ** bits - rest.length;
			if (rest.length > 0) yield* this.#encrypt(rest);
			rest = new Uint8Array();
			yield* this.#encrypt(chunk.subarray(at, at + taken));
			at += taken;
		}
		this.#rest = Buffer.concat([rest, chunk.subarray(at)]);
	}

	*end(): Generator<Uint8Array> {
		yield* this.#encrypt(knownLength(this.#rest.length));
		yield* this.#encrypt(this.#rest);
		yield* this.#encrypt(MDC_HEADER);
		this.#mdc.update(this.#plain.subarray(0, this.#gathered));
		this.#gathered += this.#mdc.digest().copy(this.#plain, this.#gathered);
		yield* this.#put(this.#cipher.encrypt(this.#words, this.#gathered));
		yield Buffer.concat([knownLength(this.#used), this.#block.subarray(1, 1 + this.#used)]);
	}

	*#encrypt(plain: Uint8Array): Generator<Uint8Array> {
		for (let at = 0; at < plain.length;) {
			const piece = plain.subarray(at, at + SLICE_BYTES - this.#gathered);
			this.#plain.set(piece, this.#gathered);
			this.#gathered += piece.length;
			at += piece.length;
			if (this.#gathered < SLICE_BYTES) return;
			this.#mdc.update(this.#plain.subarray(0, SLICE_BYTES));
			yield* this.#put(this.#cipher.encrypt(this.#words, SLICE_BYTES));
			this.#gathered = 0;
		}
	}

	/** Fills blocks, and yields those that are full. */
	*#put(bytes: Buffer): Generator<Uint8Array> {
		for (let at = 0; at < bytes.length;) {
			const taken = bytes.copy(this.#block, 1 + this.#used, at);
			this.#used += taken;
			at += taken;
			if (this.#used < BLOCK_BYTES) return;
			const full = this.#block;
			full[0] = partialLength(BLOCK_BITS);
			this.#block = this.#spare.pop() ?? Buffer.allocUnsafeSlow(1 + BLOCK_BYTES);
			this.#used = 0;
			yield lend(full, () => this.#spare.push(full));
		}
	}
}
