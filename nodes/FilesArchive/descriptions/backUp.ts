import type { INodeProperties } from 'n8n-workflow';

import {
	archiveFolderOption,
	compressionLevelOption,
	destinationFields,
	tagsOption,
	timeZoneOption,
} from '../../shared/descriptions/archive';
import { bandwidthOption } from '../../shared/descriptions/bandwidth';
import { backupTypeField, incrementalOptions } from '../../shared/descriptions/incremental';
import { optionsField } from '../../shared/descriptions/options';
import { patternFields } from '../../shared/descriptions/patterns';
import { runningOptions } from '../../shared/descriptions/running';
import { simplifyField } from '../../shared/descriptions/simplify';
import { shownFor } from '../../shared/operation';
import { OWN_FOLDER } from '../backupContent';

const shown = shownFor(['backUp']);

const source: INodeProperties[] = [
	{
		displayName: 'Path',
		name: 'path',
		type: 'string',
		required: true,
		default: '',
		placeholder: 'e.g. /home/node/.n8n-files/documents',
		description:
			'Where the folder, or a single file, lies on the machine or in the container that n8n runs in. n8n must allow nodes to use it: N8N_RESTRICT_FILE_ACCESS_TO.',
		displayOptions: shownFor(['backUp', 'checkSetup']),
	},
	{
		displayName: 'Backup Name',
		name: 'backupName',
		type: 'string',
		default: '',
		placeholder: 'e.g. documents',
		description: "What the backups are called and found by. Leave empty for the folder's own name.",
		displayOptions: shown,
	},
	...patternFields(shown),
];

const options: INodeProperties[] = [
	bandwidthOption,
	...runningOptions,
	compressionLevelOption,
	archiveFolderOption(OWN_FOLDER),
	...incrementalOptions('files'),
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
	timeZoneOption('Time zone of the time in file names'),
];

export const backUpFields: INodeProperties[] = [
	...source,
	...destinationFields(['backUp']),
	backupTypeField(['backUp'], 'files'),
	simplifyField(shown),
	optionsField('backUp', options),
];
