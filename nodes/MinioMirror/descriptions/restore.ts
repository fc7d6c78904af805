import type { INodeProperties } from 'n8n-workflow';

import { bandwidthOption } from '../../shared/descriptions/bandwidth';
import { existingField } from '../../shared/descriptions/existing';
import { heldFields, heldOptions, selectionFields } from '../../shared/descriptions/held';
import { optionsField } from '../../shared/descriptions/options';
import { existingEntriesFields } from '../../shared/descriptions/overwriting';
import { caCertificateOption } from '../../shared/descriptions/s3Connection';
import { asRunOption, dryRunOption } from '../../shared/descriptions/dryRun';
import { requestedByOption } from '../../shared/descriptions/requestedBy';
import { backupIdOption, latestBeforeOption } from '../../shared/descriptions/whichOfItsName';
import { simplifyField } from '../../shared/descriptions/simplify';
import { shownFor } from '../../shared/operation';
import { OWN_FOLDER } from '../backupContent';

import { BACKUP_EXAMPLES } from './examples';
import { versionsField } from './versions';

const shown = shownFor(['restore']);

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
];

const options: INodeProperties[] = [
	backupIdOption,
	bandwidthOption,
	caCertificateOption,
	dryRunOption,
	...heldOptions(OWN_FOLDER),
	latestBeforeOption,
	asRunOption,
	requestedByOption,
	{
		displayName: 'Remove Prefix',
		name: 'removePrefix',
		type: 'string',
		default: '',
		placeholder: 'e.g. documents/',
		description: 'What to take away from the beginning of keys before Add Prefix is put there',
	},
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
];

export const restoreFields: INodeProperties[] = [
	...heldFields(['restore'], BACKUP_EXAMPLES),
	...selectionFields('restore', {
		alike: 'All objects whose keys begin alike',
		prefix: 'What the keys begin with',
		prefixPlaceholder: 'e.g. documents/2026/',
		entry: {
			choice: 'One Object',
			field: 'Object',
			typed: { name: 'key', placeholder: 'e.g. documents/2026/offer.pdf' },
		},
	}),
	versionsField('restore', 'Older versions and delete markers, too, in their order. The bucket has to keep versions.'),
	...target,
	...existingEntriesFields('restore', {
		displayName: 'Existing Objects',
		one: 'an object',
		many: 'objects',
		where: 'under the same key',
		notice:
			'Objects that differ from the backup are replaced, and what they hold now is gone for good unless the bucket keeps versions. What the backup does not hold stays.',
		confirmation: {
			displayName: 'Confirm Bucket Name',
			placeholder: 'e.g. documents',
			hint: 'Type the name of Into Bucket once more; without it nothing is changed',
		},
	}),
	simplifyField(shown),
	optionsField('restore', options),
];
