import type { INodeProperties } from 'n8n-workflow';

import { shownFor } from '../../shared/operation';

import { rolesNotice } from './restore';

/** What to take out of a dump made by others. */
export type ImportContents = 'database' | 'allDatabases' | 'globals';

const SHOWN = ['import'];

/** What of the dump is wanted, and where dumps of whole servers hold several databases, which of them. */
export const contentsFields: INodeProperties[] = [
	{
		displayName: 'Contents',
		name: 'contents',
		type: 'options',
		noDataExpression: true,
		options: [
			{
				name: 'One Database',
				value: 'database',
				description: 'The dump of a database (pg_dump), or one database out of the dump of a server (pg_dumpall)',
			},
			{
				name: 'All Databases',
				value: 'allDatabases',
				description: 'Of the dump of a server (pg_dumpall): each that holds something, as a new database',
			},
			{
				name: 'Roles and Globals',
				value: 'globals',
				description: 'Of the dump of a server (pg_dumpall): roles, memberships, tablespaces',
			},
		],
		default: 'database',
		description: 'What to take out of the dump',
		displayOptions: shownFor(SHOWN),
	},
	{
		displayName: 'Database in the Dump',
		name: 'dumpDatabase',
		type: 'string',
		default: '',
		placeholder: 'e.g. shop',
		description:
			'Only for the dump of a server in which several databases hold something: which of them. The operation List Contents tells what there is.',
		displayOptions: shownFor(SHOWN, { contents: ['database'] }),
	},
	{
		displayName:
			'Each database that holds something is created under its own name, behind the prefix. Databases that are there stay as they are: if one of these names is taken on the server, nothing is changed.',
		name: 'allDatabasesNotice',
		type: 'notice',
		default: '',
		displayOptions: shownFor(SHOWN, { contents: ['allDatabases'] }),
	},
	{
		displayName: 'Name Prefix',
		name: 'namePrefix',
		type: 'string',
		default: '',
		placeholder: 'e.g. restored_',
		description: 'What the name of each new database begins with, before the name that it has in the dump',
		displayOptions: shownFor(SHOWN, { contents: ['allDatabases'] }),
	},
	{
		displayName: 'Roles and Globals',
		name: 'withGlobals',
		type: 'boolean',
		default: true,
		description: 'Whether to restore the roles of the dump first, which its databases belong to; none is ever dropped',
		displayOptions: shownFor(SHOWN, { contents: ['allDatabases'] }),
	},
	rolesNotice('dump', shownFor(SHOWN, { contents: ['allDatabases'], withGlobals: [true] })),
	rolesNotice('dump', shownFor(SHOWN, { contents: ['globals'] })),
];
