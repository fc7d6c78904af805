import type { INodeProperties } from 'n8n-workflow';

import { bandwidthOption } from '../../shared/descriptions/bandwidth';
import { onFailureFields } from '../../shared/descriptions/onFailure';
import { requestedByOption } from '../../shared/descriptions/requestedBy';
import { simplifyField } from '../../shared/descriptions/simplify';
import { backupModes, requireEncryptionOption } from '../../shared/descriptions/source';
import { shownFor } from '../../shared/operation';

import { copyFiltersField } from './filters';

const COPY = ['copyBackups'];

const [fromList, , byId] = backupModes({ latest: '', latestHint: '', file: '' });

/** What is touched, in the words of the direction. */
const NOTICES = {
	toSecond:
		'Reads the Backup Storage and writes into the second one. Nothing is deleted or overwritten in either: where something else has the name of a backup, it stays, and a conflict is reported.',
	fromSecond:
		'Reads the second Backup Storage and writes into the first one. Nothing is deleted or overwritten in either: where something else has the name of a backup, it stays, and a conflict is reported.',
};

/** The fields of Copy Backups. */
export const copyFields: INodeProperties[] = [
	{
		displayName: 'Direction',
		name: 'direction',
		type: 'options',
		noDataExpression: true,
		options: [
			{
				name: 'Back From the Second Storage',
				value: 'fromSecond',
				description: 'To bring backups back, such as after the first storage was lost',
			},
			{ name: 'To the Second Storage', value: 'toSecond', description: 'To keep a second copy' },
		],
		default: 'toSecond',
		displayOptions: shownFor(COPY),
	},
	...Object.entries(NOTICES).map(([direction, displayName]): INodeProperties => ({
		displayName,
		name: `${direction}Notice`,
		type: 'notice',
		default: '',
		displayOptions: shownFor(COPY, { direction: [direction], dryRun: [false] }),
	})),
	{
		displayName: 'Which Backups',
		name: 'which',
		type: 'options',
		noDataExpression: true,
		options: [
			{ name: 'All', value: 'all', description: 'All that the target lacks, also what was removed there' },
			{
				name: 'Latest of Each',
				value: 'latest',
				description: 'The newest whole backup of each database, collection, bucket and folder',
			},
			{
				name: 'New Ones',
				value: 'new',
				description: 'All that the target lacks, but for what retention or people have removed there',
			},
			{ name: 'Picked', value: 'picked', description: 'One, from a list or by ID' },
		],
		default: 'new',
		displayOptions: shownFor(COPY),
	},
	{
		displayName: 'Backup',
		name: 'backup',
		type: 'resourceLocator',
		required: true,
		default: { mode: 'list', value: '' },
		description: 'With all that it needs',
		displayOptions: shownFor(COPY, { which: ['picked'] }),
		modes: [fromList!, byId!],
	},
	copyFiltersField(shownFor(COPY, { which: ['all', 'latest', 'new'] })),
	{
		displayName: 'Dry Run',
		name: 'dryRun',
		type: 'boolean',
		default: false,
		description: 'Whether to only tell what would be copied, and change nothing',
		displayOptions: shownFor(COPY),
	},
	{
		displayName: 'Encryption',
		name: 'encryption',
		type: 'options',
		noDataExpression: true,
		options: [
			{ name: 'As It Is', value: 'asIs', description: 'Archives go to the target to the byte' },
			{
				name: 'Decrypt on the Way',
				value: 'decrypt',
				description: 'What was encrypted on its way before becomes what it was, to the byte',
			},
			{
				name: 'Encrypt on the Way',
				value: 'encrypt',
				description: 'What is not encrypted is, for a target that is trusted less',
			},
		],
		default: 'asIs',
		displayOptions: shownFor(COPY),
	},
	{
		displayName:
			'This needs a Backup Encryption credential, above. Keep a copy of its passphrase, or of the private keys, outside of n8n: without it nobody can open the copies, not even you.',
		name: 'encryptNotice',
		type: 'notice',
		default: '',
		displayOptions: shownFor(COPY, { encryption: ['encrypt'] }),
	},
	...onFailureFields('copyBackups', 'What could not be copied'),
	simplifyField(shownFor(COPY)),
	{
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add Option',
		default: {},
		displayOptions: shownFor(COPY),
		options: [
			bandwidthOption,
			{
				displayName: 'Include Skipped',
				name: 'includeSkipped',
				type: 'boolean',
				default: true,
				description: 'Whether there are items also for what the target has already',
			},
			{
				displayName: 'Parallel Copies',
				name: 'parallel',
				type: 'number',
				typeOptions: { minValue: 1, maxValue: 16 },
				default: 2,
				description:
					'Large archives that are copied at once, each with some memory of its own. Of small ones there are up to eight times as many, unless it is 1.',
			},
			requestedByOption,
			{
				...requireEncryptionOption,
				description:
					'Whether, with a Backup Encryption credential, to copy no backup that is not encrypted; and with a passphrase in it, none whose manifest does not prove that it was made with this passphrase',
			},
		],
	},
];
