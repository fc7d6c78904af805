import type { INodeProperties } from 'n8n-workflow';

import {
	archiveFolderOption,
	compressionLevelOption,
	storedArchiveFields,
	tagsOption,
	timeZoneOption,
} from '../../shared/descriptions/archive';
import { bandwidthOption } from '../../shared/descriptions/bandwidth';
import { optionsField } from '../../shared/descriptions/options';
import { runningOptions } from '../../shared/descriptions/running';
import { simplifyField } from '../../shared/descriptions/simplify';
import { connectTimeoutOption } from '../../shared/descriptions/source';
import { shownFor } from '../../shared/operation';
import { WAL_FOLDER } from '../backupContent';

const shown = shownFor(['archiveWal']);

export const archiveWalFields: INodeProperties[] = [
	{
		displayName: 'If WAL Is Lost',
		name: 'ifLost',
		type: 'options',
		options: [
			{ name: 'Fail', value: 'fail', description: 'All that the server has is stored first; then the run fails' },
			{ name: 'Go On', value: 'goOn', description: 'The item says so, and that a base backup is needed' },
		],
		default: 'fail',
		description: 'What to do where the server has removed WAL that was not stored yet: only a base backup heals that',
		displayOptions: shown,
	},
	...storedArchiveFields(['archiveWal']),
	simplifyField(shown),
	optionsField('archiveWal', [
		bandwidthOption,
		...runningOptions,
		compressionLevelOption,
		connectTimeoutOption,
		archiveFolderOption(WAL_FOLDER),
		tagsOption,
		timeZoneOption('Of the time in file names'),
	]),
];
