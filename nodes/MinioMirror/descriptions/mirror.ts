import type { INodeProperties } from 'n8n-workflow';

import { bandwidthOption } from '../../shared/descriptions/bandwidth';
import { existingField } from '../../shared/descriptions/existing';
import { prefixField } from '../../shared/descriptions/held';
import { requestedByOption } from '../../shared/descriptions/requestedBy';
import { optionsField } from '../../shared/descriptions/options';
import { patternFields } from '../../shared/descriptions/patterns';
import { caCertificateOption } from '../../shared/descriptions/s3Connection';
import { mirroringOptions } from '../../shared/descriptions/running';
import { simplifyField } from '../../shared/descriptions/simplify';
import { shownFor } from '../../shared/operation';

const BOTH = 'bucketToBucket';
const TO_FOLDER = 'bucketToFolder';
const TO_BUCKET = 'folderToBucket';

const of = (...directions: string[]) => shownFor(['mirror'], { direction: directions });
const shown = shownFor(['mirror']);
const ofRemoval = shownFor(['mirror'], { removeExtra: [true] });

const ends: INodeProperties[] = [
	{
		displayName: 'Direction',
		name: 'direction',
		type: 'options',
		noDataExpression: true,
		options: [
			{ name: 'Bucket to Bucket', value: BOTH, description: 'On one server, or on two' },
			{ name: 'Bucket to Folder', value: TO_FOLDER, description: 'To a folder that n8n may write to' },
			{ name: 'Folder to Bucket', value: TO_BUCKET, description: 'From a folder that n8n may read' },
		],
		default: BOTH,
		displayOptions: shown,
	},
	{
		displayName: 'Servers',
		name: 'servers',
		type: 'options',
		noDataExpression: true,
		options: [
			{
				name: 'From Another Server',
				value: 'from',
				description: 'The source is on the server of the Backup Storage credential, as to bring back what was mirrored',
			},
			{ name: 'Same Server', value: 'same', description: 'Both buckets are on the server of the S3 credential' },
			{
				name: 'To Another Server',
				value: 'to',
				description: 'The target is on the server of the Backup Storage credential',
			},
		],
		default: 'same',
		description:
			'Of a Backup Storage credential, which is to be one of the type S3, only its server and keys count here',
		displayOptions: of(BOTH),
	},
	existingField({
		displayName: 'From Bucket',
		name: 'fromBucket',
		description: 'The source, which is only read',
		placeholder: { list: 'Select a bucket...', name: 'e.g. documents' },
		searchListMethod: 'searchSourceBuckets',
		displayOptions: of(BOTH, TO_FOLDER),
	}),
	prefixField({
		displayName: 'From Prefix',
		name: 'fromPrefix',
		description: 'Only what lies below it, as in a folder; the target has it without this prefix. Leave empty for all.',
		searchListMethod: 'searchSourcePrefixes',
		placeholder: 'e.g. contracts/',
		displayOptions: of(BOTH, TO_FOLDER),
	}),
	{
		displayName: 'From Folder',
		name: 'fromFolder',
		type: 'string',
		required: true,
		default: '',
		placeholder: 'e.g. /home/node/.n8n-files/documents',
		description:
			'On the machine or in the container that n8n runs in. n8n must allow nodes to use it: N8N_RESTRICT_FILE_ACCESS_TO.',
		displayOptions: of(TO_BUCKET),
	},
	existingField({
		displayName: 'To Bucket',
		name: 'toBucket',
		description: 'The target, which becomes like the source',
		placeholder: { list: 'Select a bucket...', name: 'e.g. documents-copy' },
		searchListMethod: 'searchTargetBuckets',
		displayOptions: of(BOTH, TO_BUCKET),
	}),
	prefixField({
		displayName: 'To Prefix',
		name: 'toPrefix',
		description: 'Below which everything is put; nothing else of the bucket is looked at or changed',
		searchListMethod: 'searchTargetPrefixes',
		placeholder: 'e.g. mirror/',
		displayOptions: of(BOTH, TO_BUCKET),
	}),
	{
		displayName: 'Create Bucket',
		name: 'createBucket',
		type: 'boolean',
		default: false,
		description: 'Whether to create the bucket where it does not exist',
		displayOptions: of(BOTH, TO_BUCKET),
	},
	{
		displayName: 'To Folder',
		name: 'toFolder',
		type: 'string',
		required: true,
		default: '',
		placeholder: 'e.g. /home/node/.n8n-files/mirror',
		description:
			'Made where it does not exist, on the machine or in the container that n8n runs in. n8n must allow nodes to use it: N8N_RESTRICT_FILE_ACCESS_TO.',
		displayOptions: of(TO_FOLDER),
	},
	...patternFields(shown),
];

/** What becomes of the target, in the words of what it is and of what was chosen. */
function notice(name: string, displayName: string, directions: string[], removes: boolean): INodeProperties {
	const displayOptions = shownFor(['mirror'], { direction: directions, removeExtra: [removes], dryRun: [false] });
	return { displayName, name, type: 'notice', default: '', displayOptions };
}

const REPLACED_OBJECTS =
	'Objects of the target that differ from those of the source are replaced; what they hold now is gone for good unless the bucket keeps versions.';
const REPLACED_FILES =
	'Files of the target that differ from the objects of the source are replaced, and what they hold now is gone for good.';
const KEPT = 'Nothing is removed: what only the target has stays.';
const LIMITED =
	'Nothing is removed where more than Ceiling of what the target has would go, or all of it, or where something could not be copied.';

const removal: INodeProperties[] = [
	{
		displayName: 'Remove Extra Objects',
		name: 'removeExtra',
		type: 'boolean',
		default: false,
		description: 'Whether to remove from the target what the source does not have, or has no more',
		displayOptions: shown,
	},
	{
		displayName: 'Ceiling (%)',
		name: 'ceiling',
		type: 'number',
		typeOptions: { minValue: 0, maxValue: 100 },
		default: 10,
		description: 'Nothing is removed, and the run fails, where more than this share of the target would go',
		displayOptions: ofRemoval,
	},
	{
		displayName: 'Keep Removed (Days)',
		name: 'keepRemoved',
		type: 'number',
		typeOptions: { minValue: 0, maxValue: 36_500 },
		default: 30,
		description:
			'How long what was removed waits below .stack-backup-trash/ in the target; 0 for ever. A bucket that keeps versions keeps it in these.',
		displayOptions: ofRemoval,
	},
	{
		displayName: 'Dry Run',
		name: 'dryRun',
		type: 'boolean',
		default: false,
		description: 'Whether to only tell what would be copied and removed, and change nothing',
		displayOptions: shown,
	},
	notice('mirrorNotice', `${REPLACED_OBJECTS} ${KEPT}`, [BOTH, TO_BUCKET], false),
	notice('mirrorFolderNotice', `${REPLACED_FILES} ${KEPT}`, [TO_FOLDER], false),
	notice(
		'removalNotice',
		`What only the target has is removed, whoever put it there. It waits below .stack-backup-trash/ in the target for the days of Keep Removed, or among the versions of a bucket that keeps them. ${LIMITED} ${REPLACED_OBJECTS}`,
		[BOTH, TO_BUCKET],
		true,
	),
	notice(
		'removalFolderNotice',
		`What only the target folder has is removed, whoever put it there. It waits in .stack-backup-trash in that folder for the days of Keep Removed. ${LIMITED} ${REPLACED_FILES}`,
		[TO_FOLDER],
		true,
	),
];

export const mirrorFields: INodeProperties[] = [
	...ends,
	...removal,
	simplifyField(shown),
	optionsField('mirror', [
		{
			...bandwidthOption,
			description:
				'How many megabytes a second may be copied, by all copies together. 0 is no limit. What a server copies within itself does not count.',
		},
		caCertificateOption,
		requestedByOption,
		...mirroringOptions,
	]),
];
