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
import { searchBuckets } from '../shared/listSearch/searchBuckets';
import { type Operation, runOperation } from '../shared/operation';
import { CHECK_SETUP, checkSetupOption, WITH_STORAGE } from '../shared/setup/fields';

import { searchBackups } from './listSearch/searchBackups';
import {
	searchSourceBuckets,
	searchSourcePrefixes,
	searchTargetBuckets,
	searchTargetPrefixes,
} from './listSearch/searchEnds';
import { searchEntries } from './listSearch/searchEntries';
import { searchKeyPrefixes } from './listSearch/searchKeyPrefixes';
import { searchPrefixes } from './listSearch/searchPrefixes';
import { getBuckets } from './loadOptions/getBuckets';
import { operations } from './operations';

export class MinioMirror implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'MinIO Mirror',
		name: 'minioMirror',
		icon: { light: 'file:minioMirror.svg', dark: 'file:minioMirror.dark.svg' },
		group: ['transform'],
		...VERSION,
		subtitle:
			'={{ ({ backUp: "Back Up Bucket", restore: "Restore", listBackups: "List Backups", listObjects: "List Objects", checkSetup: "Check Setup", mirror: "Mirror" })[$parameter["operation"]] }}',
		description: 'Back up, restore and mirror buckets of MinIO and every other S3 server, whole and incremental',
		defaults: { name: 'MinIO Mirror' },
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		credentials: [
			{
				name: 's3',
				required: true,
				displayOptions: { show: { operation: ['backUp', 'restore', CHECK_SETUP, 'mirror'] } },
			},
			storageCredential({
				hide: {
					destination: ['binaryData'],
					source: ['binaryData'],
					[WITH_STORAGE]: [false],
					// A mirror needs it for another server alone.
					direction: ['bucketToFolder', 'folderToBucket'],
					servers: ['same'],
				},
			}),
			encryptionCredential({ hide: { encrypt: [false], operation: ['mirror'], [WITH_STORAGE]: [false] } }),
		],
		properties: [
			credentialsPlace,
			onlyResource({ name: 'Bucket', value: 'bucket' }),
			{
				displayName: 'Operation',
				name: 'operation',
				type: 'options',
				noDataExpression: true,
				displayOptions: { show: { resource: ['bucket'] } },
				options: [
					{
						name: 'Back Up Bucket',
						value: 'backUp',
						description: 'Store buckets as archives, or what is new of them',
						action: 'Back up buckets',
					},
					checkSetupOption('Check the setup of bucket backups'),
					{
						name: 'List Backups',
						value: 'listBackups',
						description: 'List what the storage holds, newest first',
						action: 'List bucket backups',
					},
					{
						name: 'List Objects',
						value: 'listObjects',
						description: 'List the objects that a backup holds',
						action: 'List the objects of a backup',
					},
					{
						name: 'Mirror',
						value: 'mirror',
						description: 'Make a bucket or a folder hold what another one holds, by copying what is new or changed',
						action: 'Mirror a bucket',
					},
					{
						name: 'Restore',
						value: 'restore',
						description: 'Restore a backup, or some of its objects, into a bucket',
						action: 'Restore a bucket',
					},
				],
				default: 'backUp',
			},
			...Object.values(operations).flatMap(({ description }) => description),
		],
	};

	methods = {
		credentialTest: { testBackupStorage, testBackupEncryption },
		loadOptions: { getBuckets },
		listSearch: {
			searchBackups,
			searchBuckets,
			searchEntries,
			searchKeyPrefixes,
			searchPrefixes,
			searchSourceBuckets,
			searchSourcePrefixes,
			searchTargetBuckets,
			searchTargetPrefixes,
		},
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const name: unknown = this.getNodeParameter('operation', 0);
		const operation = operations[String(name)] as Operation;
		return [await runOperation(this, operation)];
	}
}
