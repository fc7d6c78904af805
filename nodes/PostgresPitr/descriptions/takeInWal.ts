import type { INodeProperties } from 'n8n-workflow';

import {
	archiveFolderOption,
	compressionLevelOption,
	storedArchiveFields,
	tagsOption,
	timeZoneOption,
} from '../../shared/descriptions/archive';
import { bandwidthOption } from '../../shared/descriptions/bandwidth';
import { existingField } from '../../shared/descriptions/existing';
import { optionsField } from '../../shared/descriptions/options';
import { runningOptions } from '../../shared/descriptions/running';
import { caCertificateOption } from '../../shared/descriptions/s3Connection';
import { simplifyField } from '../../shared/descriptions/simplify';
import { shownFor } from '../../shared/operation';
import { WAL_FOLDER } from '../backupContent';
import { clusterField } from './cluster';

const OPERATION = 'takeInWal';
const shown = shownFor([OPERATION]);
const ofFolder = shownFor([OPERATION], { archivedIn: ['folder'] });
const ofBucket = shownFor([OPERATION], { archivedIn: ['bucket'] });

const dryRunOption: INodeProperties = {
	displayName: 'Dry Run',
	name: 'dryRun',
	type: 'boolean',
	default: false,
	description: 'Whether to only tell what would be taken in',
};

export const takeInWalFields: INodeProperties[] = [
	{
		displayName: 'Archived In',
		name: 'archivedIn',
		type: 'options',
		noDataExpression: true,
		options: [
			{ name: 'Bucket', value: 'bucket', description: 'Of the server that the S3 credential leads to' },
			{ name: 'Folder', value: 'folder', description: 'That n8n may read' },
		],
		default: 'folder',
		description: 'Where the archive_command of the server puts its WAL',
		displayOptions: shown,
	},
	{
		displayName: 'Archive Folder',
		name: 'archiveFolder',
		type: 'string',
		required: true,
		default: '',
		placeholder: 'e.g. /home/node/.n8n-files/wal',
		description:
			'On the machine or in the container that n8n runs in; folders in it are looked through as well. n8n must allow nodes to use it: N8N_RESTRICT_FILE_ACCESS_TO.',
		displayOptions: ofFolder,
	},
	existingField({
		displayName: 'Archive Bucket',
		name: 'archiveBucket',
		description: 'It is only read',
		placeholder: { list: 'Select a bucket...', name: 'e.g. wal' },
		searchListMethod: 'searchBuckets',
		displayOptions: ofBucket,
	}),
	{
		displayName: 'Archive Prefix',
		name: 'archivePrefix',
		type: 'string',
		default: '',
		placeholder: 'e.g. main/wal/',
		description: 'Only what lies below it, as in a folder. Leave empty for all.',
		displayOptions: ofBucket,
	},
	clusterField(
		OPERATION,
		'Whose WAL it is; that of others is refused. Where it is empty, that of the first segment that can be read.',
	),
	{
		displayName: 'If Segments Are Refused',
		name: 'ifRefused',
		type: 'options',
		options: [
			{ name: 'Fail', value: 'fail', description: 'All others are stored first; then the run fails' },
			{ name: 'Go On', value: 'goOn', description: 'The item says which, and whether a base backup is needed' },
		],
		default: 'fail',
		description: 'What to do where a segment is damaged, or of another cluster: it is not stored in any case',
		displayOptions: shown,
	},
	...storedArchiveFields([OPERATION]),
	simplifyField(shown),
	optionsField(OPERATION, [
		bandwidthOption,
		{ ...caCertificateOption, displayOptions: { show: { '/archivedIn': ['bucket'] } } },
		compressionLevelOption,
		dryRunOption,
		archiveFolderOption(WAL_FOLDER),
		...runningOptions,
		tagsOption,
		timeZoneOption('Of the time in file names'),
	]),
];
