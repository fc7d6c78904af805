import type { ICredentialsDecrypted, INodeCredentialTestResult } from 'n8n-workflow';

import { BackupError, checkKeys, messageOf, probeStorage } from '../../engine';

import { decryptionKeysOf, type EncryptionCredential, encryptionKeysOf } from './encryption';
import { guardedBySettings } from './fileAccess';
import { storageOf, type StorageCredential } from './storage';

async function report(test: () => Promise<string>): Promise<INodeCredentialTestResult> {
	try {
		return { status: 'OK', message: await test() };
	} catch (error) {
		const hint = error instanceof BackupError && error.hint ? ` ${error.hint}` : '';
		return { status: 'Error', message: `${messageOf(error)}${hint}` };
	}
}

/** Writes, reads and deletes a small object. */
export async function testBackupStorage(credential: ICredentialsDecrypted): Promise<INodeCredentialTestResult> {
	return await report(async () => {
		const storage = await storageOf(credential.data as unknown as StorageCredential, guardedBySettings());
		await probeStorage(storage);
		return 'A small object was written, read back and deleted.';
	});
}

/** Encrypts a few bytes for everything in the credential, and decrypts them again by everything that should open them. */
export async function testBackupEncryption(credential: ICredentialsDecrypted): Promise<INodeCredentialTestResult> {
	return await report(async () => {
		const data = credential.data as unknown as EncryptionCredential;
		const { encrypts, decrypts } = await checkKeys(encryptionKeysOf(data), decryptionKeysOf(data));
		if (!encrypts) return 'The private keys can be used. They open archives; there is nothing to encrypt with.';
		return decrypts ? 'Encrypts, and decrypts again.' : 'Encrypts. Restoring needs a credential with the private key.';
	});
}
