import type { INodeProperties, INodePropertyMode, INodePropertyOptions } from 'n8n-workflow';

import { shownFor } from '../operation';

/** What the fields of a source call things, in the terms of the system that is restored. */
export interface SourceNouns {
	storage: string;
	binary: string;
}

/** Where an operation reads a backup from. */
export function sourceFields(
	operations: string[],
	nouns: SourceNouns,
	others: INodePropertyOptions[] = [],
): INodeProperties[] {
	return [
		{
			displayName: 'Source',
			name: 'source',
			type: 'options',
			noDataExpression: true,
			options: [
				{ name: 'Backup Storage', value: 'storage', description: nouns.storage },
				{ name: 'Binary Data', value: 'binaryData', description: nouns.binary },
				...others,
			],
			default: 'storage',
			displayOptions: shownFor(operations),
		},
		{
			displayName: 'Input Binary Field',
			name: 'binaryPropertyName',
			type: 'string',
			required: true,
			default: 'data',
			hint: 'The name of the input binary field that holds the file',
			displayOptions: shownFor(operations, { source: ['binaryData'] }),
		},
	];
}

/** What the Backup field shows as examples. */
export interface BackupExamples {
	latest: string;
	latestHint: string;
	file: string;
}

/** Which backup of the storage: from a list, the latest of a name, by id, or by file. */
export function backupField(operations: string[], examples: BackupExamples): INodeProperties {
	return {
		displayName: 'Backup',
		name: 'backup',
		type: 'resourceLocator',
		required: true,
		default: { mode: 'list', value: '' },
		displayOptions: shownFor(operations, { source: ['storage'] }),
		modes: backupModes(examples),
	};
}

/** How a field that names a backup of the storage may name it: chosenBackup (archiveSource.ts) takes all of them. */
export function backupModes({ latest, latestHint, file }: BackupExamples): INodePropertyMode[] {
	return [
		{
			displayName: 'From List',
			name: 'list',
			type: 'list',
			placeholder: 'Select a backup...',
			typeOptions: { searchListMethod: 'searchBackups', searchable: true },
		},
		{ displayName: 'Latest', name: 'latest', type: 'string', placeholder: `e.g. ${latest}`, hint: latestHint },
		{
			displayName: 'By ID',
			name: 'id',
			type: 'string',
			placeholder: 'e.g. 0b6a3a52-6e0a-4a8f-9d0e-5f1d8c3b7a11',
			hint: 'The id in the item of the backup, or of List Backups',
		},
		{
			displayName: 'By File',
			name: 'file',
			type: 'string',
			placeholder: `e.g. ${file}`,
			hint: 'The key in the item of the backup, or of List Backups',
		},
	];
}

/** For the manifest of an archive that comes in as binary data. */
export function manifestField(operations: string[], withAndWithout: string): INodeProperties {
	return {
		displayName: 'Manifest',
		name: 'manifest',
		type: 'json',
		default: '={{ $json.manifest }}',
		description: `What Back Up put out beside the binary data, or the content of the .manifest.json file. ${withAndWithout}`,
		displayOptions: shownFor(operations, { source: ['binaryData'] }),
	};
}

/** A file in the storage, whoever made it. */
export function fileField(
	name: string,
	description: string,
	placeholder: string,
	displayOptions: INodeProperties['displayOptions'],
): INodeProperties {
	return {
		displayName: 'File',
		name,
		type: 'resourceLocator',
		required: true,
		default: { mode: 'list', value: '' },
		description,
		displayOptions,
		modes: [
			{
				displayName: 'From List',
				name: 'list',
				type: 'list',
				placeholder: 'Select a file...',
				typeOptions: { searchListMethod: 'searchFiles', searchable: true },
			},
			{
				displayName: 'By Path',
				name: 'path',
				type: 'string',
				placeholder,
				hint: 'From the root of the storage',
			},
		],
	};
}

/** An entry of Options: where in the storage the archives lie. */
export function folderOption(ownFolder: string): INodeProperties {
	return {
		displayName: 'Folder',
		name: 'folder',
		type: 'string',
		default: ownFolder,
		description: 'Folder in the storage; folders inside it are looked through too',
	};
}

/** An entry of Options: what is not encrypted, or does not prove by whom it was made, is refused. */
export const requireEncryptionOption: INodeProperties = {
	displayName: 'Require Encryption',
	name: 'requireEncryption',
	type: 'boolean',
	default: true,
	description:
		'Whether, with a Backup Encryption credential, to refuse what is not encrypted; and with a passphrase in it, backups whose manifest does not prove that it was made with this passphrase. Those made before manifests carried a proof, or with public keys alone, are accepted only without it.',
};

/** An entry of Options: how long to wait for a server to let us in. */
export const connectTimeoutOption: INodeProperties = {
	displayName: 'Connection Timeout (Seconds)',
	name: 'connectTimeout',
	type: 'number',
	typeOptions: { minValue: 1, maxValue: 86400 },
	default: 30,
	description: 'How long to wait for the server to accept a connection',
};
