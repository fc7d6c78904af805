import type { INodeProperties } from 'n8n-workflow';

import { existingField } from '../../shared/descriptions/existing';
import { patternFields } from '../../shared/descriptions/patterns';
import { simplifyField } from '../../shared/descriptions/simplify';
import {
	backupField,
	folderOption,
	manifestField,
	requireEncryptionOption,
	sourceFields,
} from '../../shared/descriptions/source';
import { shownFor } from '../../shared/operation';
import { OWN_FOLDER } from '../backupContent';

import { caCertificateOption } from './buckets';

const shown = shownFor(['restore']);

const source: INodeProperties[] = [
	...sourceFields(['restore'], {
		storage: 'A backup in a folder or an S3 bucket',
		binary: 'An archive of Back Up that another node put out, such as a download',
	}),
	backupField(['restore'], {
		latest: 'documents',
		latestHint: 'The name of the bucket: its newest backup',
		file: 'minio/documents_20260131_020000.tar.zst',
	}),
	manifestField(['restore'], 'Without it the archive cannot be read.'),
	{
		displayName: 'Restore',
		name: 'what',
		type: 'options',
		noDataExpression: true,
		options: [
			{ name: 'By Pattern', value: 'patterns', description: 'What fits patterns, and does not fit others' },
			{ name: 'By Prefix', value: 'prefix', description: 'All objects whose keys begin alike' },
			{ name: 'Everything', value: 'all', description: 'All that the backup holds' },
		],
		default: 'all',
		displayOptions: shown,
	},
	{
		displayName: 'Prefix',
		name: 'prefix',
		type: 'string',
		required: true,
		default: '',
		placeholder: 'e.g. documents/2026/',
		description: 'What the keys begin with',
		displayOptions: shownFor(['restore'], { what: ['prefix'] }),
	},
	...patternFields(shownFor(['restore'], { what: ['patterns'] })),
];

const target: INodeProperties[] = [
	existingField({
		displayName: 'Into Bucket',
		name: 'targetBucket',
		description: 'On the server of the S3 credential; it may be another server than the backup is from',
		placeholder: { list: 'Select a bucket...', name: 'e.g. documents' },
		searchListMethod: 'searchBuckets',
		displayOptions: shown,
	}),
	{
		displayName: 'Create Bucket',
		name: 'createBucket',
		type: 'boolean',
		default: false,
		description: 'Whether to create the bucket where it does not exist',
		displayOptions: shown,
	},
	{
		displayName: 'Add Prefix',
		name: 'addPrefix',
		type: 'string',
		default: '',
		placeholder: 'e.g. restored/',
		description: 'What to put before all keys',
		displayOptions: shown,
	},
	{
		displayName: 'Existing Objects',
		name: 'existing',
		type: 'options',
		noDataExpression: true,
		options: [
			{
				name: 'Fail',
				value: 'fail',
				description: 'Restore nothing where an object is there already and is not the same as in the backup',
			},
			{ name: 'Overwrite', value: 'overwrite', description: 'Replace them by those of the backup' },
			{ name: 'Skip', value: 'skip', description: 'Leave them as they are, and restore the others' },
		],
		default: 'fail',
		description: 'What becomes of objects that are there already under the same key',
		displayOptions: shown,
	},
	{
		displayName:
			'Objects that differ from the backup are replaced, and what they hold now is gone for good unless the bucket keeps versions. What the backup does not hold stays.',
		name: 'overwriteNotice',
		type: 'notice',
		default: '',
		displayOptions: shownFor(['restore'], { existing: ['overwrite'] }),
	},
	{
		displayName: 'Confirm Bucket Name',
		name: 'confirmation',
		type: 'string',
		required: true,
		default: '',
		placeholder: 'e.g. documents',
		hint: 'Type the name of Into Bucket once more; without it nothing is changed',
		displayOptions: shownFor(['restore'], { existing: ['overwrite'] }),
	},
];

const options: INodeProperties = {
	displayName: 'Options',
	name: 'options',
	type: 'collection',
	placeholder: 'Add Option',
	default: {},
	displayOptions: shown,
	options: [
		caCertificateOption,
		{ ...folderOption(OWN_FOLDER), displayOptions: { show: { '/source': ['storage'] } } },
		{
			displayName: 'Remove Prefix',
			name: 'removePrefix',
			type: 'string',
			default: '',
			placeholder: 'e.g. documents/',
			description: 'What to take away from the beginning of keys before Add Prefix is put there',
		},
		requireEncryptionOption,
		{
			displayName: 'Restore Configuration',
			name: 'restoredConfiguration',
			type: 'multiOptions',
			options: [
				{ name: 'CORS', value: 'cors' },
				{ name: 'Lifecycle', value: 'lifecycle' },
				{ name: 'Notifications', value: 'notification' },
				{ name: 'Policy', value: 'policy' },
				{ name: 'Tags', value: 'tagging' },
				{ name: 'Versioning', value: 'versioning' },
			],
			default: [],
			description: 'What of the bucket itself to set as it was, after all objects are there',
		},
	].sort((a, b) => a.displayName.localeCompare(b.displayName)) as INodeProperties[],
};

export const restoreFields: INodeProperties[] = [...source, ...target, simplifyField(shown), options];
