import {
	type INodeType,
	type INodeTypeDescription,
	type ITriggerFunctions,
	type ITriggerResponse,
	NodeConnectionTypes,
} from 'n8n-workflow';

import { testBackupEncryption, testBackupStorage } from '../shared/credentialTests';
import { credentialsPlace, encryptionCredential, storageCredential } from '../shared/descriptions/credentials';
import { VERSION } from '../shared/descriptions/node';
import { triggerFields } from './fields';
import { runOnce, startFollowing } from './follow';

export class PostgresWalTrigger implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Postgres WAL Trigger',
		name: 'postgresWalTrigger',
		icon: { light: 'file:postgresWalTrigger.svg', dark: 'file:postgresWalTrigger.dark.svg' },
		group: ['trigger'],
		...VERSION,
		subtitle: '={{ $parameter["slot"] }}',
		description: 'Stores the write-ahead log (WAL) of a PostgreSQL server as it is made, for recovery to any moment',
		defaults: { name: 'Postgres WAL Trigger' },
		inputs: [],
		outputs: [NodeConnectionTypes.Main],
		credentials: [
			{ name: 'postgres', displayName: 'Credential for Postgres', required: true },
			storageCredential({}),
			encryptionCredential({ show: { encrypt: [true] } }),
		],
		properties: [credentialsPlace, ...triggerFields],
	};

	methods = {
		credentialTest: { testBackupStorage, testBackupEncryption },
	};

	async trigger(this: ITriggerFunctions): Promise<ITriggerResponse> {
		if (this.getMode() !== 'manual') return await startFollowing(this);
		const stop = new AbortController();
		return {
			manualTriggerFunction: async () => await runOnce(this, stop.signal),
			// n8n waits for it; what is under way leaves nothing half.
			closeFunction: () => {
				stop.abort();
				return Promise.resolve();
			},
		};
	}
}
