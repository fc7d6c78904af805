import type { INodeProperties } from 'n8n-workflow';

import { shownFor } from '../../shared/operation';

/** Which databases of the server are meant. */
export function databaseFields(operations: string[]): INodeProperties[] {
	return [
		{
			displayName: 'Databases',
			name: 'databaseMode',
			type: 'options',
			noDataExpression: true,
			options: [
				{
					name: 'All',
					value: 'all',
					description: 'One archive for each that the user may connect to, templates left out',
				},
				{ name: 'From Credential', value: 'credential', description: 'The one that the Postgres credential names' },
				{ name: 'Selected', value: 'chosen', description: 'One archive for each' },
			],
			default: 'credential',
			displayOptions: shownFor(operations),
		},
		{
			displayName: 'Selected Databases',
			name: 'databases',
			type: 'multiOptions',
			typeOptions: { loadOptionsMethod: 'getDatabases' },
			required: true,
			default: [],
			description:
				'Choose from the list, or give names by an <a href="https://docs.n8n.io/code/expressions/">expression</a>',
			displayOptions: shownFor(operations, { databaseMode: ['chosen'] }),
		},
		{
			displayName: 'Roles and Globals',
			name: 'globals',
			type: 'boolean',
			default: false,
			description:
				'Whether to also back up what belongs to the server rather than to a database: roles, memberships, tablespaces (as pg_dumpall --globals-only). One more archive.',
			displayOptions: shownFor(operations),
		},
	];
}

/** An entry of Options. */
export const parallelOption: INodeProperties = {
	displayName: 'Parallel Connections',
	name: 'parallel',
	type: 'number',
	typeOptions: { minValue: 1, maxValue: 32 },
	default: 2,
	description: 'How many connections read rows at once, all of the same moment',
};
