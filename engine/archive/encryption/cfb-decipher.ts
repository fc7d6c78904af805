/**
 * AES in CFB mode, decrypted. OpenSSL encrypts block after block there, each by a call of its own. But what a
 * block of the cipher text is combined with is the encrypted block before it, and all of those are known: encrypted together in
 * ECB mode they take a quarter of the time, and to combine words here takes less than what is saved.
 */
import { createCipheriv } from 'node:crypto';

import { release } from '../../storage/lent';
import { inWords } from './cipher-output';

const BLOCK_BYTES = 16;
const BLOCK_WORDS = BLOCK_BYTES / 4;

export class CfbDecipher {
	readonly #ecb;
	/** What the present block is combined with. */
	#mask: Buffer;
	/** The present block, as far as it has come. */
	readonly #block = Buffer.alloc(BLOCK_BYTES);
	#used = 0;

	/**
	 * @param key 16, 24 or 32 bytes
	 * @param before the encrypted block before the first one; by default the zero vector that a message begins with
	 */
	constructor(key: Uint8Array, before: Uint8Array = Buffer.alloc(BLOCK_BYTES)) {
		this.#ecb = createCipheriv(`aes-${key.length * 8}-ecb`, key, null).setAutoPadding(false);
		this.#mask = this.#ecb.update(before);
	}

	/** Decrypts the bytes that come next, of any length. */
	update(encrypted: Uint8Array): Buffer {
		const head = this.#used > 0 ? Math.min(BLOCK_BYTES - this.#used, encrypted.length) : 0;
		const whole = Math.floor((encrypted.length - head) / BLOCK_BYTES) * BLOCK_BYTES;
		// Whole blocks begin at the border of a word.
		const room = Buffer.allocUnsafeSlow(BLOCK_BYTES + encrypted.length);
		const plain = room.subarray(BLOCK_BYTES - head, BLOCK_BYTES - head + encrypted.length);
		plain.set(encrypted);
		this.#bytes(plain.subarray(0, head));
		if (whole > 0) this.#blocks(new Int32Array(room.buffer, BLOCK_BYTES, whole / 4));
		this.#bytes(plain.subarray(head + whole));
		return plain;
	}

	#blocks(words: Int32Array): void {
		const output = this.#ecb.update(words);
		const masks = inWords(output);
		const first = inWords(this.#mask);
		for (let at = 0; at < BLOCK_WORDS; at++) words[at]! ^= first[at]!;
		for (let at = BLOCK_WORDS; at < words.length; at++) words[at]! ^= masks[at - BLOCK_WORDS]!;
		this.#mask = Buffer.from(masks.slice(-BLOCK_WORDS).buffer);
		release(output);
	}

	/** No more than what is left of the present block, in place. */
	#bytes(bytes: Buffer): void {
		for (let at = 0; at < bytes.length; at++) {
			const encrypted = bytes[at]!;
			bytes[at] = encrypted ^ this.#mask[this.#used]!;
			this.#block[this.#used++] = encrypted;
		}
		if (this.#used < BLOCK_BYTES) return;
		this.#mask = this.#ecb.update(this.#block);
		this.#used = 0;
	}
}
