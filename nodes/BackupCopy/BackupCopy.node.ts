import {
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeType,
	type INodeTypeDescription,
	NodeConnectionTypes,
} from 'n8n-workflow';

import { testBackupEncryption, testBackupStorage } from '../shared/credentialTests';
import { credentialsPlace } from '../shared/descriptions/credentials';
import { onlyResource, VERSION } from '../shared/descriptions/node';
import { type JudgingOperation, runJudging } from '../shared/outcome';

import { searchBackups } from './listSearch/searchBackups';
import { operations } from './operations';

export class BackupCopy implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Backup Copy',
		name: 'backupCopy',
		icon: { light: 'file:backupCopy.svg', dark: 'file:backupCopy.dark.svg' },
		group: ['transform'],
		...VERSION,
		subtitle: '={{ ({ copyBackups: "Copy Backups", compare: "Compare" })[$parameter["operation"]] }}',
		description: 'Keep a second copy of backups in another storage, and compare the two',
		defaults: { name: 'Backup Copy' },
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main, NodeConnectionTypes.Main],
		outputNames: ['Fine', 'Failed'],
		credentials: [
			// n8n's check of community nodes finds who tests a credential only where a node says it.
			{
				name: 'backupStorageApi',
				displayName: 'Credential for Backup Storage',
				required: true,
				testedBy: 'testBackupStorage',
			},
			{
				name: 'backupStorageSecondApi',
				displayName: 'Credential for Backup Storage (Second)',
				required: true,
				testedBy: 'testBackupStorage',
			},
			{
				name: 'backupEncryptionApi',
				displayName: 'Credential for Backup Encryption (Optional)',
				required: false,
				testedBy: 'testBackupEncryption',
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
						name: 'Compare',
						value: 'compare',
						description: 'Tell what one storage lacks, holds differently or holds damaged, and change nothing',
						action: 'Compare two storages',
					},
					{
						name: 'Copy Backups',
						value: 'copyBackups',
						description: 'Copy backups from one storage to the other, or back',
						action: 'Copy backups to another storage',
					},
				],
				default: 'copyBackups',
			},
			...Object.values(operations).flatMap(({ description }) => description),
		],
	};

	methods = {
		credentialTest: { testBackupStorage, testBackupEncryption },
		listSearch: { searchBackups },
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const name: unknown = this.getNodeParameter('operation', 0);
		return await runJudging(this, operations[String(name)] as JudgingOperation);
	}
}
