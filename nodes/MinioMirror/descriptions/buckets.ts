import type { INodeProperties } from 'n8n-workflow';

import { shownFor } from '../../shared/operation';

/** Which buckets of the server are meant. */
export function bucketFields(operations: string[]): INodeProperties[] {
	return [
		{
			displayName: 'Buckets',
			name: 'bucketMode',
			type: 'options',
			noDataExpression: true,
			options: [
				{ name: 'All', value: 'all', description: 'All that the access key may see' },
				{ name: 'Selected', value: 'chosen', description: 'Those that are named' },
			],
			default: 'all',
			displayOptions: shownFor(operations),
		},
		{
			displayName: 'Selected Buckets',
			name: 'buckets',
			type: 'multiOptions',
			typeOptions: { loadOptionsMethod: 'getBuckets' },
			required: true,
			default: [],
			description:
				'Choose from the list, or give names by an <a href="https://docs.n8n.io/code/expressions/">expression</a>',
			displayOptions: shownFor(operations, { bucketMode: ['chosen'] }),
		},
		{
			displayName: 'Exclude Buckets',
			name: 'excludeBuckets',
			type: 'string',
			default: '',
			placeholder: 'e.g. backups, test-*',
			description: 'Buckets to leave out, separated by commas. * stands for any characters, ? for one.',
			displayOptions: shownFor(operations, { bucketMode: ['all'] }),
		},
	];
}
