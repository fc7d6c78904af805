import { existsSync } from 'node:fs';

import type { ICredentialsDecrypted, INodeCredentialTestResult } from 'n8n-workflow';

import { BackupError, checkKeys, messageOf, probeStorage } from '../../engine';

import { decryptionKeysOf, type EncryptionCredential, encryptionKeysOf } from './encryption';
import { guardedBySettings } from './fileAccess';
import { folderPathOf, storageOf, type StorageCredential } from './storage';

async function report(test: () => Promise<string>): Promise<INodeCredentialTestResult> {
	try {
		return { status: 'OK', message: await test() };
	} catch (error) {
		const hint = error instanceof BackupError && error.hint ? ` ${error.hint}` : '';
		return { status: 'Error', message: `${messageOf(error)}${hint}` };
	}
}

/**
 * Writes, reads and deletes a small object. That it had to make the folder is reported as an error, once: the editor shows nothing of
 * what a test says that went well, and a mistyped path would pass for the right one.
 */
export async function testBackupStorage(credential: ICredentialsDecrypted): Promise<INodeCredentialTestResult> {
	return await report(async () => {
		const data = credential.data as unknown as StorageCredential;
		const storage = await storageOf(data, guardedBySettings());
		const isNew = data.type !== 's3' && !existsSync(folderPathOf(data));
		await probeStorage(storage);
		if (isNew) throw wasMade(folderPathOf(data));
		return 'A small object was written, read back and deleted.';
	});
}

function wasMade(folder: string): BackupError {
	return new BackupError(
		'INVALID_INPUT',
		`The folder ${folder} did not exist: it was made just now, and can be used.`,
		{
			hint: 'If that is the folder you meant, retry the test. If not, correct Folder Path and delete the new folder.',
		},
	);
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
