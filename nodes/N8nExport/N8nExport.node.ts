import {
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeType,
	type INodeTypeDescription,
	NodeConnectionTypes,
} from 'n8n-workflow';

import { testBackupEncryption, testBackupStorage } from '../shared/credentialTests';
import { credentialsPlace, encryptionCredential, storageCredential } from '../shared/descriptions/credentials';
import { VERSION } from '../shared/descriptions/node';
import { searchFiles } from '../shared/listSearch/searchFiles';
import { type Operation, runOperation } from '../shared/operation';
import { POSTGRES_CREDENTIAL } from '../shared/postgresConnection';
import { checkSetupOption, WITH_STORAGE } from '../shared/setup/fields';

import { N8N_CREDENTIAL } from './connection';
import { CHECK_INSTANCE } from './instance/checkSetup';
import { searchBackups } from './listSearch/searchBackups';
import { searchProjects } from './listSearch/searchProjects';
import * as loadOptions from './loadOptions';
import { operations } from './operations';

export class N8nExport implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'n8n Export',
		name: 'n8nExport',
		icon: { light: 'file:n8nExport.svg', dark: 'file:n8nExport.dark.svg' },
		group: ['transform'],
		...VERSION,
		subtitle:
			'={{ ({ exportWorkflows: "Export", compareWorkflows: "Compare", importWorkflows: "Import", checkSetup: "Check Setup", checkInstance: "Check Setup", backUpInstance: "Back Up Instance", restoreInstance: "Restore Instance", listBackups: "List Backups" })[$parameter["operation"]] }}',
		description: 'Back up and restore n8n itself, or its workflows: compare them, and bring them back',
		defaults: { name: 'n8n Export' },
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		credentials: [
			{
				name: N8N_CREDENTIAL,
				displayName: 'Credential for n8n',
				required: true,
				displayOptions: {
					hide: {
						operation: ['listBackups', 'backUpInstance', 'restoreInstance', CHECK_INSTANCE],
						compareWith: ['backup'],
					},
				},
			},
			storageCredential({ hide: { destination: ['binaryData'], [WITH_STORAGE]: [false] } }),
			encryptionCredential({ hide: { encrypt: [false] } }, 'Instances, or If Encrypted'),
			{
				name: POSTGRES_CREDENTIAL,
				displayName: 'Credential for Postgres',
				required: true,
				displayOptions: { show: { operation: ['restoreInstance'], intoPostgres: [true] } },
			},
		],
		properties: [
			credentialsPlace,
			{
				displayName: 'Resource',
				name: 'resource',
				type: 'options',
				noDataExpression: true,
				options: [
					{ name: 'Instance', value: 'instance' },
					{ name: 'Workflow', value: 'workflow' },
				],
				default: 'workflow',
			},
			{
				displayName: 'Operation',
				name: 'operation',
				type: 'options',
				noDataExpression: true,
				displayOptions: { show: { resource: ['workflow'] } },
				options: [
					checkSetupOption('Check the setup of workflow exports'),
					{
						name: 'Compare',
						value: 'compareWorkflows',
						description: 'Tell what was added, changed and removed since a backup, node by node',
						action: 'Compare workflows',
					},
					{
						name: 'Export',
						value: 'exportWorkflows',
						description: 'Store all workflows, or some of them, as an archive',
						action: 'Export workflows',
					},
					{
						name: 'Import',
						value: 'importWorkflows',
						description: 'Bring workflows of a backup back, or into another n8n',
						action: 'Import workflows',
					},
					{
						name: 'List Backups',
						value: 'listBackups',
						description: 'List the exports of workflows in the storage, newest first',
						action: 'List workflow backups',
					},
				],
				default: 'exportWorkflows',
			},
			{
				displayName: 'Operation',
				name: 'operation',
				type: 'options',
				noDataExpression: true,
				displayOptions: { show: { resource: ['instance'] } },
				options: [
					{
						name: 'Back Up Instance',
						value: 'backUpInstance',
						description:
							'Store all that this n8n is: workflows, credentials, users, data tables, settings, its encryption key',
						action: 'Back up the whole instance',
					},
					checkSetupOption('Check the setup of instance backups', CHECK_INSTANCE),
					{
						name: 'List Backups',
						value: 'listBackups',
						description: 'List the backups of instances in the storage, newest first',
						action: 'List instance backups',
					},
					{
						name: 'Restore Instance',
						value: 'restoreInstance',
						description: 'Prepare a folder, and a database, that a new n8n starts from',
						action: 'Restore an instance into a folder',
					},
				],
				default: 'backUpInstance',
			},
			...Object.values(operations).flatMap(({ description }) => description),
		],
	};

	methods = {
		credentialTest: { testBackupStorage, testBackupEncryption },
		listSearch: { searchBackups, searchFiles, searchProjects },
		loadOptions,
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const name: unknown = this.getNodeParameter('operation', 0);
		const operation = operations[String(name)] as Operation;
		return [await runOperation(this, operation)];
	}
}
