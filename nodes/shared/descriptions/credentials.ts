import type { INodeCredentialDescription, INodeProperties } from 'n8n-workflow';

/**
 * Where the panel shows the credentials. Without it, n8n puts them below the last of the fields that decide which of them are
 * shown, which may be far down.
 */
export const credentialsPlace: INodeProperties = {
	displayName: 'Credentials',
	name: 'credentials',
	type: 'credentials',
	default: '',
};

/** Where backups lie. Each node tests it: see shared/credentialTests.ts. */
export function storageCredential(
	displayOptions: NonNullable<INodeCredentialDescription['displayOptions']>,
): INodeCredentialDescription {
	return {
		name: 'backupStorageApi',
		displayName: 'Credential for Backup Storage',
		required: true,
		testedBy: 'testBackupStorage',
		displayOptions,
	};
}

/**
 * What opens encrypted backups, or encrypts them. One entry for all operations: n8n asks the first of this type alone whether it is shown.
 * @param when In brackets, when one is needed.
 */
export function encryptionCredential(
	displayOptions: NonNullable<INodeCredentialDescription['displayOptions']>,
	when = 'If Encrypted',
): INodeCredentialDescription {
	return {
		name: 'backupEncryptionApi',
		displayName: `Credential for Backup Encryption (${when})`,
		required: false,
		testedBy: 'testBackupEncryption',
		displayOptions,
	};
}
