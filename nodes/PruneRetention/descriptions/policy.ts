import type { INodeProperties } from 'n8n-workflow';

import { KIND_OPTIONS } from '../../shared/descriptions/kinds';
import { shownFor } from '../../shared/operation';

import { CUSTOM_CHOICE, MAX_COUNT, PRESET_CHOICES, rulesField } from './rules';

const OPERATIONS = ['prune', 'dryRun'];
const FIELDS_NOT_JSON = {
	show: { operation: OPERATIONS },
	hide: { policy: ['json'] },
};

const jsonPolicy: INodeProperties = {
	displayName: 'Policy (JSON)',
	name: 'policyJson',
	type: 'json',
	required: true,
	default: '{ "rules": { "daily": 7, "weekly": 4, "monthly": 12 } }',
	description: 'The whole policy, as the field policy of a Dry Run has it',
	displayOptions: shownFor(OPERATIONS, { policy: ['json'] }),
};

const separatePolicies: INodeProperties = {
	displayName: 'Separate Policies',
	name: 'separatePolicies',
	type: 'fixedCollection',
	typeOptions: { multipleValues: true, sortable: true },
	placeholder: 'Add Separate Policy',
	default: {},
	description:
		'Policies for some backups only. Of several, the first counts that fits a backup in all that it names; the others go by the policy above.',
	displayOptions: FIELDS_NOT_JSON,
	options: [
		{
			name: 'policies',
			displayName: 'Policy',
			values: [
				{
					displayName: 'Kind',
					name: 'kind',
					type: 'options',
					options: [{ name: 'Any', value: 'any' }, { name: 'Foreign Files', value: 'foreign' }, ...KIND_OPTIONS],
					default: 'any',
				},
				{
					displayName: 'Name',
					name: 'name',
					type: 'string',
					default: '',
					placeholder: 'e.g. shop',
					description: 'Name of the database, collection or bucket. Leave empty for any.',
				},
				{
					displayName: 'Tag',
					name: 'tag',
					type: 'string',
					default: '',
					placeholder: 'e.g. before-upgrade',
					description: 'One that the backup was given. Leave empty for any.',
				},
				{
					displayName: 'Keep',
					name: 'keep',
					type: 'options',
					options: [...PRESET_CHOICES, CUSTOM_CHOICE],
					default: '7-4-12',
				},
				rulesField({ show: { keep: ['custom'] } }),
			],
		},
	],
};

const wal: INodeProperties = {
	displayName: 'WAL',
	name: 'wal',
	type: 'collection',
	placeholder: 'Add Setting',
	default: {},
	description:
		'The recovery window of physical backups, 7 days without this setting. With it, WAL segments that others have archived are deleted as well when they are older, but for those that a kept base backup may need.',
	displayOptions: FIELDS_NOT_JSON,
	options: [
		{
			displayName: 'Base Backup Pattern',
			name: 'baseBackups',
			type: 'string',
			default: '',
			placeholder: 'e.g. cluster_*.tar.gz',
			description: 'Names of your base backups, where nothing in the names shows what they are',
		},
		{
			displayName: 'Recovery Window (Days)',
			name: 'days',
			type: 'number',
			typeOptions: { minValue: 0, maxValue: MAX_COUNT },
			default: 7,
			description:
				'Of so many days every second that can be recovered stays one, whatever the rules for base backups say',
		},
	],
};

const foreignFiles: INodeProperties = {
	displayName: 'Foreign Files',
	name: 'foreignFiles',
	type: 'fixedCollection',
	typeOptions: { multipleValues: true, sortable: true },
	placeholder: 'Add Pattern',
	default: {},
	description: 'Files that others made, such as dumps of a script. Without a pattern none of them is ever deleted.',
	displayOptions: FIELDS_NOT_JSON,
	options: [
		{
			name: 'patterns',
			displayName: 'Pattern',
			values: [
				{
					displayName: 'Name Pattern',
					name: 'pattern',
					type: 'string',
					required: true,
					default: '',
					placeholder: 'e.g. shop_*.sql.gz',
					description:
						'Of files in the folders of the backups; with a slash, as in dumps/*.sql.gz, of those in that folder, and as in /*.sql.gz, of those in none. * stands for any characters, ? for one.',
				},
				{
					displayName: 'Keep',
					name: 'keep',
					type: 'options',
					options: [{ name: 'As the Policy Says', value: 'policy' }, ...PRESET_CHOICES, CUSTOM_CHOICE],
					default: 'policy',
				},
				rulesField({ show: { keep: ['custom'] } }),
			],
		},
	],
};

/** Rules are added one by one: at first there are none. */
const customNotice: INodeProperties = {
	displayName:
		'What none of your rules keeps is deleted. Add at least one besides Weekly Snapshots: without it the node does not run.',
	name: 'customNotice',
	type: 'notice',
	default: '',
	displayOptions: shownFor(OPERATIONS, { policy: ['custom'] }),
};

/** What goes and what stays. */
const pruneNotice: INodeProperties = {
	displayName:
		'Backups that the policy does not keep are deleted for good, and what killed runs have left, a day later (Remove Orphans). What stays in any case: the last good backup of everything, the last one that was verified, pinned ones, and files of others, unless Foreign Files, WAL or Remove Unproven names them. A Dry Run shows beforehand what would go.',
	name: 'pruneNotice',
	type: 'notice',
	default: '',
	displayOptions: shownFor(['prune']),
};

/** What Prune and Dry Run keep. */
export const policyFields: INodeProperties[] = [
	pruneNotice,
	{
		displayName: 'Policy',
		name: 'policy',
		type: 'options',
		noDataExpression: true,
		options: [
			...PRESET_CHOICES,
			CUSTOM_CHOICE,
			{ name: 'JSON', value: 'json', description: 'The whole policy from an expression' },
		],
		default: '7-4-12',
		description:
			'Which backups of each name are kept. The last good one, the last verified one and pinned ones stay whatever it says.',
		displayOptions: shownFor(OPERATIONS),
	},
	customNotice,
	rulesField(shownFor(OPERATIONS, { policy: ['custom'] })),
	jsonPolicy,
];

/** What few need: other rules for some backups, and files that are no backups of ours. */
export const specialFields: INodeProperties[] = [separatePolicies, foreignFiles, wal];
