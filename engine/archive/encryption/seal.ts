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
 * less than 512 bytes wait for the next chunk. What was encrypted fills blocks of 1 MiB, each of which is one piece of the
 * outer packet; blocks are lent and used again. So memory holds a few blocks, whatever the length of the content.
 */
import { createCipheriv, createHash, randomBytes } from 'node:crypto';

import { giveBack, lend } from '../../storage/lent';
import { knownLength, partialLength } from './packets';

const BLOCK_BITS = 20;
const BLOCK_BYTES = 2 ** BLOCK_BITS;
const FIRST_PIECE_BYTES = 512;
/** What is hashed and encrypted at once, so that it is read from the processor's cache the second time. */
const SLICE_BYTES = 64 * 1024;

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

class SealedPacket {
	readonly #cipher;
	readonly #mdc = createHash('sha1');
	readonly #spare: Buffer[] = [];
	/** The octet of a partial length, and what was encrypted since the block before. */
	#block: Buffer = Buffer.allocUnsafeSlow(1 + BLOCK_BYTES);
	#used = 0;
	/** The literal packet's bytes that do not fill a piece yet. */
	#rest: Uint8Array = LITERAL_HEAD;

	constructor(sessionKey: Uint8Array) {
		this.#cipher = createCipheriv('aes-256-cfb', sessionKey, Buffer.alloc(16));
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
		yield* this.#put(this.#cipher.update(this.#mdc.digest()));
		yield Buffer.concat([knownLength(this.#used), this.#block.subarray(1, 1 + this.#used)]);
	}

	*#encrypt(plain: Uint8Array): Generator<Uint8Array> {
		for (let at = 0; at < plain.length; at += SLICE_BYTES) {
			const slice = plain.subarray(at, at + SLICE_BYTES);
			this.#mdc.update(slice);
			yield* this.#put(this.#cipher.update(slice));
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
