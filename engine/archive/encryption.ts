/**
 * OpenPGP around a whole archive. Keys are openpgp.js's business; the compressed bytes themselves become
 * one literal packet inside one integrity-protected packet (SEIPD version 1 with MDC, which GnuPG 2.2 reads; not AEAD, which
 * it does not), which openpgp-seal.ts writes. There is no OpenPGP compression: the archive is compressed already.
 *
 * On the way back openpgp-unseal.ts reads that form, and openpgp.js every other. Both hand out data before they have seen
 * the MDC at the very end (`allowUnauthenticatedStream`; without it all would have to fit in memory). That is safe here
 * because the reader trusts nothing it gets from this file: each part is compared with the SHA-256 in the manifest before
 * it is handed out, the end of the data is withheld until the SHA-256 of the whole stored file was right, and a restore
 * verifies the stored file before it begins.
 */
import { randomBytes } from 'node:crypto';

import type { Key, Message, PrivateKey, SessionKey } from 'openpgp';

import { BackupError } from '../errors';
import type { Manifest } from './manifest';
import { withProof } from './authenticity';
import { writingKey } from './manifest-key';
import { OpenpgpSource } from './openpgp-source';
import { fingerprintOf, loadOpenpgp, readPublicKeys, readUnlockedKeys } from './openpgp-keys';
import type { DecryptionKeys, EncryptionKeys } from './openpgp-keys';
import { passphrasePacket } from './openpgp-passphrase';
import { seal } from './openpgp-seal';
import { readSealed } from './openpgp-unseal';

export type { DecryptionKeys, EncryptionKeys } from './openpgp-keys';

type EncryptionFacts = NonNullable<Manifest['encryption']>;

/** A stream's encryption, checked and ready; `facts` is what the manifest says of it. */
export interface Encryptor {
	readonly facts: EncryptionFacts;
	encrypt(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array>;
	/** The manifest with the proof that it was made with the passphrase; as it is where there are public keys alone. */
	prove(manifest: Manifest): Manifest;
}

/**
 * Checks the keys before anything is written; undefined where nothing is to be encrypted.
 * @throws BackupError INVALID_INPUT, see readPublicKeys; also where there is neither a passphrase nor a key.
 */
export async function prepareEncryption(keys: EncryptionKeys | undefined): Promise<Encryptor | undefined> {
	if (keys === undefined) return undefined;
	const { passphrase, publicKeys = [] } = keys;
	if (!passphrase && publicKeys.length === 0) {
		throw new BackupError('INVALID_INPUT', 'Encryption was asked for with neither a passphrase nor a public key.', {
			hint: 'Enter a passphrase or a public key in the encryption credential.',
		});
	}
	const recipients = await readPublicKeys(publicKeys);
	const key = passphrase ? await writingKey(passphrase) : undefined;
	return {
		prove: (manifest) => (key ? withProof(manifest, key) : manifest),
		facts: {
			format: 'openpgp',
			cipher: 'aes256',
			passphrase: Boolean(passphrase),
			recipients: recipients.map(fingerprintOf),
		},
		encrypt: (source) => encryptStream(source, passphrase, recipients),
	};
}

async function* encryptStream(
	source: AsyncIterable<Uint8Array>,
	passphrase: string | undefined,
	recipients: Key[],
): AsyncGenerator<Uint8Array> {
	const sessionKey = randomBytes(32);
	if (recipients.length > 0) {
		const openpgp = await loadOpenpgp();
		const packets: Uint8Array = await openpgp.encryptSessionKey({
			data: sessionKey,
			// Given, not negotiated: keys may state preferences for weaker ciphers, or for AEAD.
			algorithm: 'aes256',
			encryptionKeys: recipients,
			format: 'binary',
			config: { aeadProtect: false },
		});
		yield packets;
	}
	if (passphrase) yield passphrasePacket(passphrase, sessionKey);
	yield* seal(source, sessionKey);
}

/** Keys unlocked and matched against an archive: what `decryptStream` needs. */
export interface UnlockedKeys {
	passphrase: string | undefined;
	privateKeys: PrivateKey[];
}

/**
 * Unlocks the keys that may open an archive, without reading it.
 * @throws BackupError KEY_MISSING (none that the archive could be opened with), KEY_WRONG (keys of other recipients, or a
 * wrong passphrase for a locked private key), INVALID_INPUT (not a private key).
 */
export async function unlockKeys(facts: EncryptionFacts, keys: DecryptionKeys | undefined): Promise<UnlockedKeys> {
	const passphrase = facts.passphrase ? keys?.passphrase || undefined : undefined;
	const given = facts.recipients.length > 0 ? (keys?.privateKeys ?? []) : [];
	if (!passphrase && given.length === 0) {
		throw new BackupError('KEY_MISSING', 'The archive is encrypted, and nothing that opens it was given.', {
			hint: `Select an encryption credential that holds ${waysToOpen(facts)}.`,
		});
	}
	const privateKeys = await readUnlockedKeys(given);
	if (!passphrase && !privateKeys.some((key) => facts.recipients.includes(fingerprintOf(key)))) {
		throw new BackupError('KEY_WRONG', 'The archive was encrypted for other keys than the private keys given.', {
			hint: `Select an encryption credential that holds ${waysToOpen(facts)}.`,
			details: { recipients: facts.recipients, given: privateKeys.map(fingerprintOf) },
		});
	}
	return { passphrase, privateKeys };
}

function waysToOpen(facts: EncryptionFacts): string {
	const ways = facts.passphrase ? ['its passphrase'] : [];
	if (facts.recipients.length > 0) ways.push(`the private key of ${facts.recipients.join(' or ')}`);
	return ways.join(', or ');
}

/** Thrown internally when no session key could be decrypted: the keys are wrong, or the beginning of the file is damaged. */
export class NoSessionKey extends Error {}

/**
 * Decrypts a stream. Its output is not authenticated, see the head of this file. The source is read by `next` alone and
 * never ended, so that its owner can go on reading it after a failure.
 * @throws NoSessionKey, errors of openpgp.js, errors of the source, Error for what is damaged.
 */
export async function* decryptStream(
	source: AsyncIterator<Uint8Array>,
	keys: UnlockedKeys,
): AsyncGenerator<Uint8Array> {
	const replay = new Replay(source);
	const sealed = await readSealed(replay);
	if (sealed) {
		const openpgp = await loadOpenpgp();
		const message = await openpgp.readMessage({ binaryMessage: sealed.sessionKeyPackets });
		const sessionKeys = await sessionKeysOf(message, keys);
		if (sessionKeys.length === 0) throw new NoSessionKey();
		const content = await sealed.unseal(sessionKeys.map(({ data }) => data));
		if (content) {
			replay.forget();
			yield* content;
			return;
		}
	}
	const encrypted = new OpenpgpSource(replay.again());
	try {
		yield* await contentOf(encrypted, keys);
	} catch (error) {
		throw encrypted.failure ? encrypted.failure.error : error;
	}
}

/** A source whose beginning may be read a second time. */
class Replay implements AsyncIterable<Uint8Array> {
	#seen: Uint8Array[] | undefined = [];

	constructor(private readonly source: AsyncIterator<Uint8Array>) {}

	[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
		return {
			next: async () => {
				const result = await this.source.next();
				if (!result.done) this.#seen?.push(result.value);
				return result;
			},
		};
	}

	/** Nothing will be read again. */
	forget(): void {
		this.#seen = undefined;
	}

	/** All of the source, from its beginning. */
	again(): AsyncIterator<Uint8Array> {
		const seen = this.#seen ?? [];
		this.#seen = undefined;
		return {
			next: async () => {
				const value = seen.shift();
				return value ? { done: false, value } : await this.source.next();
			},
		};
	}
}

/** The session keys that the keys given yield: none where they are others. */
async function sessionKeysOf(message: Message<Uint8Array>, keys: UnlockedKeys): Promise<SessionKey[]> {
	const openpgp = await loadOpenpgp();
	const attempt = async (opener: { decryptionKeys: PrivateKey[] } | { passwords: string[] }) =>
		await openpgp.decryptSessionKeys({ message, ...opener }).catch(() => []);
	const found = keys.privateKeys.length > 0 ? await attempt({ decryptionKeys: keys.privateKeys }) : [];
	if (found.length === 0 && keys.passphrase) found.push(...(await attempt({ passwords: [keys.passphrase] })));
	// A wrong passphrase decrypts to noise that now and then looks like a key of some cipher.
	return found.filter(({ algorithm, data }) => algorithm === 'aes256' && data.length === 32) as SessionKey[];
}

async function contentOf(encrypted: OpenpgpSource, keys: UnlockedKeys): Promise<AsyncIterable<Uint8Array>> {
	const openpgp = await loadOpenpgp();
	const binaryMessage = webStream({ [Symbol.asyncIterator]: () => ({ next: () => encrypted.next() }) });
	const message = await openpgp.readMessage({ binaryMessage });
	const sessionKeys = await sessionKeysOf(message, keys);
	if (sessionKeys.length === 0) throw new NoSessionKey();
	const decrypting: Promise<unknown> = openpgp.decrypt({
		message,
		sessionKeys,
		format: 'binary',
		config: { allowUnauthenticatedStream: true },
	});
	return ((await encrypted.begin(decrypting)) as { data: AsyncIterable<Uint8Array> }).data;
}

/** openpgp.js 6 takes web streams only. */
function webStream(source: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
	return ReadableStream.from(source);
}
