import type { INodeProperties } from 'n8n-workflow';

import { existingField } from '../../shared/descriptions/existing';

/** Megabytes. Restoring so much in memory takes 800 MB: see engine/postgres/verify/inProcess/memoryNeeded.ts. */
const DEFAULT_MAX_MB = 100;

/** What becomes of a backup that is larger, by operation. */
const BEYOND: Record<string, string> = {
	verify: 'A larger one, and one for which memory would not suffice, is put out as incomplete.',
	drill:
		'Of a larger one, and one for which memory would not suffice, only the content is verified: the drill is incomplete.',
};

/** Where test restores go, and what is asked there. */
export function scratchFields(operation: string, more: Record<string, string[]> = {}): INodeProperties[] {
	const shown = (also: Record<string, string[]> = {}) => ({ show: { operation: [operation], ...more, ...also } });
	return [
		{
			displayName: 'PostgreSQL Into',
			name: 'postgresTarget',
			type: 'options',
			noDataExpression: true,
			options: [
				{
					name: 'In Memory',
					value: 'inProcess',
					description: 'Into a PostgreSQL that n8n holds in memory for as long as it takes; no server is needed',
				},
				{
					name: 'Scratch Database on a Server',
					value: 'server',
					description: 'Into a new database, which is dropped afterwards',
				},
			],
			default: 'inProcess',
			displayOptions: shown(),
		},
		{
			displayName: 'Max Size (MB)',
			name: 'maxSize',
			type: 'number',
			typeOptions: { minValue: 1, maxValue: 100000 },
			default: DEFAULT_MAX_MB,
			description: `How large a backup may be before compression to be restored in memory, which takes 500 MB and three and a half times the size. ${BEYOND[operation] ?? ''}`,
			displayOptions: shown({ postgresTarget: ['inProcess'] }),
		},
		{
			displayName: 'Qdrant Into',
			name: 'qdrantTarget',
			type: 'options',
			noDataExpression: true,
			options: [
				{
					name: 'Nothing',
					value: 'none',
					description:
						operation === 'drill'
							? 'Collections are not restored: their content is verified, and the drill passes in part'
							: 'Collections are not restored: their content is verified',
				},
				{
					name: 'Scratch Collection on a Server',
					value: 'server',
					description: 'Into a new collection, which is removed afterwards',
				},
			],
			default: 'none',
			displayOptions: shown(),
		},
		{
			displayName: 'Files Into',
			name: 'filesTarget',
			type: 'options',
			noDataExpression: true,
			options: [
				{
					name: 'Nothing',
					value: 'none',
					description:
						operation === 'drill'
							? 'Files are not restored: their content is verified, and the drill passes in part'
							: 'Files are not restored: their content is verified',
				},
				{
					name: 'Scratch Folder',
					value: 'folder',
					description: 'Into a new folder in one that you name, which is removed afterwards',
				},
				{
					name: 'Temporary Folder',
					value: 'temporary',
					description: "Into a new folder among the system's temporary files, which is removed afterwards",
				},
			],
			default: 'temporary',
			description: 'There must be room for all that the backup holds; otherwise nothing is restored',
			displayOptions: shown(),
		},
		{
			displayName: 'Scratch Folder',
			name: 'scratchFolder',
			type: 'string',
			default: '',
			placeholder: 'e.g. /home/node/.n8n-files/scratch',
			description: 'The folder must exist, and n8n must allow nodes to use it: N8N_RESTRICT_FILE_ACCESS_TO',
			displayOptions: shown({ filesTarget: ['folder'] }),
		},
		{
			displayName: 'Buckets Into',
			name: 'minioTarget',
			type: 'options',
			noDataExpression: true,
			options: [
				{
					name: 'Nothing',
					value: 'none',
					description:
						operation === 'drill'
							? 'Buckets are not restored: their content is verified, and the drill passes in part'
							: 'Buckets are not restored: their content is verified',
				},
				{
					name: 'Scratch Bucket',
					value: 'bucket',
					description: 'Into a new bucket, which is removed afterwards; the keys need the right to create it',
				},
				{
					name: 'Scratch Prefix in a Bucket',
					value: 'prefix',
					description: 'Below a new prefix in a bucket that you name, which is removed afterwards',
				},
			],
			default: 'none',
			displayOptions: shown(),
		},
		{
			...existingField({
				displayName: 'Scratch Bucket',
				name: 'scratchBucket',
				description: 'The bucket must keep no versions of objects, or what is removed would stay in it as such',
				placeholder: { list: 'Select a bucket...', name: 'e.g. scratch' },
				searchListMethod: 'searchBuckets',
				displayOptions: shown({ minioTarget: ['prefix'] }),
			}),
			// n8n asks for what is required also where an expression gives the level, and nothing may be restored.
			required: false,
		},
		{
			displayName: 'SQL Assertions',
			name: 'assertions',
			type: 'fixedCollection',
			typeOptions: { multipleValues: true, sortable: true },
			placeholder: 'Add Assertion',
			default: {},
			description: 'What must be true in a restored database; one that is not makes the backup fail',
			displayOptions: shown(),
			options: [
				{
					name: 'assertion',
					displayName: 'Assertion',
					values: [
						{
							displayName: 'Database',
							name: 'database',
							type: 'string',
							default: '',
							placeholder: 'e.g. shop',
							description: 'As it was called when it was backed up; empty for every one',
						},
						{
							displayName: 'SQL',
							name: 'sql',
							type: 'string',
							typeOptions: { rows: 2 },
							default: '',
							placeholder: 'e.g. SELECT count(*) > 0 FROM users',
							description: 'One statement that gives one row, whose first column is true. It runs read-only.',
						},
					],
				},
			],
		},
	];
}
