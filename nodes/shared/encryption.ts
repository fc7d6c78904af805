import type { IExecuteFunctions, ILoadOptionsFunctions } from 'n8n-workflow';

import { BackupError, type DecryptionKeys, type EncryptionKeys } from '../../engine';

import { armoredBlocks } from './armor';
import { collectionOf, type Fields, yesNoIn } from './fields';

export const ENCRYPTION_CREDENTIAL = 'backupEncryptionApi';

/** The Backup Encryption credential as n8n keeps it. */
export interface EncryptionCredential {
	passphrase?: string;
	publicKeys?: string;
	privateKeys?: string;
	privateKeyPassphrase?: string;
}

/** What to encrypt for; undefined where the credential only holds private keys. */
export function encryptionKeysOf(credential: EncryptionCredential): EncryptionKeys | undefined {
	const publicKeys = keyBlocks(credential.publicKeys);
	if (!credential.passphrase && publicKeys.length === 0) return undefined;
	return { passphrase: credential.passphrase || undefined, publicKeys };
}

/** What may open an archive; undefined where the credential holds nothing that does. */
export function decryptionKeysOf(credential: EncryptionCredential): DecryptionKeys | undefined {
	const passphrase = credential.privateKeyPassphrase || undefined;
	const privateKeys = keyBlocks(credential.privateKeys).map((armored) => ({ armored, passphrase }));
	if (!credential.passphrase && privateKeys.length === 0) return undefined;
	return { passphrase: credential.passphrase || undefined, privateKeys };
}

/** A text in which there is no block is handed on as it is: the engine says what is wrong with it. */
function keyBlocks(text = ''): string[] {
	if (text.trim() === '') return [];
	const blocks = armoredBlocks(text);
	return blocks.length > 0 ? blocks : [text];
}

/** The keys to encrypt with. @throws BackupError INVALID_INPUT where there is no credential, or none in it */
export async function encryptionKeys(context: IExecuteFunctions, itemIndex: number): Promise<EncryptionKeys> {
	const credential = await selectedCredential(context, itemIndex);
	const keys = credential && encryptionKeysOf(credential);
	if (keys) return keys;
	throw new BackupError(
		'INVALID_INPUT',
		credential
			? 'The Backup Encryption credential holds neither a passphrase nor a public key to encrypt with.'
			: 'Encrypt is on, but no Backup Encryption credential is selected.',
		{ hint: 'Select a credential with a passphrase or a public key, or switch Encrypt off.' },
	);
}

/**
 * The keys to decrypt with, and whether what was not encrypted with them is refused (the Require Encryption option);
 * undefined where no credential is selected. @throws BackupError INVALID_INPUT
 */
export async function decryptionKeys(
	context: IExecuteFunctions,
	itemIndex: number,
): Promise<DecryptionKeys | undefined> {
	const credential = await selectedCredential(context, itemIndex);
	if (!credential) return undefined;
	const options = collectionOf(context, 'options', itemIndex, 'Options');
	const requireEncryption = yesNoIn(options, 'requireEncryption', true, 'Require Encryption');
	return { ...decryptionKeysOf(credential), requireEncryption };
}

/** The same for a drop-down in the editor. @throws BackupError INVALID_INPUT */
export async function decryptionKeysInEditor(context: ILoadOptionsFunctions): Promise<DecryptionKeys | undefined> {
	if (!context.getNode().credentials?.[ENCRYPTION_CREDENTIAL]) return undefined;
	const credential = await context.getCredentials<EncryptionCredential>(ENCRYPTION_CREDENTIAL);
	const options = (context.getCurrentNodeParameter('options') ?? {}) as Fields;
	const requireEncryption = yesNoIn(options, 'requireEncryption', true, 'Require Encryption');
	return { ...decryptionKeysOf(credential), requireEncryption };
}

/** The passphrase that proofs of manifests are compared with; undefined where no credential with one is selected. */
export async function provingPassphrase(context: IExecuteFunctions, itemIndex: number): Promise<string | undefined> {
	return (await selectedCredential(context, itemIndex))?.passphrase || undefined;
}

/** All that the selected credential holds; undefined where none is selected. */
export async function selectedKeys(
	context: IExecuteFunctions,
	itemIndex: number,
): Promise<{ encryption: EncryptionKeys | undefined; decryption: DecryptionKeys | undefined } | undefined> {
	const credential = await selectedCredential(context, itemIndex);
	return credential && { encryption: encryptionKeysOf(credential), decryption: decryptionKeysOf(credential) };
}

async function selectedCredential(
	context: IExecuteFunctions,
	itemIndex: number,
): Promise<EncryptionCredential | undefined> {
	// n8n throws where an optional credential is asked for and not there.
	if (!context.getNode().credentials?.[ENCRYPTION_CREDENTIAL]) return undefined;
	return await context.getCredentials(ENCRYPTION_CREDENTIAL, itemIndex);
}
