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
import { runBranching, runOperation } from '../shared/operation';
import { checkSetupOption } from '../shared/setup/fields';

import { judgingFields } from './descriptions/judging';
import { alerting, reporting } from './operations';

/** Check Alerts has one output for runs with nothing to tell, and one for the others. */
const OUTPUTS =
	'={{ $parameter["operation"] === "checkAlerts" ? [{ type: "main", displayName: "Fine" }, { type: "main", displayName: "Alert" }] : [{ type: "main" }] }}' as const;

export class BackupReport implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Backup Report',
		name: 'backupReport',
		icon: { light: 'file:backupReport.svg', dark: 'file:backupReport.dark.svg' },
		group: ['transform'],
		...VERSION,
		subtitle:
			'={{ ({ createReport: "Create Report", checkAlerts: "Check Alerts", checkSetup: "Check Setup", getMetrics: "Get Metrics", getStatusPage: "Get Status Page", listRuns: "List Runs", noteRefusal: "Note Refusal" })[$parameter["operation"]] }}',
		description: 'Know which backups are safe, by what the storage holds, and be told when they are not',
		defaults: { name: 'Backup Report' },
		inputs: [NodeConnectionTypes.Main],
		outputs: OUTPUTS,
		credentials: [
			// As storageCredential has it. n8n's check of community nodes finds who tests a credential only where a node says it.
			{
				name: 'backupStorageApi',
				displayName: 'Credential for Backup Storage',
				required: true,
				testedBy: 'testBackupStorage',
			},
			{
				name: 'backupEncryptionApi',
				displayName: 'Credential for Backup Encryption (to Tell Forged Backups)',
				required: false,
				testedBy: 'testBackupEncryption',
			},
			{
				name: 'postgres',
				displayName: 'Credential for Postgres (to Compare With)',
				required: true,
				displayOptions: { show: { compareWith: ['postgres'] } },
			},
			{
				name: 'qdrantApi',
				displayName: 'Credential for Qdrant (to Compare With)',
				required: true,
				displayOptions: { show: { compareWith: ['qdrant'] } },
			},
			{
				name: 's3',
				displayName: 'Credential for S3 (to Compare With)',
				required: true,
				displayOptions: { show: { compareWith: ['s3'] } },
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
						name: 'Check Alerts',
						value: 'checkAlerts',
						description: 'Find what is wrong, and tell what people have not been told yet',
						action: 'Check for backup alerts',
					},
					checkSetupOption('Check the setup of a backup storage'),
					{
						name: 'Create Report',
						value: 'createReport',
						description: 'Write a report as JSON, and as texts for mail, Slack and chats',
						action: 'Create a backup report',
					},
					{
						name: 'Get Metrics',
						value: 'getMetrics',
						description: 'Give metrics for Prometheus, or hand them to its collectors',
						action: 'Get metrics of backups',
					},
					{
						name: 'Get Status Page',
						value: 'getStatusPage',
						description: 'Make a page that shows what is safe and what is not',
						action: 'Get a status page of backups',
					},
					{
						name: 'List Runs',
						value: 'listRuns',
						description: 'Tell what runs now, how far it is, and how the last ones ended',
						action: 'List runs of backups and restores',
					},
					{
						name: 'Note Refusal',
						value: 'noteRefusal',
						description: 'Note in the journal that a workflow has refused a restore by itself',
						action: 'Note the refusal of a restore',
					},
				],
				default: 'createReport',
			},
			...Object.values({ ...reporting, ...alerting }).flatMap(({ description }) => description),
			...judgingFields,
		],
	};

	methods = {
		credentialTest: { testBackupStorage, testBackupEncryption },
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const name = String(this.getNodeParameter('operation', 0));
		const single = reporting[name];
		return single ? [await runOperation(this, single)] : await runBranching(this, alerting[name]!);
	}
}
