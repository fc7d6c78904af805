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

import { searchBaseBackups } from './listSearch/searchBaseBackups';
import { searchClusters } from './listSearch/searchClusters';
import { searchSlots } from './listSearch/searchSlots';
import { operations } from './operations';

export class PostgresPitr implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Postgres PITR',
		name: 'postgresPitr',
		icon: { light: 'file:postgresPitr.svg', dark: 'file:postgresPitr.dark.svg' },
		group: ['transform'],
		...VERSION,
		subtitle:
			'={{ ({ archiveWal: "Archive WAL", baseBackup: "Base Backup", checkSetup: "Check Setup", createRestorePoint: "Create Restore Point", dropSlot: "Drop Slot", listBackups: "List Backups", listWindows: "List Recovery Windows", recover: "Recover", switchWal: "Switch WAL", takeInWal: "Take In WAL" })[$parameter["operation"]] }}',
		description: 'Physical backups of PostgreSQL servers for point-in-time recovery, without an agent',
		defaults: { name: 'Postgres PITR' },
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		credentials: [
			{
				name: 'postgres',
				required: true,
				displayOptions: {
					show: {
						operation: ['archiveWal', 'baseBackup', 'createRestorePoint', 'dropSlot', 'switchWal', CHECK_SETUP],
					},
				},
			},
			{
				name: 's3',
				required: true,
				displayOptions: { show: { operation: ['takeInWal'], archivedIn: ['bucket'] } },
			},
			storageCredential({ hide: { operation: ['createRestorePoint', 'switchWal'], [WITH_STORAGE]: [false] } }),
			encryptionCredential({
				hide: {
					operation: ['createRestorePoint', 'dropSlot', 'switchWal'],
					encrypt: [false],
					[WITH_STORAGE]: [false],
				},
			}),
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
						name: 'Archive WAL',
						value: 'archiveWal',
						description:
							'Store the write-ahead log (WAL) that the server has written since the last time, for a schedule',
						action: 'Archive the log of a server',
					},
					{
						name: 'Base Backup',
						value: 'baseBackup',
						description: 'Store the whole server, or the blocks that have changed, while it runs',
						action: 'Back up a whole server',
					},
					checkSetupOption('Check the setup of physical backups'),
					{
						name: 'Create Restore Point',
						value: 'createRestorePoint',
						description: 'Give the present moment a name to recover to',
						action: 'Create a restore point',
					},
					{
						name: 'Drop Slot',
						value: 'dropSlot',
						description: 'Let the server remove the WAL that it keeps for a replication slot',
						action: 'Drop a replication slot',
					},
					{
						name: 'List Backups',
						value: 'listBackups',
						description: 'List what the storage holds, newest first',
						action: 'List physical backups',
					},
					{
						name: 'List Recovery Windows',
						value: 'listWindows',
						description: 'List from when to when a server can be recovered, and where WAL is missing',
						action: 'List recovery windows',
					},
					{
						name: 'Recover',
						value: 'recover',
						description: 'Make a data directory of a server as it was at any second, for a server to start from',
						action: 'Recover a server to a point in time',
					},
					{
						name: 'Switch WAL',
						value: 'switchWal',
						description: 'End the segment that the server writes to, so that it can be archived whole',
						action: 'Switch to a new segment of the log',
					},
					{
						name: 'Take In WAL',
						value: 'takeInWal',
						description: "Store what the server's own archive_command has put into a folder or a bucket",
						action: 'Take in segments that the server has archived',
					},
				],
				default: 'baseBackup',
			},
			...Object.values(operations).flatMap(({ description }) => description),
		],
	};

	methods = {
		credentialTest: { testBackupStorage, testBackupEncryption },
		listSearch: { searchBaseBackups, searchBuckets, searchClusters, searchSlots },
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const name: unknown = this.getNodeParameter('operation', 0);
		const operation = operations[String(name)] as Operation;
		return [await runOperation(this, operation)];
	}
}
