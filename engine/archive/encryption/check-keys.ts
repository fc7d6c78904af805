import { BackupError } from '../../errors';
import { decryptArchive, prepareEncryption, unlockKeys } from './encryption';
import { readUnlockedKeys } from './keys';
import type { DecryptionKeys, EncryptionKeys } from './keys';
import { NoSessionKey } from './session-keys';

const PROBE = Buffer.from('Encrypted to test these keys.');

/**
 * Tries keys on a few bytes: encrypts for the passphrase and for the public keys, and decrypts by the same passphrase and
 * by the private keys, where there are any. What was given must fit together.
 * @returns whether there is something to encrypt with, and whether it all can be decrypted again.
 * @throws BackupError INVALID_INPUT (nothing given, or no keys), KEY_MISSING, KEY_WRONG (private keys of other public keys,
 * or a wrong passphrase for them).
 */
export async function checkKeys(
	encryption: EncryptionKeys | undefined,
	decryption: DecryptionKeys | undefined,
): Promise<{ encrypts: boolean; decrypts: boolean }> {
	const { passphrase, publicKeys = [] } = encryption ?? {};
	const { privateKeys = [] } = decryption ?? {};
	if (!passphrase && publicKeys.length === 0 && privateKeys.length === 0) {
		throw new BackupError('INVALID_INPUT', 'The encryption credential is empty.', {
			hint: 'Fill in a passphrase, public keys, or both.',
		});
	}
	if (passphrase) await roundTrip({ passphrase }, { passphrase });
	if (publicKeys.length > 0) await roundTrip({ publicKeys }, privateKeys.length > 0 ? { privateKeys } : undefined);
	else await readUnlockedKeys(privateKeys);
	return {
		encrypts: encryption !== undefined,
		decrypts: publicKeys.length === 0 || privateKeys.length > 0,
	};
}

async function roundTrip(encryption: EncryptionKeys, decryption: DecryptionKeys | undefined): Promise<void> {
	const encryptor = await prepareEncryption(encryption);
	if (!encryptor) return;
	const encrypted = encryptor.encrypt(chunksOf(PROBE));
	const keys = decryption && (await unlockKeys(encryptor.facts, decryption));
	const chunks: Uint8Array[] = [];
	try {
		for await (const chunk of keys ? decryptArchive(encrypted, keys, encryptor.facts) : encrypted) chunks.push(chunk);
	} catch (error) {
		if (error instanceof NoSessionKey) throw doNotFit();
		throw error;
	}
	if (keys && !Buffer.concat(chunks).equals(PROBE)) throw doNotFit();
}

// eslint-disable-next-line @typescript-eslint/require-await -- a source is an async iterable
async function* chunksOf(content: Buffer): AsyncGenerator<Buffer> {
	yield content;
}

function doNotFit(): BackupError {
	return new BackupError('KEY_WRONG', 'The private keys do not open what was encrypted for the public keys.', {
		hint: 'Give the private key that belongs to one of the public keys, or leave the private keys out.',
	});
}
