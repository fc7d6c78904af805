import type { INodeProperties } from 'n8n-workflow';

import { existingField } from '../../shared/descriptions/existing';
import { keptCopiesOption } from '../../shared/descriptions/keptCopies';
import { shownFor } from '../../shared/operation';

const OVER_EXISTING = ['safeSwap', 'replace', 'existing'];

/** What goes and what stays, for each choice of Before Restoring. */
const INTO_NOTICES = [
	{
		before: 'nothing',
		text: 'All that the database holds stays, and what the backup holds is added. What exists already makes the restore fail; what it has added until then may stay. Data Only does more: it sets sequences to where the backup has them, and overwrites large objects of the same numbers.',
	},
	{
		before: 'truncate',
		text: 'All rows of the selected tables are deleted for good, those written since the backup too, and the rows of the backup take their place; their sequences go to where the backup has them. Without a Selection these are all tables that the backup has rows of, and large objects of the same numbers are overwritten too. Definitions and other tables stay. If anything fails, all is as it was; with On Error: Collect, a sequence that cannot be set is only reported.',
	},
	{
		before: 'drop',
		text: 'The selected tables, views and sequences are dropped for good, with all that was added to them since the backup (rows, columns, indexes), and made anew from the backup. All else stays; where something else depends on them, nothing is changed. If anything fails, all is as it was; with On Error: Collect, an index, a key or the like that fails is only reported, and is missing afterwards.',
	},
];

/** Where a restore goes, and the confirmation that everything but a new database asks for. */
export function targetFields(operations: string[], more: Record<string, string[]> = {}): INodeProperties[] {
	const shown = (target?: string[]) => shownFor(operations, { ...more, ...(target ? { target } : {}) });
	return [
		{
			displayName: 'Target',
			name: 'target',
			type: 'options',
			noDataExpression: true,
			options: [
				{
					name: 'New Database',
					value: 'newDatabase',
					description: 'Create a database and restore into it; it is dropped again if the restore fails',
				},
				{
					name: 'Existing Database, Safe Swap',
					value: 'safeSwap',
					description: 'Fill a staging database, check the counts, then rename; the old one is kept under another name',
				},
				{
					name: 'Existing Database, Replace',
					value: 'replace',
					description: 'As Safe Swap, but the old database is dropped once the new one is in its place',
				},
				{
					name: 'Existing Database, Restore Into',
					value: 'existing',
					description: 'Restore into the database as it stands',
				},
			],
			default: 'newDatabase',
			displayOptions: shown(),
		},
		{
			displayName: 'Database Name',
			name: 'targetDatabase',
			type: 'string',
			required: true,
			default: '',
			placeholder: 'e.g. shop_restored',
			description: 'Name of the database to create; it must not exist yet',
			displayOptions: shown(['newDatabase']),
		},
		existingField({
			displayName: 'Database',
			name: 'existingDatabase',
			description: 'The database to restore over',
			placeholder: { list: 'Select a database...', name: 'e.g. shop' },
			searchListMethod: 'searchDatabases',
			displayOptions: shown(OVER_EXISTING),
		}),
		{
			displayName:
				'The database as it is now stays on the server as <code>name_before_YYYYMMDD_HHMMSS</code>, and takes its disk space until you drop it. At the swap, sessions of others in the database are ended.',
			name: 'safeSwapNotice',
			type: 'notice',
			default: '',
			displayOptions: shown(['safeSwap']),
		},
		{
			displayName:
				'The database as it is now is dropped for good once the restored one is complete, unless it has tables that the restored one lacks. At the swap, sessions of others in the database are ended.',
			name: 'replaceNotice',
			type: 'notice',
			default: '',
			displayOptions: shown(['replace']),
		},
		{
			displayName: 'Confirm Database Name',
			name: 'confirmation',
			type: 'string',
			required: true,
			default: '',
			placeholder: 'e.g. shop',
			hint: 'Type the name of the database once more; without it nothing is changed',
			displayOptions: shown(OVER_EXISTING),
		},
		{
			displayName: 'Before Restoring',
			name: 'before',
			type: 'options',
			noDataExpression: true,
			options: [
				{ name: 'Change Nothing', value: 'nothing', description: 'What exists already makes the restore fail' },
				{
					name: 'Empty the Tables',
					value: 'truncate',
					description:
						'TRUNCATE the selected tables that the backup has rows of, and restore these; the definitions stay',
				},
				{
					name: 'Drop the Tables',
					value: 'drop',
					description: 'DROP the selected tables, views and sequences, and make them anew; needs a Selection',
				},
			],
			default: 'nothing',
			displayOptions: shown(['existing']),
		},
		...INTO_NOTICES.map(({ before, text }): INodeProperties => ({
			displayName: text,
			name: `${before}Notice`,
			type: 'notice',
			default: '',
			displayOptions: shownFor(operations, { ...more, target: ['existing'], before: [before] }),
		})),
	];
}

/** How to restore: owners, privileges, errors, connections. */
export const restoreOptions: INodeProperties[] = [
	{
		displayName: 'Include Privileges',
		name: 'privileges',
		type: 'boolean',
		default: true,
		description: 'Whether to restore privileges (GRANT, REVOKE); the roles that they name must exist',
	},
	{ ...keptCopiesOption, displayOptions: { show: { '/target': ['safeSwap'] } } },
	{
		displayName: 'On Error',
		name: 'onObjectError',
		type: 'options',
		options: [
			{ name: 'Stop', value: 'stop', description: 'Stop at the first object that the server rejects' },
			{
				name: 'Collect',
				value: 'collect',
				description: 'Go on and report each failure; a swap then only takes place without failures and missing rows',
			},
		],
		default: 'stop',
		description: 'What to do when the server rejects an object',
	},
	{
		displayName: 'Over n8n’s Own Database',
		name: 'overOwnDatabase',
		type: 'boolean',
		default: false,
		description: 'Whether to restore even over the database that this n8n keeps its own data in, while it runs',
		displayOptions: { show: { '/target': OVER_EXISTING } },
	},
	{
		displayName: 'Owner',
		name: 'owner',
		type: 'options',
		options: [
			{ name: 'As Backed Up', value: 'asDumped', description: 'The roles must exist on the server' },
			{ name: 'Restoring User', value: 'none', description: 'The user of the Postgres credential owns everything' },
			{ name: 'One Role', value: 'role', description: 'The one named in Owner Role owns everything' },
		],
		default: 'asDumped',
		description: 'Who owns what is restored',
	},
	{
		displayName: 'Owner Role',
		name: 'ownerRole',
		type: 'string',
		default: '',
		placeholder: 'e.g. shop_owner',
		description: 'The role that is to own everything; it must exist on the server',
		displayOptions: { show: { owner: ['role'] } },
	},
	{
		displayName: 'Parallel Connections',
		name: 'parallel',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: 32 },
		default: 2,
		description: 'How many connections load rows and build indexes at once',
	},
];
