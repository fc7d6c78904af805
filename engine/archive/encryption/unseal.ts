/**
 * Reads the bulk of an OpenPGP message in the form that seal.ts writes, and that gpg and openpgp.js write without
 * compression: one packet of integrity-protected data of version 1 under AES, in it one literal packet and the MDC; see there for the
 * format and its RFC. Lengths may be partial or known, of the new or the old form. Nothing here decides more than whether a
 * message has this form; message.ts leaves every other (compressed, signed, AEAD) to openpgp.js.
 *
 * Bytes are pulled: source -> outer packet -> AES-256 -> inner packet -> content. Each layer holds one chunk at most. The
 * content is handed out before the MDC at its end was compared, as openpgp.js does it: it is authenticated only once
 * it has ended without an error.
 */
import { createHash, type Hash, timingSafeEqual } from 'node:crypto';

import { inSlices } from '../blocks';
import { ByteCursor, EndedEarly } from '../cursor';
import { CfbDecipher } from './cfb-decipher';
import { bodyOf, type PacketHeader, type PacketSource, readHeader, RefusedMessage } from './packets';
import { NoSessionKey, type SessionKey } from './session-keys';

/** Decrypted and hashed at once, so that it is read from the processor's cache the second time. */
const SLICE_BYTES = 64 * 1024;
const PREFIX_BYTES = 18;
const SHA1_BYTES = 20;

const LITERAL = 11;
const SEIPD = 18;

/**
 * Decrypts the packet whose body comes next, the last of its message, with the session key that fits. Undefined where the form
 * is another one, and where it ends before its content begins; then part of it has been read.
 * @param message Read on as the content is.
 * @returns the content. It throws RefusedMessage or EndedEarly where what it decrypts is damaged or incomplete.
 * @throws NoSessionKey where none fits; errors of the source
 */
export async function unseal(
	message: ByteCursor,
	{ tag, length }: PacketHeader,
	sessionKeys: SessionKey[],
): Promise<AsyncGenerator<Uint8Array> | undefined> {
	if (tag !== SEIPD || !length) return undefined;
	try {
		return await openBody(message, new ByteCursor(bodyOf(message, length)), sessionKeys);
	} catch (error) {
		if (error instanceof EndedEarly) return undefined;
		throw error;
	}
}

async function openBody(
	message: ByteCursor,
	body: ByteCursor,
	sessionKeys: SessionKey[],
): Promise<AsyncGenerator<Uint8Array> | undefined> {
	const [version] = await body.take(1);
	if (version !== 1) return undefined;
	const encrypted = await body.take(PREFIX_BYTES);
	for (const { data } of sessionKeys) {
		const decipher = new CfbDecipher(data);
		const prefix = decipher.update(encrypted);
		if (prefix.readUInt16BE(14) !== prefix.readUInt16BE(16)) continue;
		const plain = new HashedBytes(decrypted(body, decipher), createHash('sha1').update(prefix));
		return await openLiteral(message, plain);
	}
	// Whatever form the content has, its first bytes would repeat themselves under the right key.
	throw new NoSessionKey();
}

async function* decrypted(body: ByteCursor, decipher: CfbDecipher): AsyncGenerator<Uint8Array> {
	for await (const slice of inSlices(body.remainder(), SLICE_BYTES)) yield decipher.update(slice);
}

/** Plain bytes, hashed as they are read. */
class HashedBytes implements PacketSource {
	readonly #cursor: ByteCursor;
	#peeked: Uint8Array = new Uint8Array(0);
	readonly #hash: Hash;

	constructor(source: AsyncIterable<Uint8Array>, hash: Hash) {
		this.#cursor = new ByteCursor(source);
		this.#hash = hash;
	}

	async take(length: number): Promise<Uint8Array> {
		const bytes = await this.#cursor.take(length);
		this.#hash.update(bytes);
		return bytes;
	}

	async peek(): Promise<Uint8Array | undefined> {
		const bytes = await this.#cursor.peek();
		this.#peeked = bytes ?? new Uint8Array(0);
		return bytes;
	}

	skip(length: number): void {
		this.#hash.update(this.#peeked.subarray(0, length));
		this.#peeked = this.#peeked.subarray(length);
		this.#cursor.skip(length);
	}

	/** Whether what comes is the hash of all bytes before it, and the end. */
	async endsWithHash(): Promise<boolean> {
		const expected = this.#hash.digest();
		return timingSafeEqual(await this.#cursor.take(SHA1_BYTES), expected) && (await this.#cursor.atEnd());
	}
}

/** Undefined where what was encrypted is no literal packet with bytes. */
async function openLiteral(message: ByteCursor, plain: HashedBytes): Promise<AsyncGenerator<Uint8Array> | undefined> {
	const header = await readHeader(plain);
	if (header?.tag !== LITERAL || !header.length) return undefined;
	const literal = new ByteCursor(bodyOf(plain, header.length));
	const [format, nameLength] = await literal.take(2);
	if (format !== 'b'.charCodeAt(0)) return undefined;
	// A name, and four bytes of a date.
	await literal.take((nameLength as number) + 4);
	return contentOf(message, plain, literal);
}

async function* contentOf(message: ByteCursor, plain: HashedBytes, literal: ByteCursor): AsyncGenerator<Uint8Array> {
	yield* literal.remainder();
	const mdc = await plain.take(2);
	const isMdc = mdc[0] === (0xc0 | 19) && mdc[1] === SHA1_BYTES;
	if (!isMdc || !(await plain.endsWithHash())) {
		throw new RefusedMessage('its content is not what was encrypted, for the MDC at its end is wrong');
	}
	if (!(await message.atEnd())) throw new RefusedMessage('there are bytes after its end');
}
