import type { INodeProperties } from 'n8n-workflow';

import {
	archiveFolderOption,
	compressionLevelOption,
	destinationFields,
	tagsOption,
	timeZoneOption,
} from '../../shared/descriptions/archive';
import { bandwidthOption } from '../../shared/descriptions/bandwidth';
import { prefixField } from '../../shared/descriptions/held';
import { backupTypeField, incrementalOptions } from '../../shared/descriptions/incremental';
import { optionsField } from '../../shared/descriptions/options';
import { patternFields } from '../../shared/descriptions/patterns';
import { caCertificateOption } from '../../shared/descriptions/s3Connection';
import { runningOptions } from '../../shared/descriptions/running';
import { simplifyField } from '../../shared/descriptions/simplify';
import { shownFor } from '../../shared/operation';
import { OWN_FOLDER } from '../backupContent';

import { bucketFields } from './buckets';
import { versionsField } from './versions';

const shown = shownFor(['backUp']);

const options: INodeProperties[] = [
	bandwidthOption,
	...runningOptions,
	{
		displayName: 'Bucket Configuration',
		name: 'configuration',
		type: 'boolean',
		default: true,
		description:
			'Whether to keep versioning, lifecycle, policy, notifications, CORS and tags of each bucket with its backup',
	},
	caCertificateOption,
	compressionLevelOption,
	archiveFolderOption(OWN_FOLDER),
	...incrementalOptions('objects'),
	{
		displayName: 'Object Tags',
		name: 'objectTags',
		type: 'boolean',
		default: true,
		description: 'Whether to back up the tags of objects, where the server has them',
	},
	{
		displayName: 'Skip Unreadable',
		name: 'skipUnreadable',
		type: 'boolean',
		default: false,
		description:
			'Whether to leave out, with a warning, objects that the access key may not read, or that have to be restored from their storage class first; otherwise the backup of the bucket fails',
	},
	tagsOption,
	timeZoneOption('Time zone of the time in file names'),
];

export const backUpFields: INodeProperties[] = [
	...bucketFields(['backUp']),
	prefixField({
		displayName: 'Key Prefix',
		name: 'keyPrefix',
		description: 'Only objects whose keys begin so. Leave empty for all.',
		searchListMethod: 'searchKeyPrefixes',
		placeholder: 'e.g. documents/2026/',
		displayOptions: shown,
	}),
	...patternFields(shown),
	versionsField('backUp', 'Older versions and delete markers, too'),
	...destinationFields(['backUp']),
	backupTypeField(['backUp'], 'objects'),
	simplifyField(shown),
	optionsField('backUp', options),
];
