import type { INodeProperties } from 'n8n-workflow';

import { shownFor } from '../operation';

/** How archives are compressed. @param usual what the node usually compresses with */
export function compressionField(
	shown: NonNullable<INodeProperties['displayOptions']>,
	usual = 'zstd',
): INodeProperties {
	return {
		displayName: 'Compression',
		name: 'compression',
		type: 'options',
		options: [
			{ name: 'Zstandard (.zst)', value: 'zstd', description: 'Fast and small' },
			{ name: 'Gzip (.gz)', value: 'gzip', description: 'For tools that know nothing else' },
			{ name: 'None', value: 'none' },
		],
		default: usual,
		displayOptions: shown,
	};
}

/** Whether archives are encrypted, and what to think of then. */
function encryptFields(operations: string[]): INodeProperties[] {
	return [
		{
			displayName: 'Encrypt',
			name: 'encrypt',
			type: 'boolean',
			noDataExpression: true,
			default: false,
			description: 'Whether to encrypt with a Backup Encryption credential (AES-256, opens with gpg)',
			displayOptions: shownFor(operations),
		},
		{
			displayName:
				'This needs a Backup Encryption credential, above. Keep a copy of its passphrase, or of the private keys, outside of n8n: without it nobody can open the backups, not even you.',
			name: 'encryptNotice',
			type: 'notice',
			default: '',
			displayOptions: shownFor(operations, { encrypt: [true] }),
		},
	];
}

/** How archives are made that go to a storage in any case. */
export function storedArchiveFields(operations: string[]): INodeProperties[] {
	return [compressionField(shownFor(operations)), ...encryptFields(operations)];
}

/** How archives are made, and where they go. @param compression what the node usually compresses with */
export function destinationFields(operations: string[], compression = 'zstd'): INodeProperties[] {
	const shown = shownFor(operations);
	return [
		compressionField(shown, compression),
		...encryptFields(operations),
		{
			displayName: 'Destination',
			name: 'destination',
			type: 'options',
			noDataExpression: true,
			options: [
				{ name: 'Backup Storage', value: 'storage', description: 'A folder or an S3 bucket' },
				{
					name: 'Binary Data',
					value: 'binaryData',
					description: 'The archive goes out as binary data, for any other node to store',
				},
			],
			default: 'storage',
			displayOptions: shown,
		},
		{
			displayName: 'Put Output File in Field',
			name: 'outputBinaryField',
			type: 'string',
			required: true,
			default: 'data',
			hint: 'The name of the output binary field to put the archive in',
			displayOptions: shownFor(operations, { destination: ['binaryData'] }),
		},
	];
}

/** An entry of Options. */
export const compressionLevelOption: INodeProperties = {
	displayName: 'Compression Level',
	name: 'compressionLevel',
	type: 'number',
	typeOptions: { minValue: 0, maxValue: 19 },
	default: 0,
	description: 'Zstandard: 1 to 19, usually 3. Gzip: 1 to 9, usually 6. 0 takes the usual one.',
};

/** An entry of Options: where in the storage the archives go. */
export function archiveFolderOption(ownFolder: string): INodeProperties {
	return {
		displayName: 'Folder',
		name: 'folder',
		type: 'string',
		default: ownFolder,
		description: 'Folder in the storage for the archives',
	};
}

/** An entry of Options. */
export const tagsOption: INodeProperties = {
	displayName: 'Tags',
	name: 'tags',
	type: 'string',
	default: '',
	placeholder: 'e.g. nightly, before-upgrade',
	description: 'Kept in the manifest, separated by commas',
};

/** An entry of Options. */
export function timeZoneOption(description: string): INodeProperties {
	return {
		displayName: 'Time Zone',
		name: 'timeZone',
		type: 'string',
		default: 'UTC',
		placeholder: 'e.g. Europe/Berlin',
		description,
	};
}
