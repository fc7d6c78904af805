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
import { CHECK_SETUP, checkSetupOption, WITH_STORAGE } from '../shared/setup/fields';

import { searchBackups } from './listSearch/searchBackups';
import { searchServerSnapshots } from './listSearch/searchServerSnapshots';
import { searchTargets } from './listSearch/searchTargets';
import * as loadOptions from './loadOptions';
import { operations } from './operations';

const ON_SERVER = ['listServerSnapshots', 'deleteServerSnapshots'];

export class QdrantSnapshot implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Qdrant Snapshot',
		name: 'qdrantSnapshot',
		icon: { light: 'file:qdrantSnapshot.svg', dark: 'file:qdrantSnapshot.dark.svg' },
		group: ['transform'],
		...VERSION,
		subtitle:
			'={{ ({ backUp: "Back Up", restore: "Restore", checkSetup: "Check Setup", listBackups: "List Backups", listServerSnapshots: "List Server Snapshots", deleteServerSnapshots: "Delete Server Snapshots" })[$parameter["operation"]] }}',
		description: 'Back up and restore collections of Qdrant, aliases and clusters included',
		defaults: { name: 'Qdrant Snapshot' },
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		credentials: [
			{
				name: 'qdrantApi',
				required: true,
				displayOptions: { show: { operation: ['backUp', 'restore', CHECK_SETUP, ...ON_SERVER] } },
			},
			storageCredential({
				// What deletes needs it for the journal.
				hide: {
					destination: ['binaryData'],
					source: ['binaryData', 'url'],
					operation: ['listServerSnapshots'],
					[WITH_STORAGE]: [false],
				},
			}),
			encryptionCredential({
				hide: { encrypt: [false], source: ['snapshotFile', 'url'], operation: ON_SERVER, [WITH_STORAGE]: [false] },
			}),
		],
		properties: [
			credentialsPlace,
			onlyResource({ name: 'Collection', value: 'collection' }),
			{
				displayName: 'Operation',
				name: 'operation',
				type: 'options',
				noDataExpression: true,
				displayOptions: { show: { resource: ['collection'] } },
				options: [
					{
						name: 'Back Up',
						value: 'backUp',
						description: 'Store snapshots of collections, or of the whole storage, as archives',
						action: 'Back up collections',
					},
					checkSetupOption('Check the setup of collection backups'),
					{
						name: 'Delete Server Snapshots',
						value: 'deleteServerSnapshots',
						description: "Delete snapshots from the server's disk",
						action: 'Delete server snapshots',
					},
					{
						name: 'List Backups',
						value: 'listBackups',
						description: 'List what the storage holds, newest first',
						action: 'List collection backups',
					},
					{
						name: 'List Server Snapshots',
						value: 'listServerSnapshots',
						description: "List the snapshots on the server's disk",
						action: 'List server snapshots',
					},
					{
						name: 'Restore',
						value: 'restore',
						description: 'Restore a collection from a backup or a .snapshot file',
						action: 'Restore a collection',
					},
				],
				default: 'backUp',
			},
			...Object.values(operations).flatMap(({ description }) => description),
		],
	};

	methods = {
		credentialTest: { testBackupStorage, testBackupEncryption },
		loadOptions,
		listSearch: { searchBackups, searchFiles, searchServerSnapshots, searchTargets },
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const name: unknown = this.getNodeParameter('operation', 0);
		const operation = operations[String(name)] as Operation;
		return [await runOperation(this, operation)];
	}
}
