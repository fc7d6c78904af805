/**
 * The beginning of an encrypted OpenPGP message: one packet for each passphrase and each recipient, which holds the session
 * key encrypted for them (RFC 4880 5.1, 5.3; RFC 9580 for later versions). Nothing authenticates these packets: whoever
 * holds the storage can put any number of them in front. To try one for a passphrase takes a twentieth of a second of
 * computing, or, in another form than ours, more and some 65 MB, so their number, their length and what they cost are limited
 * before any is tried, and they are tried one after the other. Nothing interrupts the
 * computing for one of them, so a signal is looked at before each.
 */
import { setImmediate } from 'node:timers/promises';

import type { PrivateKey } from 'openpgp';

import { throwIfCancelled } from '../../errors';
import type { ByteCursor } from '../cursor';
import { loadOpenpgp } from './keys';
import { type PacketHeader, readHeader, RefusedMessage } from './packets';
import { isPassphrasePacket, openPassphrasePacket } from './passphrase';

/** RSA with 16,384 bits makes packets of 2 KiB, and so do the largest post-quantum schemes. */
const MAX_PACKET_BYTES = 8 * 1024;
/** Marker and padding packets, which mean nothing; a message has one or two. */
const MAX_OTHERS = 8;
/** Memory that Argon2 fills, times the passes over it; openpgp.js itself writes 192 MiB. */
const MAX_ARGON2_KIB = 256 * 1024;

/** The ciphers that are read, with the length of their keys. gpg also knows older ones. */
const KEY_BYTES = { aes128: 16, aes192: 24, aes256: 32 };
/** Their numbers in packets (RFC 4880 9.2). */
const AES = [7, 8, 9];

const PKESK = 1;
const SKESK = 3;
const MARKER = 10;
const PADDING = 21;
/** Encrypted data: without integrity protection, with it, and as older drafts had AEAD. */
const DATA = [9, 18, 20];

/** For how many a message may be encrypted. */
export interface SessionKeyLimits {
	passphrases: number;
	recipients: number;
}

/** The limits for an archive by what its manifest says: a file with more such packets is another one. */
export function limitsOf({ passphrase, recipients }: { passphrase: boolean; recipients: string[] }): SessionKeyLimits {
	return { passphrases: passphrase ? 1 : 0, recipients: recipients.length };
}

/** A packet that holds the session key, encrypted for a passphrase or a recipient. */
export interface SessionKeyPacket {
	isForPassphrase: boolean;
	body: Uint8Array;
	/** The packet with its header. */
	bytes: Buffer;
}

export interface MessageHead {
	/** One for each passphrase and recipient; packets that mean nothing are left out. */
	sessionKeyPackets: SessionKeyPacket[];
	/** The header of the packet of encrypted data, whose body comes next. */
	data: PacketHeader;
}

/** Keys unlocked and matched against a message. */
export interface UnlockedKeys {
	passphrase: string | undefined;
	privateKeys: PrivateKey[];
}

/** Thrown internally when no session key could be decrypted: the keys are wrong, or the beginning of the message is damaged. */
export class NoSessionKey extends Error {}

/** A message that is encrypted with a cipher that gpg knows and this package does not. Archives of ours never are. */
export class UnreadableCipher extends RefusedMessage {}

/** A session key, by a packet that the keys given open. Damaged packets and wrong keys yield some that do not fit. */
export type SessionKey = { algorithm: keyof typeof KEY_BYTES; data: Uint8Array };

/**
 * Reads up to the encrypted data.
 * @throws RefusedMessage; EndedEarly; errors of the source
 */
export async function readHead(cursor: ByteCursor, limits: SessionKeyLimits): Promise<MessageHead> {
	const sessionKeyPackets: SessionKeyPacket[] = [];
	const found = { passphrases: 0, recipients: 0, others: 0 };
	for (;;) {
		const header = await readHeader(cursor);
		if (!header) throw new RefusedMessage('bytes that are no OpenPGP packet stand in front of its encrypted data');
		if (DATA.includes(header.tag)) return { sessionKeyPackets, data: header };
		const body = await takeBody(cursor, header);
		if (header.tag === PKESK) found.recipients++;
		else if (header.tag === SKESK) {
			found.passphrases++;
			assertAffordable(body);
		} else found.others++;
		assertWithin(found, limits);
		if (header.tag !== PKESK && header.tag !== SKESK) continue;
		const bytes = Buffer.concat([header.octets, body]);
		sessionKeyPackets.push({ isForPassphrase: header.tag === SKESK, body, bytes });
	}
}

async function takeBody(cursor: ByteCursor, { tag, length }: PacketHeader): Promise<Uint8Array> {
	if (![PKESK, SKESK, MARKER, PADDING].includes(tag)) {
		throw new RefusedMessage(`a packet of kind ${tag} stands where its encrypted data should begin`);
	}
	if (length && !length.isPartial && length.bytes <= MAX_PACKET_BYTES) return await cursor.take(length.bytes);
	throw new RefusedMessage(`a packet of more than ${MAX_PACKET_BYTES} bytes stands in front of its encrypted data`);
}

function assertWithin(found: SessionKeyLimits & { others: number }, limits: SessionKeyLimits): void {
	const assertOf = (what: string, count: number, limit: number) => {
		if (count <= limit) return;
		throw new RefusedMessage(`more packets ${what} stand in front of its encrypted data than are allowed (${limit})`);
	};
	assertOf('for passphrases', found.passphrases, limits.passphrases);
	assertOf('for recipients', found.recipients, limits.recipients);
	assertOf('without a meaning', found.others, MAX_OTHERS);
}

/**
 * Of the ways to derive a key from a passphrase, Argon2 (RFC 9580 3.7.1.4) alone has costs without a limit: iterated SHA-256
 * cannot express more than 65 MB.
 */
function assertAffordable(packet: Uint8Array): void {
	const start = { 4: 2, 5: 3, 6: 5 }[packet[0] ?? 0];
	if (start === undefined || packet[start] !== 4) return;
	const [passes = 0, , exponent = 0] = packet.subarray(start + 17, start + 20);
	const mebibytes = (passes * 2 ** exponent) / 1024;
	if (mebibytes * 1024 <= MAX_ARGON2_KIB) return;
	throw new RefusedMessage(
		`to derive its key from the passphrase would fill ${mebibytes} MiB of memory, and ${MAX_ARGON2_KIB / 1024} are allowed`,
	);
}

/**
 * The session keys that the keys given yield: none where they are others.
 * @throws UnreadableCipher where they fit, or may fit, and the message is encrypted with a cipher that is not read;
 * BackupError CANCELLED
 */
export async function sessionKeysOf(
	packets: SessionKeyPacket[],
	keys: UnlockedKeys,
	signal: AbortSignal | undefined,
): Promise<SessionKey[]> {
	const forRecipients = packets.filter(({ isForPassphrase }) => !isForPassphrase);
	const forPassphrases = packets.filter(({ isForPassphrase }) => isForPassphrase);
	let isOfAnotherCipher = false;
	if (keys.privateKeys.length > 0) {
		const opener = { decryptionKeys: keys.privateKeys };
		const found = await tryEach(forRecipients, signal, ({ bytes }) => openByOpenpgp(bytes, opener));
		const usable = found.filter(isReadable);
		if (usable.length > 0) return usable;
		isOfAnotherCipher = found.length > 0;
	}
	const { passphrase } = keys;
	if (passphrase) {
		const readable = forPassphrases.filter(namesAes);
		isOfAnotherCipher ||= readable.length < forPassphrases.length;
		const found = await tryEach(readable, signal, async ({ bytes }) => {
			if (!isPassphrasePacket(bytes)) return await openByOpenpgp(bytes, { passwords: [passphrase] });
			const data = await openPassphrasePacket(bytes, passphrase);
			return data ? [{ algorithm: 'aes256', data }] : [];
		});
		// A wrong passphrase decrypts to noise that now and then looks like a key of some cipher.
		const usable = found.filter(isReadable);
		if (usable.length > 0) return usable;
	}
	if (isOfAnotherCipher) throw new UnreadableCipher('it is encrypted with another cipher than AES');
	return [];
}

/** What a packet holds, as far as it can be told: of any cipher, and noise where the key is a wrong one. */
interface FoundKey {
	algorithm: string | null;
	data: Uint8Array;
}

function isReadable(found: FoundKey): found is SessionKey {
	return KEY_BYTES[found.algorithm as keyof typeof KEY_BYTES] === found.data.length;
}

/** Whether a packet for a passphrase is of AES; of versions after 4, openpgp.js decides. */
function namesAes({ body }: SessionKeyPacket): boolean {
	return body[0] !== 4 || AES.includes(body[1] ?? 0);
}

async function tryEach(
	packets: SessionKeyPacket[],
	signal: AbortSignal | undefined,
	open: (packet: SessionKeyPacket) => Promise<FoundKey[]>,
): Promise<FoundKey[]> {
	const found: FoundKey[] = [];
	for (const packet of packets) {
		throwIfCancelled(signal);
		found.push(...(await open(packet)));
		await setImmediate();
	}
	return found;
}

async function openByOpenpgp(
	packet: Buffer,
	opener: { decryptionKeys: PrivateKey[] } | { passwords: string[] },
): Promise<FoundKey[]> {
	const openpgp = await loadOpenpgp();
	// Packets that are damaged or of unknown versions hold no key; others may.
	return await openpgp
		.readMessage({ binaryMessage: packet })
		.then((message) => openpgp.decryptSessionKeys({ message, ...opener }))
		.catch(() => []);
}
