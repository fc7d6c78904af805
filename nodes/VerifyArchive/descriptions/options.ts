import type { INodeProperties } from 'n8n-workflow';

import { connectionOptions } from '../../shared/descriptions/qdrantConnection';
import { caCertificateOption } from '../../shared/descriptions/s3Connection';
import { folderOption } from '../../shared/descriptions/source';
import { shownFor } from '../../shared/operation';

export const recordOption: INodeProperties = {
	displayName: 'Record Result',
	name: 'record',
	type: 'boolean',
	default: true,
	description:
		'Whether to write the result beside the backup, where List Backups, Prune Retention and Not Verified for Days find it',
};

const folder: INodeProperties = {
	...folderOption(''),
	placeholder: 'e.g. postgres',
	description: 'Folder in the storage, with those inside it; empty for all of it',
};

/** What the options of a connection mean for a scratch server. */
const FOR_SCRATCH: Record<string, string> = {
	connectTimeout: 'How long to wait for a scratch server to accept a connection',
	idleTimeout: 'How long a transfer to the scratch Qdrant may go without a byte. 0 waits as long as it takes.',
	operationTimeout: 'How long the scratch Qdrant may take to count all points. 0 waits as long as it takes.',
};

const postgresProgramOption: INodeProperties = {
	displayName: 'Postgres Program',
	name: 'postgresProgram',
	type: 'string',
	default: '',
	placeholder: 'e.g. /usr/lib/postgresql/18/bin/postgres',
	description:
		'The server that base backups (Postgres PITR) are started with for a test, on the machine of n8n and of their major version. It must not be one that the user of n8n could change.',
};

/** How to reach the scratch servers, shown under a condition of the fields outside. */
export function scratchOptions(shown: Record<string, string[]>): INodeProperties[] {
	const ofBuckets = { show: { ...shown, '/minioTarget': ['prefix', 'bucket'] } };
	const ofQdrant = connectionOptions.map((option) => {
		const isOfAll = option.name === 'connectTimeout';
		const show = { ...shown, ...(isOfAll ? {} : { '/qdrantTarget': ['server'] }) };
		return { ...option, description: FOR_SCRATCH[option.name] ?? option.description, displayOptions: { show } };
	});
	const ofBases = { ...postgresProgramOption, displayOptions: { show: shown } };
	return [...ofQdrant, { ...caCertificateOption, displayOptions: ofBuckets }, ofBases];
}

/** The Options collection of an operation. */
export function optionsField(operation: string, options: INodeProperties[]): INodeProperties {
	return {
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add Option',
		default: {},
		displayOptions: shownFor([operation]),
		options: [folder, ...options].sort((a, b) => a.displayName.localeCompare(b.displayName)),
	};
}
