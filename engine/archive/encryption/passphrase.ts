/**
 * The packet that carries an OpenPGP message's session key for a passphrase (RFC 4880 5.3, version 4). openpgp.js would
 * write and read the same, but spreads out in memory all of the 65 MB that the passphrase is hashed over, which takes
 * several times as long as the hash itself.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';

import { KeptKeys } from '../kept-keys';

/** The octet that begins the packet, in the new form of headers, and in the old form with one octet of length. */
const SKESK_TAG = 0xc0 | 3;
const OLD_SKESK_TAG = 0x80 | (3 << 2);
const AES_256 = 9;
const SHA_256 = 8;
const ITERATED_AND_SALTED = 3;
const SALT_BYTES = 8;

const KEY_BYTES = 32;

/** Where the parts of the body stand: version, cipher, way to derive the key and hash; salt; octet of the count; session key. */
const HEAD = Buffer.of(4, AES_256, ITERATED_AND_SALTED, SHA_256);
const COUNT_AT = HEAD.length + SALT_BYTES;
const BODY_BYTES = COUNT_AT + 1 + 1 + KEY_BYTES;

/** Passphrase to key: iterated and salted SHA-256 over as many bytes as RFC 4880 (3.7.1.3) can express, with this octet. */
const COUNT_OCTET = 255;

/** Bytes hashed at once, for a fraction of a millisecond: the process has other things to do meanwhile. */
const SLICE_BYTES = 256 * 1024;

/**
 * The packet, with its header.
 * @param sessionKey 32 bytes, for AES-256
 */
export async function passphrasePacket(passphrase: string, sessionKey: Uint8Array): Promise<Buffer> {
	const salt = randomBytes(SALT_BYTES);
	const cipher = createCipheriv('aes-256-cfb', await keyOf(passphrase, salt, COUNT_OCTET), Buffer.alloc(16));
	const encrypted = cipher.update(Buffer.concat([Buffer.of(AES_256), sessionKey]));
	return Buffer.concat([Buffer.of(SKESK_TAG, BODY_BYTES), HEAD, salt, Buffer.of(COUNT_OCTET), encrypted]);
}

/** Whether a packet, with its header, has the form that `passphrasePacket` writes; GnuPG can write it, too, with any count. */
export function isPassphrasePacket(packet: Buffer): boolean {
	const [tag = 0, length] = packet;
	if (![SKESK_TAG, OLD_SKESK_TAG].includes(tag) || length !== BODY_BYTES) return false;
	return packet.length === 2 + BODY_BYTES && HEAD.equals(packet.subarray(2, 2 + HEAD.length));
}

/**
 * The session key of such a packet: 32 bytes. Undefined where the passphrase is another one; one in 256 of those yields some
 * other bytes, which open nothing.
 */
export async function openPassphrasePacket(packet: Buffer, passphrase: string): Promise<Buffer | undefined> {
	const body = packet.subarray(2);
	const key = await keyOf(passphrase, body.subarray(HEAD.length, COUNT_AT), body[COUNT_AT] as number);
	const decipher = createDecipheriv('aes-256-cfb', key, Buffer.alloc(16));
	const content = decipher.update(body.subarray(COUNT_AT + 1));
	return content[0] === AES_256 ? content.subarray(1) : undefined;
}

/** By passphrase, and salt and octet of the count in hexadecimal. */
const kept = new KeptKeys((passphrase, salt) => {
	const bytes = Buffer.from(salt, 'hex');
	return derive(passphrase, bytes.subarray(0, SALT_BYTES), bytes[SALT_BYTES] as number);
});

/** The key that encrypts a session key. It takes some 50 ms of CPU time, but where this process has derived it before. */
function keyOf(passphrase: string, salt: Buffer, countOctet: number): Promise<Buffer> {
	return kept.of(passphrase, Buffer.concat([salt, Buffer.of(countOctet)]).toString('hex'));
}

/** SHA-256 over salt and passphrase, again and again, over as many bytes as the octet says (RFC 4880, 3.7.1.3). */
async function derive(passphrase: string, salt: Buffer, countOctet: number): Promise<Buffer> {
	const count = (16 + (countOctet & 15)) << ((countOctet >> 4) + 6);
	const round = Buffer.concat([salt, Buffer.from(passphrase)]);
	const slice = Buffer.alloc(Math.ceil(SLICE_BYTES / round.length) * round.length, round);
	const hash = createHash('sha256');
	let left = Math.max(count, round.length);
	for (; left >= slice.length; left -= slice.length) {
		hash.update(slice);
		await setImmediate();
	}
	return hash.update(slice.subarray(0, left)).digest();
}
