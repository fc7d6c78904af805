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
import { searchDatabases } from './listSearch/searchDatabases';
import * as loadOptions from './loadOptions';
import { operations } from './operations';

export class PostgresDump implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Postgres Dump',
		name: 'postgresDump',
		icon: { light: 'file:postgresDump.svg', dark: 'file:postgresDump.dark.svg' },
		group: ['transform'],
		...VERSION,
		subtitle:
			'={{ ({ backUp: "Back Up", restore: "Restore", import: "Import", checkSetup: "Check Setup", listContents: "List Contents", listBackups: "List Backups" })[$parameter["operation"]] }}',
		description: 'Back up and restore PostgreSQL databases (pgvector included)',
		defaults: { name: 'Postgres Dump' },
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		credentials: [
			{
				name: 'postgres',
				required: true,
				displayOptions: { show: { operation: ['backUp', 'restore', 'import', CHECK_SETUP] } },
			},
			storageCredential({ hide: { destination: ['binaryData'], source: ['binaryData'], [WITH_STORAGE]: [false] } }),
			encryptionCredential({ hide: { encrypt: [false], [WITH_STORAGE]: [false] } }),
		],
		properties: [
			credentialsPlace,
			onlyResource({ name: 'Database', value: 'database' }),
			{
				displayName: 'Operation',
				name: 'operation',
				type: 'options',
				noDataExpression: true,
				displayOptions: { show: { resource: ['database'] } },
				options: [
					{
						name: 'Back Up',
						value: 'backUp',
						description: 'Dump databases, and roles and globals, into archives',
						action: 'Back up databases',
					},
					checkSetupOption('Check the setup of database backups'),
					{
						name: 'Import',
						value: 'import',
						description: 'Restore a dump that pg_dump or pg_dumpall made',
						action: 'Import a dump',
					},
					{
						name: 'List Backups',
						value: 'listBackups',
						description: 'List what the storage holds, newest first',
						action: 'List database backups',
					},
					{
						name: 'List Contents',
						value: 'listContents',
						description: 'List the objects in a dump, as pg_restore --list',
						action: 'List the contents of a dump',
					},
					{
						name: 'Restore',
						value: 'restore',
						description: 'Restore a backup, wholly or by schema or table',
						action: 'Restore a database',
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
		listSearch: { searchBackups, searchDatabases, searchFiles },
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const name: unknown = this.getNodeParameter('operation', 0);
		const operation = operations[String(name)] as Operation;
		return [await runOperation(this, operation)];
	}
}
