import type { Icon, ICredentialType, INodeProperties } from 'n8n-workflow';

/** What archives are encrypted for, and what opens them again. Tested by a node: `testBackupEncryption`. */
export class BackupEncryptionApi implements ICredentialType {
	name = 'backupEncryptionApi';

	displayName = 'Backup Encryption';

	icon: Icon = { light: 'file:icons/backupEncryption.svg', dark: 'file:icons/backupEncryption.dark.svg' };

	documentationUrl =
		'https://github.com/n8n-nodes-stack-backup/n8n-nodes-stack-backup/blob/main/docs/credentials.md#backup-encryption';

	properties: INodeProperties[] = [
		{
			displayName:
				'Fill in a passphrase, public keys, or both: any one of them opens an archive. Keep a copy of the passphrase or of the private key outside n8n; without it, no backup can be opened.',
			name: 'notice',
			type: 'notice',
			default: '',
		},
		{
			displayName: 'Passphrase',
			name: 'passphrase',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			description: 'Encrypts and decrypts (AES-256), as gpg --symmetric does',
		},
		{
			displayName: 'Public Keys',
			name: 'publicKeys',
			type: 'string',
			typeOptions: { rows: 6 },
			default: '',
			placeholder: 'e.g. -----BEGIN PGP PUBLIC KEY BLOCK-----',
			description:
				'One or more OpenPGP public keys (gpg --armor --export), one after another. n8n can then encrypt what it cannot decrypt.',
		},
		{
			displayName: 'Private Keys',
			name: 'privateKeys',
			type: 'string',
			typeOptions: { password: true, rows: 4 },
			default: '',
			description:
				'Only for restoring what was encrypted for public keys (gpg --armor --export-secret-keys). Best kept in a credential of its own that only exists while it is needed.',
		},
		{
			displayName: 'Private Key Passphrase',
			name: 'privateKeyPassphrase',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			description: 'What the private keys are locked with, where they are',
		},
	];
}
