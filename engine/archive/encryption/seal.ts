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
 * Both packets of unknown length come in partial lengths (4.2.2.4): pieces whose length is a power of two, then a last one of
 * any length. All pieces of a packet but the last have one size, 1 MiB outside and 64 KiB inside, so that a range of the content
 * can be found and decrypted by itself: see layout.ts.
 *
 * A piece's length comes before it and is only known when the piece is full, or when the content has ended. So the plain bytes of
 * one inner piece are gathered behind a place for its length; then they are hashed and encrypted, but for the last few, which
 * do not fill a block of AES. What was encrypted fills blocks of 1 MiB, each of which is one piece of the outer packet; blocks are
 * lent and used again. So memory holds a few blocks, whatever the length of the content.
 *
 * OpenSSL has a fast way for CBC mode and none for CFB, which takes 1.4 times as long. Both encrypt the same blocks: CFB adds
 * E(C1), E(C2), ... to the plain blocks P2, P3, ..., where C2 is P2 + E(C1); and CBC of P2 after E(C1) is E(P2 + E(C1)), which
 * is E(C2). So CBC of the plain text, from a zero block on, is what CFB adds to it, one block earlier.
 */
import { createCipheriv, createHash, randomBytes } from 'node:crypto';

import { giveBack, lend, release } from '../../storage/lent';
import { inWords } from './cipher-output';
import {
	LITERAL_HEAD,
	LITERAL_TAG,
	MDC_HEADER,
	PIECES,
	PREFIX_BYTES,
	SEIPD_TAG,
	SEIPD_VERSION,
	SHA1_BYTES,
} from './layout';
import { knownLength, partialLength } from './packets';

/** A piece of the outer packet. */
const BLOCK_BYTES = PIECES.outer;
/** A piece of the inner packet. Hashed and encrypted at once, so that it is read from the processor's cache the second time. */
const PIECE_BYTES = PIECES.inner;
const AES_BLOCK_BYTES = 16;
const LONGEST_LENGTH = 5;

/** Bytes that are encrypted at once at most: a piece, what comes before the first and after the last, in whole blocks. */
const ROOM_BYTES = inBlocks(PREFIX_BYTES + 1 + LONGEST_LENGTH + PIECE_BYTES + MDC_HEADER.length + SHA1_BYTES);

function inBlocks(bytes: number): number {
	return Math.ceil(bytes / AES_BLOCK_BYTES) * AES_BLOCK_BYTES;
}

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
	readonly #encrypted = new Int32Array(ROOM_BYTES / 4);

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
		const words = inBlocks(length) / 4;
		const output = this.#cbc.update(plain.subarray(0, words));
		const masks = inWords(output);
		const encrypted = this.#encrypted;
		const first = this.#next;
		const ahead = first.length;
		for (let at = 0; at < ahead; at++) encrypted[at] = (plain[at] as number) ^ (first[at] as number);
		for (let at = ahead; at < words; at++) encrypted[at] = (plain[at] as number) ^ (masks[at - ahead] as number);
		this.#next = masks.slice(-ahead);
		release(output);
		return Buffer.from(encrypted.buffer, 0, length);
	}
}

class SealedPacket {
	readonly #cipher: CfbCipher;
	readonly #mdc = createHash('sha1');
	readonly #spare: Buffer[] = [];
	/** The octet of a partial length, and what was encrypted since the block before. */
	#block: Buffer = Buffer.allocUnsafeSlow(1 + BLOCK_BYTES);
	#used = 0;
	/** Plain bytes that are still to be hashed and encrypted, in words and in bytes. */
	readonly #words = new Int32Array(ROOM_BYTES / 4);
	readonly #plain = Buffer.from(this.#words.buffer);
	#gathered = 0;
	/** Where the length of the literal packet's present piece goes: into one octet, unless the piece is the last. */
	#lengthAt = 0;

	constructor(sessionKey: Uint8Array) {
		this.#cipher = new CfbCipher(sessionKey);
	}

	*begin(): Generator<Uint8Array> {
		yield* this.#put(SEIPD_VERSION);
		const random = randomBytes(PREFIX_BYTES - 2);
		this.#gather(Buffer.concat([random, random.subarray(-2), Buffer.of(LITERAL_TAG)]));
		this.#beginPiece();
		this.#gather(LITERAL_HEAD);
	}

	*content(chunk: Uint8Array): Generator<Uint8Array> {
		for (let at = 0; at < chunk.length;) {
			const missing = this.#lengthAt + 1 + PIECE_BYTES - this.#gathered;
			const taken = chunk.subarray(at, at + missing);
			this.#gather(taken);
			at += taken.length;
			if (taken.length < missing) return;
			this.#plain[this.#lengthAt] = partialLength(Math.log2(PIECE_BYTES));
			const whole = this.#gathered - (this.#gathered % AES_BLOCK_BYTES);
			this.#mdc.update(this.#plain.subarray(0, whole));
			yield* this.#put(this.#cipher.encrypt(this.#words, whole));
			this.#plain.copyWithin(0, whole, this.#gathered);
			this.#gathered -= whole;
			this.#beginPiece();
		}
	}

	*end(): Generator<Uint8Array> {
		const start = this.#lengthAt + 1;
		const length = knownLength(this.#gathered - start);
		this.#plain.copyWithin(this.#lengthAt + length.length, start, this.#gathered);
		this.#plain.set(length, this.#lengthAt);
		this.#gathered += length.length - 1;
		this.#gather(MDC_HEADER);
		this.#mdc.update(this.#plain.subarray(0, this.#gathered));
		this.#gather(this.#mdc.digest());
		yield* this.#put(this.#cipher.encrypt(this.#words, this.#gathered));
		yield Buffer.concat([knownLength(this.#used), this.#block.subarray(1, 1 + this.#used)]);
	}

	#beginPiece(): void {
		this.#lengthAt = this.#gathered++;
	}

	#gather(plain: Uint8Array): void {
		this.#plain.set(plain, this.#gathered);
		this.#gathered += plain.length;
	}

	/** Fills blocks, and yields those that are full. */
	*#put(bytes: Buffer): Generator<Uint8Array> {
		for (let at = 0; at < bytes.length;) {
			const taken = bytes.copy(this.#block, 1 + this.#used, at);
			this.#used += taken;
			at += taken;
			if (this.#used < BLOCK_BYTES) return;
			const full = this.#block;
			full[0] = partialLength(Math.log2(BLOCK_BYTES));
			this.#block = this.#spare.pop() ?? Buffer.allocUnsafeSlow(1 + BLOCK_BYTES);
			this.#used = 0;
			yield lend(full, () => this.#spare.push(full));
		}
	}
}
