/**
 * The packet that carries an OpenPGP message's session key for a passphrase (RFC 4880 5.3, version 4). openpgp.js would
 * write the same, but spreads out in memory all of the 65 MB that the passphrase is hashed over.
 */
import { createCipheriv, createHash, randomBytes } from 'node:crypto';

const SKESK_TAG = 0xc0 | 3;
const AES_256 = 9;
const SHA_256 = 8;
const ITERATED_AND_SALTED = 3;
const SALT_BYTES = 8;

/** Passphrase to key: iterated and salted SHA-256 over as many bytes as RFC 4880 (3.7.1.3) can express, with this octet. */
const COUNT_OCTET = 255;
const COUNT = (16 + (COUNT_OCTET & 15)) << ((COUNT_OCTET >> 4) + 6);

/** Bytes hashed at once. */
const SLICE_BYTES = 256 * 1024;

/**
 * The packet, with its header.
 * @param sessionKey 32 bytes, for AES-256
 */
export function passphrasePacket(passphrase: string, sessionKey: Uint8Array): Buffer {
	const salt = randomBytes(SALT_BYTES);
	const cipher = createCipheriv('aes-256-cfb', keyOf(passphrase, salt), Buffer.alloc(16));
	const encrypted = cipher.update(Buffer.concat([Buffer.of(AES_256), sessionKey]));
	const head = Buffer.of(4, AES_256, ITERATED_AND_SALTED, SHA_256);
	const body = Buffer.concat([head, salt, Buffer.of(COUNT_OCTET), encrypted]);
	return Buffer.concat([Buffer.of(SKESK_TAG, body.length), body]);
}

/** Salt and passphrase, again and again, up to the count. */
function keyOf(passphrase: string, salt: Buffer): Buffer {
	const round = Buffer.concat([salt, Buffer.from(passphrase)]);
	const slice = Buffer.concat(Array<Buffer>(Math.ceil(SLICE_BYTES / round.length)).fill(round));
	const hash = createHash('sha256');
	let left = Math.max(COUNT, round.length);
	for (; left >= slice.length; left -= slice.length) hash.update(slice);
	return hash.update(slice.subarray(0, left)).digest();
}
