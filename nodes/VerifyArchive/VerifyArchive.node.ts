import {
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeType,
	type INodeTypeDescription,
	NodeConnectionTypes,
} from 'n8n-workflow';

import { credentialsPlace, encryptionCredential, storageCredential } from '../shared/descriptions/credentials';
import { onlyResource, VERSION } from '../shared/descriptions/node';
import { testBackupEncryption, testBackupStorage } from '../shared/credentialTests';
import { searchBuckets } from '../shared/listSearch/searchBuckets';
import { searchFiles } from '../shared/listSearch/searchFiles';

import { searchBackups } from './listSearch/searchBackups';
import { operations } from './operations';
import { type JudgingOperation, runJudging } from '../shared/outcome';

export class VerifyArchive implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Verify Archive',
		name: 'verifyArchive',
		icon: { light: 'file:verifyArchive.svg', dark: 'file:verifyArchive.dark.svg' },
		group: ['transform'],
		...VERSION,
		subtitle:
			'={{ ({ verify: "Verify", drill: "Drill", checkTrend: "Check Trend", listBackups: "List Backups", listVerifications: "List Verifications" })[$parameter["operation"]] }}',
		description: 'Find out whether backups are whole and can be restored, before they are needed',
		defaults: { name: 'Verify Archive' },
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main, NodeConnectionTypes.Main],
		outputNames: ['Passed', 'Failed'],
		credentials: [
			storageCredential({ hide: { which: ['binaryData'] } }),
			encryptionCredential({ show: { operation: ['verify', 'drill'] } }),
			{
				name: 'postgres',
				displayName: 'Credential for Postgres (Scratch Server)',
				required: true,
				displayOptions: { show: { operation: ['verify', 'drill'], postgresTarget: ['server'] } },
			},
			{
				name: 'qdrantApi',
				displayName: 'Credential for Qdrant (Scratch Server)',
				required: true,
				displayOptions: { show: { operation: ['verify', 'drill'], qdrantTarget: ['server'] } },
			},
			{
				name: 's3',
				displayName: 'Credential for S3 (Scratch Server)',
				required: true,
				displayOptions: { show: { operation: ['verify', 'drill'], minioTarget: ['prefix', 'bucket'] } },
			},
		],
		properties: [
			credentialsPlace,
			onlyResource({ name: 'Backup', value: 'backup' }),
			{
				displayName: 'Operation',
				name: 'operation',
				type: 'options',
				noDataExpression: true,
				displayOptions: { show: { resource: ['backup'] } },
				options: [
					{
						name: 'Check Trend',
						value: 'checkTrend',
						description: 'Find backups that are much smaller, larger or slower than those before them',
						action: 'Check the trend of backups',
					},
					{
						name: 'Drill',
						value: 'drill',
						description: 'Restore the newest of everything for a test, and measure how long that takes',
						action: 'Run a restore drill',
					},
					{
						name: 'List Backups',
						value: 'listBackups',
						description: 'List backups of all kinds, such as those that nobody has verified lately; none is read',
						action: 'List backups to verify',
					},
					{
						name: 'List Verifications',
						value: 'listVerifications',
						description: 'List what earlier verifications of a backup found, newest first',
						action: 'List the verifications of a backup',
					},
					{
						name: 'Verify',
						value: 'verify',
						description: 'Check that backups are whole, and that they can be restored',
						action: 'Verify backups',
					},
				],
				default: 'verify',
			},
			...Object.values(operations).flatMap(({ description }) => description),
		],
	};

	methods = {
		credentialTest: { testBackupStorage, testBackupEncryption },
		listSearch: { searchBackups, searchBuckets, searchFiles },
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const name: unknown = this.getNodeParameter('operation', 0);
		const operation = operations[String(name)] as JudgingOperation;
		return await runJudging(this, operation);
	}
}
