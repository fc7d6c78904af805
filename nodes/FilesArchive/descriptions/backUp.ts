import type { INodeProperties } from 'n8n-workflow';

import { CHECKPOINT_GIB } from '../../../engine';
import {
	archiveFolderOption,
	compressionLevelOption,
	destinationFields,
	tagsOption,
	timeZoneOption,
} from '../../shared/descriptions/archive';
import { simplifyField } from '../../shared/descriptions/simplify';
import { shownFor } from '../../shared/operation';
import { OWN_FOLDER } from '../backupContent';

import { patternFields } from '../../shared/descriptions/patterns';

const shown = shownFor(['backUp']);
const ofIncremental = { show: { '/destination': ['storage'], '/backupType': ['incremental'] } };

const source: INodeProperties[] = [
	{
		displayName: 'Path',
		name: 'path',
		type: 'string',
		required: true,
		default: '',
		placeholder: 'e.g. /home/node/.n8n-files/documents',
		description:
			'Of the folder, or of one file, on the machine or in the container that n8n runs in. n8n must allow nodes to use it: N8N_RESTRICT_FILE_ACCESS_TO.',
		displayOptions: shown,
	},
	{
		displayName: 'Backup Name',
		name: 'backupName',
		type: 'string',
		default: '',
		placeholder: 'e.g. documents',
		description: "What the backups are called and found by; the folder's own name where empty",
		displayOptions: shown,
	},
	...patternFields(shown),
];

const type: INodeProperties = {
	displayName: 'Backup Type',
	name: 'backupType',
	type: 'options',
	noDataExpression: true,
	options: [
		{
			name: 'Incremental',
			value: 'incremental',
			description: 'Only new and changed files are stored; each backup restores as a whole one does',
		},
		{ name: 'Whole', value: 'whole', description: 'Everything is stored each time' },
	],
	default: 'incremental',
	displayOptions: shownFor(['backUp'], { destination: ['storage'] }),
};

const options: INodeProperties = {
	displayName: 'Options',
	name: 'options',
	type: 'collection',
	placeholder: 'Add Option',
	default: {},
	displayOptions: shown,
	options: [
		{
			displayName: 'Checkpoint Size (GiB)',
			name: 'checkpointSize',
			type: 'number',
			typeOptions: { minValue: CHECKPOINT_GIB.min, maxValue: CHECKPOINT_GIB.max },
			default: 16,
			description:
				'A large backup is stored in archives of about this size; a run that was stopped goes on after the last of them',
			displayOptions: { show: { '/destination': ['storage'] } },
		},
		compressionLevelOption,
		archiveFolderOption(OWN_FOLDER),
		{
			displayName: 'Least Use (%)',
			name: 'leastUse',
			type: 'number',
			typeOptions: { minValue: 0, maxValue: 100 },
			default: 30,
			description:
				'A whole backup is made where less than this share of what the older archives hold is still in use; 0 for never',
			displayOptions: ofIncremental,
		},
		{
			displayName: 'One File System',
			name: 'oneFileSystem',
			type: 'boolean',
			default: false,
			description: 'Whether to leave out what lies on other file systems, such as mounted volumes',
		},
		{
			displayName: 'Skip Unreadable',
			name: 'skipUnreadable',
			type: 'boolean',
			default: false,
			description: 'Whether to leave out, with a warning, what n8n has no right to read; otherwise the backup fails',
		},
		tagsOption,
		timeZoneOption('Of the time in file names'),
		{
			displayName: 'Whole Every',
			name: 'wholeEvery',
			type: 'number',
			typeOptions: { minValue: 0, maxValue: 1000 },
			default: 30,
			description: 'Every how many backups a whole one is made, which reads all files again; 0 for never',
			displayOptions: ofIncremental,
		},
	].sort((a, b) => a.displayName.localeCompare(b.displayName)) as INodeProperties[],
};

/** Whether a backup may be incremental depends on where it goes: the field comes after Destination. */
export const backUpFields: INodeProperties[] = [
	...source,
	...destinationFields(['backUp']),
	type,
	simplifyField(shown),
	options,
];
