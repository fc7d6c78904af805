/**
 * OpenPGP around a whole archive. Keys are openpgp.js's business; the compressed bytes themselves become
 * one literal packet inside one integrity-protected packet (SEIPD version 1 with MDC, which GnuPG 2.2 reads; not AEAD, which
 * it does not), which seal.ts writes. There is no OpenPGP compression: the archive is compressed already.
 *
 * On the way back session-keys.ts finds the session key. unseal.ts decrypts all of the file; it hands out data before it has
 * seen the MDC at the very end, or all would have to fit in memory. unseal-range.ts decrypts a range, and never sees the MDC. The
 * reader trusts nothing that it gets from either: it compares each part with the SHA-256 in the manifest, before it hands out
 * any of it up to 64 MiB and before it hands out the end of a larger one. Where it reads to the end of the file, it also compares
 * the MDC and the SHA-256 of the whole stored file, and `raw` withholds the end of the data until then. Restores build on that: one
 * of PostgreSQL checks the frames as it reads them, one of Qdrant verifies the stored file before it begins.
 */
import { randomBytes } from 'node:crypto';

import type { Key } from 'openpgp';

import { BackupError } from '../../errors';
import { withProof } from '../manifest/authenticity';
import { ByteCursor } from '../cursor';
import type { Manifest } from '../manifest/manifest';
import { writingKey } from '../manifest/proof-key';
import { fingerprintOf, loadOpenpgp, readPublicKeys, readUnlockedKeys } from './keys';
import type { DecryptionKeys, EncryptionKeys } from './keys';
import { PIECES } from './layout';
import { passphrasePacket } from './passphrase';
import { seal } from './seal';
import { limitsOf, NoSessionKey, readHead, sessionKeysOf, type UnlockedKeys } from './session-keys';
import { unseal } from './unseal';

export type { DecryptionKeys, EncryptionKeys } from './keys';

type EncryptionFacts = NonNullable<Manifest['encryption']>;

/** A stream's encryption, checked and ready; `facts` is what the manifest says of it. */
export interface Encryptor {
	readonly facts: EncryptionFacts;
	encrypt(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array>;
	/** The manifest with the proof that it was made with the passphrase; as it is where there are public keys alone. */
	prove(manifest: Manifest): Promise<Manifest>;
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
	// Deriving keys takes long, and there is time for it while the source is asked what it is.
	const key = passphrase ? writingKey(passphrase) : undefined;
	// The encrypted bytes and the proof both wait for it, and throw what it fails with.
	key?.catch(() => {});
	return {
		prove: async (manifest) => (key ? withProof(manifest, await key) : manifest),
		facts: {
			format: 'openpgp',
			cipher: 'aes256',
			passphrase: Boolean(passphrase),
			recipients: recipients.map(fingerprintOf),
			pieces: PIECES,
		},
		encrypt: async function* (source) {
			await key;
			yield* encryptStream(source, passphrase, recipients);
		},
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
	if (passphrase) yield await passphrasePacket(passphrase, sessionKey);
	yield* seal(source, sessionKey);
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

/**
 * Decrypts an archive. Its output is not authenticated, see the head of this file. The source is read by `next` alone and
 * never ended, so that its owner can go on reading it after a failure.
 * @param facts What the manifest says: a file with more packets for passphrases or recipients is another one.
 * @param signal Looked at while the session key is searched, when nothing is read; the source looks at its own.
 * @throws NoSessionKey, RefusedMessage, EndedEarly; BackupError CANCELLED; errors of the source
 */
export async function* decryptArchive(
	source: AsyncIterator<Uint8Array>,
	keys: UnlockedKeys,
	facts: EncryptionFacts,
	signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
	const cursor = new ByteCursor({ [Symbol.asyncIterator]: () => ({ next: () => source.next() }) });
	const { sessionKeyPackets, data } = await readHead(cursor, limitsOf(facts));
	const content = await unseal(cursor, data, await sessionKeysOf(sessionKeyPackets, keys, signal));
	if (!content) throw new NoSessionKey();
	// What is decrypted was copied.
	cursor.releasesSlices = true;
	yield* content;
}
