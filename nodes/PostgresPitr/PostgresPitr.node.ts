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
import { type Operation, runOperation } from '../shared/operation';
import { CHECK_SETUP, checkSetupOption, WITH_STORAGE } from '../shared/setup/fields';

import { searchClusters } from './listSearch/searchClusters';
import { operations } from './operations';

export class PostgresPitr implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Postgres PITR',
		name: 'postgresPitr',
		icon: { light: 'file:postgresPitr.svg', dark: 'file:postgresPitr.dark.svg' },
		group: ['transform'],
		...VERSION,
		subtitle:
			'={{ ({ baseBackup: "Base Backup", checkSetup: "Check Setup", listBackups: "List Backups", recover: "Recover" })[$parameter["operation"]] }}',
		description: 'Physical backups of PostgreSQL servers for point-in-time recovery, without an agent',
		defaults: { name: 'Postgres PITR' },
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		credentials: [
			{
				name: 'postgres',
				required: true,
				displayOptions: { show: { operation: ['baseBackup', CHECK_SETUP] } },
			},
			storageCredential({ hide: { [WITH_STORAGE]: [false] } }),
			encryptionCredential({ hide: { encrypt: [false], [WITH_STORAGE]: [false] } }),
		],
		properties: [
			credentialsPlace,
			onlyResource({ name: 'Server', value: 'server' }),
			{
				displayName: 'Operation',
				name: 'operation',
				type: 'options',
				noDataExpression: true,
				displayOptions: { show: { resource: ['server'] } },
				options: [
					{
						name: 'Base Backup',
						value: 'baseBackup',
						description: 'Store the whole server, or the blocks that have changed, while it runs',
						action: 'Back up a whole server',
					},
					checkSetupOption('Check the setup of physical backups'),
					{
						name: 'List Backups',
						value: 'listBackups',
						description: 'List what the storage holds, newest first',
						action: 'List physical backups',
					},
					{
						name: 'Recover',
						value: 'recover',
						description: 'Make a data directory of a server as it was at any second, for a server to start from',
						action: 'Recover a server to a point in time',
					},
				],
				default: 'baseBackup',
			},
			...Object.values(operations).flatMap(({ description }) => description),
		],
	};

	methods = {
		credentialTest: { testBackupStorage, testBackupEncryption },
		listSearch: { searchClusters },
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const name: unknown = this.getNodeParameter('operation', 0);
		const operation = operations[String(name)] as Operation;
		return [await runOperation(this, operation)];
	}
}
