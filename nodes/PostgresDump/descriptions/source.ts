import type { INodeProperties } from 'n8n-workflow';

import { shownFor } from '../../shared/operation';

/** Where an operation reads a backup from. */
export function sourceFields(operations: string[], nouns: { storage: string; binary: string }): INodeProperties[] {
	return [
		{
			displayName: 'Source',
			name: 'source',
			type: 'options',
			noDataExpression: true,
			options: [
				{ name: 'Backup Storage', value: 'storage', description: nouns.storage },
				{ name: 'Binary Data', value: 'binaryData', description: nouns.binary },
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

/** Which backup of the storage: from a list, the latest of a database, by id, or by file. */
export function backupField(operations: string[]): INodeProperties {
	return {
		displayName: 'Backup',
		name: 'backup',
		type: 'resourceLocator',
		required: true,
		default: { mode: 'list', value: '' },
		displayOptions: shownFor(operations, { source: ['storage'] }),
		modes: [
			{
				displayName: 'From List',
				name: 'list',
				type: 'list',
				placeholder: 'Select a backup...',
				typeOptions: { searchListMethod: 'searchBackups', searchable: true },
			},
			{
				displayName: 'Latest',
				name: 'latest',
				type: 'string',
				placeholder: 'e.g. shop',
				hint: 'The name of the database: its newest whole backup. For roles and globals: globals.',
			},
			{
				displayName: 'By ID',
				name: 'id',
				type: 'string',
				placeholder: 'e.g. 0b6a3a52-6e0a-4a8f-9d0e-5f1d8c3b7a11',
				hint: 'The id that Back Up put out',
			},
			{
				displayName: 'By File',
				name: 'file',
				type: 'string',
				placeholder: 'e.g. postgres/shop_20260131_020000.sql.zst',
				hint: 'The key that Back Up put out',
			},
		],
	};
}

/** For the manifest of an archive that comes in as binary data. */
export function manifestField(operations: string[]): INodeProperties {
	return {
		displayName: 'Manifest',
		name: 'manifest',
		type: 'json',
		default: '={{ $json.manifest }}',
		description:
			'What Back Up put out beside the binary data, or the content of the .manifest.json file. With it the archive is checked before anything is changed and read in parallel; without it the file is read as a plain dump.',
		displayOptions: shownFor(operations, { source: ['binaryData'] }),
	};
}

/** An entry of Options: where in the storage the archives of PostgreSQL lie. */
export const folderOption: INodeProperties = {
	displayName: 'Folder',
	name: 'folder',
	type: 'string',
	default: 'postgres',
	description: 'Folder in the storage; folders inside it are looked through too',
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
