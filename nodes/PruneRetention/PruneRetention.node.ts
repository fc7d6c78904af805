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

import { searchBackups } from './listSearch/searchBackups';
import * as loadOptions from './loadOptions';
import { pinning, pruning } from './operations';

/** Two outputs for a prune and its preview. Pinning has one: there is no run to summarize. */
const OUTPUTS =
	`={{ ${JSON.stringify(Object.keys(pinning))}.includes($parameter["operation"]) ? [{ type: "main" }] : [{ type: "main", displayName: "Backups" }, { type: "main", displayName: "Summary" }] }}` as const;

export class PruneRetention implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Prune Retention',
		name: 'pruneRetention',
		icon: { light: 'file:pruneRetention.svg', dark: 'file:pruneRetention.dark.svg' },
		group: ['transform'],
		...VERSION,
		subtitle:
			'={{ ({ prune: "Prune", dryRun: "Dry Run", pinBackup: "Pin Backup", unpinBackup: "Unpin Backup" })[$parameter["operation"]] }}',
		description: 'Delete old backups by a retention policy, and never the last good one',
		defaults: { name: 'Prune Retention' },
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
				displayOptions: { show: { operation: ['prune', 'dryRun'] } },
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
						name: 'Dry Run',
						value: 'dryRun',
						description: 'Tell what Prune would delete and why, and change nothing',
						action: 'Preview a prune',
					},
					{
						name: 'Pin Backup',
						value: 'pinBackup',
						description: 'Keep a backup whatever the policy says',
						action: 'Pin a backup',
					},
					{
						name: 'Prune',
						value: 'prune',
						description: 'Delete for good what the policy does not keep',
						action: 'Prune old backups',
					},
					{
						name: 'Unpin Backup',
						value: 'unpinBackup',
						description: 'Give a pinned backup back to the policy',
						action: 'Unpin a backup',
					},
				],
				default: 'dryRun',
			},
			...Object.values({ ...pruning, ...pinning }).flatMap(({ description }) => description),
		],
	};

	methods = {
		credentialTest: { testBackupStorage, testBackupEncryption },
		loadOptions,
		listSearch: { searchBackups },
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const name = String(this.getNodeParameter('operation', 0));
		const pin = pinning[name];
		return pin ? [await runOperation(this, pin)] : await runBranching(this, pruning[name]!);
	}
}
