import type { INodeProperties } from 'n8n-workflow';

import { CHECKPOINT_GIB } from '../../../engine';
import {
	archiveFolderOption,
	compressionLevelOption,
	destinationFields,
	tagsOption,
	timeZoneOption,
} from '../../shared/descriptions/archive';
import { patternFields } from '../../shared/descriptions/patterns';
import { simplifyField } from '../../shared/descriptions/simplify';
import { shownFor } from '../../shared/operation';
import { OWN_FOLDER } from '../backupContent';

import { bucketFields, caCertificateOption } from './buckets';

const shown = shownFor(['backUp']);
const ofIncremental = { show: { '/destination': ['storage'], '/backupType': ['incremental'] } };

const type: INodeProperties = {
	displayName: 'Backup Type',
	name: 'backupType',
	type: 'options',
	noDataExpression: true,
	options: [
		{
			name: 'Incremental',
			value: 'incremental',
			description: 'Only new and changed objects are stored; each backup restores as a whole one does',
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
			displayName: 'Bucket Configuration',
			name: 'configuration',
			type: 'boolean',
			default: true,
			description:
				'Whether to keep versioning, lifecycle, policy, notifications, CORS and tags of each bucket with its backup',
		},
		caCertificateOption,
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
			displayName: 'Object Tags',
			name: 'objectTags',
			type: 'boolean',
			default: true,
			description: 'Whether to back up the tags of objects, where the server has them',
		},
		tagsOption,
		timeZoneOption('Of the time in file names'),
		{
			displayName: 'Whole Every',
			name: 'wholeEvery',
			type: 'number',
			typeOptions: { minValue: 0, maxValue: 1000 },
			default: 30,
			description: 'Every how many backups a whole one is made, which reads all objects again; 0 for never',
			displayOptions: ofIncremental,
		},
	].sort((a, b) => a.displayName.localeCompare(b.displayName)) as INodeProperties[],
};

/** Whether a backup may be incremental depends on where it goes: the field comes after Destination. */
export const backUpFields: INodeProperties[] = [
	...bucketFields(['backUp']),
	{
		displayName: 'Key Prefix',
		name: 'keyPrefix',
		type: 'string',
		default: '',
		placeholder: 'e.g. documents/2026/',
		description: 'Only objects whose keys begin so; all where empty',
		displayOptions: shown,
	},
	...patternFields(shown),
	...destinationFields(['backUp']),
	type,
	simplifyField(shown),
	options,
];
