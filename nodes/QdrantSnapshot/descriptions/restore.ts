import type { INodeProperties } from 'n8n-workflow';

import { timeZoneOption } from '../../shared/descriptions/archive';
import { bandwidthOption } from '../../shared/descriptions/bandwidth';
import { connectionOptions } from '../../shared/descriptions/qdrantConnection';
import { keptCopiesOption } from '../../shared/descriptions/keptCopies';
import { asRunOption, dryRunOption } from '../../shared/descriptions/dryRun';
import { requestedByOption } from '../../shared/descriptions/requestedBy';
import { simplifyField } from '../../shared/descriptions/simplify';
import { backupIdOption, latestBeforeOption } from '../../shared/descriptions/whichOfItsName';
import {
	backupField,
	fileField,
	folderOption,
	manifestField,
	requireEncryptionOption,
	sourceFields,
} from '../../shared/descriptions/source';
import { shownFor } from '../../shared/operation';
import { OWN_FOLDER } from '../backupContent';

import { targetFields } from './target';

const source: INodeProperties[] = [
	...sourceFields(
		['restore'],
		{
			storage: 'A backup in a folder or an S3 bucket',
			binary: 'An archive or a .snapshot file that another node put out, such as a download',
		},
		[
			{
				name: 'Snapshot File in Backup Storage',
				value: 'snapshotFile',
				description: 'A .snapshot file that Qdrant made, in a folder or an S3 bucket',
			},
			{ name: 'URL', value: 'url', description: 'A .snapshot file that the Qdrant server fetches by itself' },
		],
	),
	backupField(['restore'], {
		latest: 'docs',
		latestHint: 'The name of the collection: its newest backup. For the whole storage: storage.',
		file: 'qdrant/docs_20260131_020000.snapshot.zst',
	}),
	manifestField(['restore'], 'Without it the file is taken as a bare .snapshot file of a collection.'),
	fileField(
		'snapshotFile',
		'A snapshot of a collection as Qdrant makes it, neither compressed nor encrypted',
		'e.g. uploads/docs.snapshot',
		shownFor(['restore'], { source: ['snapshotFile'] }),
	),
	{
		displayName: 'URL',
		name: 'url',
		type: 'string',
		required: true,
		default: '',
		placeholder: 'e.g. https://bucket.example.com/docs.snapshot?signature=...',
		description:
			'As the Qdrant server reaches it: a presigned URL, or another Qdrant server. A signature in it goes into no message and no log.',
		displayOptions: shownFor(['restore'], { source: ['url'] }),
	},
	{
		displayName: 'SHA-256',
		name: 'checksum',
		type: 'string',
		required: true,
		default: '',
		description:
			'Checksum of the .snapshot file, as the server reported it when it made the snapshot. Without it Qdrant would restore a damaged file without complaint.',
		displayOptions: shownFor(['restore'], { source: ['url'] }),
	},
];

const options: INodeProperties = {
	displayName: 'Options',
	name: 'options',
	type: 'collection',
	placeholder: 'Add Option',
	default: {},
	displayOptions: shownFor(['restore']),
	options: [
		asRunOption,
		backupIdOption,
		bandwidthOption,
		...connectionOptions,
		dryRunOption,
		{
			displayName: 'Fetch From Bucket',
			name: 'serverFetches',
			type: 'boolean',
			default: false,
			description:
				'Whether the Qdrant server reads the backup from the S3 bucket by itself, by a URL that is valid for a day, instead of getting it through n8n. Only for backups of a single server without compression and encryption.',
			displayOptions: { show: { '/source': ['storage'] } },
		},
		{ ...folderOption(OWN_FOLDER), displayOptions: { show: { '/source': ['storage'] } } },
		{ ...keptCopiesOption, displayOptions: { show: { '/target': ['safeSwap'] } } },
		latestBeforeOption,
		requestedByOption,
		{
			...requireEncryptionOption,
			displayOptions: { show: { '/source': ['storage', 'binaryData'] } },
		},
		{
			displayName: 'Sample Search',
			name: 'sampleSearch',
			type: 'boolean',
			default: true,
			description: 'Whether to look a restored point up by its own vector',
		},
		{
			displayName: 'Snapshot SHA-256',
			name: 'snapshotChecksum',
			type: 'string',
			default: '',
			description:
				'Checksum of a .snapshot file without a manifest, as the server reported it. Without it a file that was damaged before cannot be distinguished from a good one.',
			displayOptions: { show: { '/source': ['binaryData', 'snapshotFile'] } },
		},
		{
			displayName: 'Snapshot Version',
			name: 'snapshotVersion',
			type: 'string',
			default: '',
			placeholder: 'e.g. 1.16.3',
			description:
				'The version of Qdrant that made a .snapshot file without a manifest; a server that may not read it is refused',
			displayOptions: { show: { '/source': ['binaryData', 'snapshotFile', 'url'] } },
		},
		{
			...timeZoneOption('Time zone of the time in the names of what a safe swap makes and keeps'),
			displayOptions: { show: { '/target': ['safeSwap'] } },
		},
		{
			displayName: 'Wait for Indexes (Seconds)',
			name: 'waitForIndexes',
			type: 'number',
			typeOptions: { minValue: 0, maxValue: 604800 },
			default: 0,
			description: 'How long to wait until the server has built its indexes; 0 does not wait',
		},
	].sort((a, b) => a.displayName.localeCompare(b.displayName)) as INodeProperties[],
};

export const restoreFields: INodeProperties[] = [
	...source,
	...targetFields,
	simplifyField(shownFor(['restore'])),
	options,
];
