/**
 * Reads the bulk of an OpenPGP message in the form that openpgp-seal.ts writes, and that gpg and openpgp.js write without
 * compression: packets for the session key, one packet of integrity-protected data of version 1, in it one literal packet
 * and the MDC; see there for the format and its RFC. Lengths may be partial or known, of the new or the old form. Every
 * other form (compressed, signed, AEAD) is left to openpgp.js, so nothing here decides more than whether it is this one.
 *
 * Bytes are pulled: source -> outer packet -> AES-256 -> inner packet -> content. Each layer holds one chunk at most. The
 * content is handed out before the MDC at its end was compared, as openpgp.js does it: it is authenticated only once
 * it has ended without an error.
 */
import { createDecipheriv, createHash, type Decipheriv, type Hash, timingSafeEqual } from 'node:crypto';

import { inSlices } from './blocks';
import { ByteCursor, EndedEarly } from './cursor';

/** Packets for many recipients have some hundred bytes each. */
const MAX_SESSION_KEY_BYTES = 64 * 1024;
const SLICE_BYTES = 256 * 1024;
const PREFIX_BYTES = 18;
const SHA1_BYTES = 20;

const PKESK = 1;
const SKESK = 3;
const MARKER = 10;
const LITERAL = 11;
const SEIPD = 18;

type Reads = Pick<ByteCursor, 'take' | 'pass'>;

interface Length {
	bytes: number;
	isPartial: boolean;
}

interface Header {
	tag: number;
	length: Length;
	/** As it was read. */
	octets: Uint8Array[];
}

/** The beginning of a message of this form. */
export interface SealedMessage {
	/** The packets that carry the session key, for openpgp.js. */
	sessionKeyPackets: Uint8Array;
	/**
	 * Decrypts with the session key, of 32 bytes, that fits; undefined where none does, or the form is another one inside.
	 * The content throws an Error where what it decrypts is damaged or incomplete.
	 */
	unseal: (sessionKeys: Uint8Array[]) => Promise<AsyncGenerator<Uint8Array> | undefined>;
}

/**
 * Reads up to the encrypted data. Undefined where the message has another form, or ends before.
 * @throws errors of the source
 */
export async function readSealed(source: AsyncIterable<Uint8Array>): Promise<SealedMessage | undefined> {
	const cursor = new ByteCursor(source);
	return await unlessEnded(async () => {
		const packets: Uint8Array[] = [];
		for (let size = 0; ;) {
			const header = await readHeader(cursor);
			if (!header || header.tag === SEIPD) {
				const unseal = async (keys: Uint8Array[]) => await unlessEnded(() => openBody(cursor, header!.length, keys));
				return header && { sessionKeyPackets: Buffer.concat(packets), unseal };
			}
			const { tag, length, octets } = header;
			size += length.bytes;
			if (![PKESK, SKESK, MARKER].includes(tag) || length.isPartial || size > MAX_SESSION_KEY_BYTES) return undefined;
			packets.push(...octets, await cursor.take(length.bytes));
		}
	});
}

async function unlessEnded<T>(read: () => Promise<T>): Promise<T | undefined> {
	try {
		return await read();
	} catch (error) {
		if (error instanceof EndedEarly) return undefined;
		throw error;
	}
}

/** Tag and length (RFC 4880 4.2). Undefined for what is no header, and for a length that is not stated. */
async function readHeader(from: Reads): Promise<Header | undefined> {
	const first = await from.take(1);
	const octet = first[0] as number;
	if ((octet & 0x80) === 0) return undefined;
	if ((octet & 0x40) !== 0) {
		const { length, octets } = await readLength(from);
		return { tag: octet & 0x3f, length, octets: [first, octets] };
	}
	// The old form (4.2.1): the two lowest bits tell how many octets the length has, 3 that there is none.
	if ((octet & 3) === 3) return undefined;
	const octets = Buffer.from(await from.take(2 ** (octet & 3)));
	const bytes = octets.readUIntBE(0, octets.length);
	return { tag: (octet >> 2) & 15, length: { bytes, isPartial: false }, octets: [first, octets] };
}

/** A length of the new form (4.2.2). */
async function readLength(from: Reads): Promise<{ length: Length; octets: Uint8Array }> {
	const first = await from.take(1);
	const octet = first[0] as number;
	if (octet < 192) return { length: { bytes: octet, isPartial: false }, octets: first };
	if (octet >= 224 && octet < 255) return { length: { bytes: 2 ** (octet & 0x1f), isPartial: true }, octets: first };
	const octets = Buffer.concat([first, await from.take(octet === 255 ? 4 : 1)]);
	const bytes = octet === 255 ? octets.readUInt32BE(1) : ((octet - 192) << 8) + (octets[1] as number) + 192;
	return { length: { bytes, isPartial: false }, octets };
}

/** The content of a packet whose header has been read. */
async function* bodyOf(from: Reads, first: Length): AsyncGenerator<Uint8Array> {
	for (let length = first; ; length = (await readLength(from)).length) {
		yield* from.pass(length.bytes);
		if (!length.isPartial) return;
	}
}

async function openBody(
	message: ByteCursor,
	length: Length,
	sessionKeys: Uint8Array[],
): Promise<AsyncGenerator<Uint8Array> | undefined> {
	const body = new ByteCursor(bodyOf(message, length));
	const [version] = await body.take(1);
	if (version !== 1) return undefined;
	const encrypted = await body.take(PREFIX_BYTES);
	for (const key of sessionKeys) {
		const decipher = createDecipheriv('aes-256-cfb', key, Buffer.alloc(16));
		const prefix = decipher.update(encrypted);
		if (prefix.readUInt16BE(14) !== prefix.readUInt16BE(16)) continue;
		const plain = new HashedBytes(decrypted(body, decipher), createHash('sha1').update(prefix));
		return await openLiteral(message, plain);
	}
	return undefined;
}

async function* decrypted(body: ByteCursor, decipher: Decipheriv): AsyncGenerator<Uint8Array> {
	for await (const slice of inSlices(body.remainder(), SLICE_BYTES)) yield decipher.update(slice);
}

/** Plain bytes, hashed as they are read. */
class HashedBytes implements Reads {
	readonly #cursor: ByteCursor;
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

	async *pass(length: number): AsyncGenerator<Uint8Array> {
		for await (const chunk of this.#cursor.pass(length)) {
			this.#hash.update(chunk);
			yield chunk;
		}
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
	if (header?.tag !== LITERAL) return undefined;
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
	if (!isMdc || !(await plain.endsWithHash()))
		throw new Error('The content is not what was encrypted: its MDC is wrong.');
	if (!(await message.atEnd())) throw new Error('There are bytes after the end of the message.');
}
