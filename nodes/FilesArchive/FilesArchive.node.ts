import {
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeType,
	type INodeTypeDescription,
	NodeConnectionTypes,
} from 'n8n-workflow';

import { testBackupEncryption, testBackupStorage } from '../shared/credentialTests';
import { credentialsPlace, encryptionCredential, storageCredential } from '../shared/descriptions/credentials';
import { onlyResource, VERSION } from '../shared/descriptions/node';
import { searchFiles } from '../shared/listSearch/searchFiles';
import { type Operation, runOperation } from '../shared/operation';
import { checkSetupOption, WITH_STORAGE } from '../shared/setup/fields';

import { searchBackups } from './listSearch/searchBackups';
import { searchEntries } from './listSearch/searchEntries';
import { searchPrefixes } from './listSearch/searchPrefixes';
import { operations } from './operations';

export class FilesArchive implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Files Archive',
		name: 'filesArchive',
		icon: { light: 'file:filesArchive.svg', dark: 'file:filesArchive.dark.svg' },
		group: ['transform'],
		...VERSION,
		subtitle:
			'={{ ({ backUp: "Back Up", restore: "Restore", checkSetup: "Check Setup", listBackups: "List Backups", listEntries: "List Entries" })[$parameter["operation"]] }}',
		description: 'Back up and restore folders and files, whole and incremental',
		defaults: { name: 'Files Archive' },
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		credentials: [
			storageCredential({ hide: { destination: ['binaryData'], source: ['binaryData'], [WITH_STORAGE]: [false] } }),
			encryptionCredential({ hide: { encrypt: [false], [WITH_STORAGE]: [false] } }),
		],
		properties: [
			credentialsPlace,
			onlyResource({ name: 'Folder', value: 'folder' }),
			{
				displayName: 'Operation',
				name: 'operation',
				type: 'options',
				noDataExpression: true,
				displayOptions: { show: { resource: ['folder'] } },
				options: [
					{
						name: 'Back Up',
						value: 'backUp',
						description: 'Store a folder or a file as an archive, or what is new of it',
						action: 'Back up a folder',
					},
					checkSetupOption('Check the setup of folder backups'),
					{
						name: 'List Backups',
						value: 'listBackups',
						description: 'List what the storage holds, newest first',
						action: 'List folder backups',
					},
					{
						name: 'List Entries',
						value: 'listEntries',
						description: 'List the files and folders that a backup holds',
						action: 'List the entries of a backup',
					},
					{
						name: 'Restore',
						value: 'restore',
						description: 'Restore a backup, or some of its files, into a folder',
						action: 'Restore a folder',
					},
				],
				default: 'backUp',
			},
			...Object.values(operations).flatMap(({ description }) => description),
		],
	};

	methods = {
		credentialTest: { testBackupStorage, testBackupEncryption },
		listSearch: { searchBackups, searchEntries, searchFiles, searchPrefixes },
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const name: unknown = this.getNodeParameter('operation', 0);
		const operation = operations[String(name)] as Operation;
		return [await runOperation(this, operation)];
	}
}
