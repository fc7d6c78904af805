import type { INodeProperties } from 'n8n-workflow';

import { filtersField } from '../../shared/descriptions/filters';
import { backupField, fileField, manifestField } from '../../shared/descriptions/source';
import { shownFor } from '../../shared/operation';

/** One backup, of whatever kind. */
export function anyBackupField(displayOptions: INodeProperties['displayOptions']): INodeProperties {
	const examples = {
		latest: 'shop',
		latestHint:
			'The name of the database, collection or folder: its newest backup. Where several have that name, Folder tells them apart.',
		file: 'postgres/shop_20260131_020000.sql.zst',
	};
	return { ...backupField([], examples), displayOptions };
}

/** What the node before put out: of what Back Up and List Backups tell, the key finds a backup at once. */
export function incomingField(displayOptions: INodeProperties['displayOptions']): INodeProperties {
	return {
		displayName: 'Backup ID or Key',
		name: 'incomingBackup',
		type: 'string',
		required: true,
		default: '={{ $json.key ?? $json.id ?? $json.manifestKey }}',
		description: 'The ID or the key of the backup in each incoming item, as Back Up and List Backups put it out',
		displayOptions,
	};
}

export function daysField(displayOptions: INodeProperties['displayOptions']): INodeProperties {
	return {
		displayName: 'Days',
		name: 'days',
		type: 'number',
		typeOptions: { minValue: 0, maxValue: 36500 },
		default: 7,
		description: 'How long ago the last verification that came to a verdict may be',
		displayOptions,
	};
}

const shown = (which: string[]) => shownFor(['verify'], { which });

/** What Verify verifies. */
export const whichFields: INodeProperties[] = [
	{
		displayName: 'Which Backups',
		name: 'which',
		type: 'options',
		noDataExpression: true,
		options: [
			{ name: 'All', value: 'all', description: 'Every backup in the storage, newest first' },
			{
				name: 'Binary Data',
				value: 'binaryData',
				description: 'An archive, or a file made by others, that another node put out, such as a download',
			},
			{
				name: 'File Made by Others',
				value: 'file',
				description: 'A dump, snapshot, tar archive or JSON file in the storage that this package did not make',
			},
			{
				name: 'Incoming Item',
				value: 'incoming',
				description: 'The backup that each incoming item tells of, such as those of Back Up',
			},
			{
				name: 'Newest of Each',
				value: 'newest',
				description: 'The newest backup of each kind, name and selection in the storage',
			},
			{
				name: 'Not Verified for Days',
				value: 'due',
				description: 'Those that nobody has verified as deep as Level since then, newest first',
			},
			{ name: 'One', value: 'one', description: 'From a list, the latest of a name, by ID or by file' },
		],
		default: 'one',
		displayOptions: shownFor(['verify']),
	},
	anyBackupField(shown(['one'])),
	incomingField(shown(['incoming'])),
	daysField(shown(['due'])),
	filtersField(shown(['all', 'newest', 'due'])),
	fileField(
		'file',
		'Recognised by its content: SQL and custom-format dumps, .snapshot, tar, JSON; with gzip, zstd or OpenPGP around it',
		'e.g. uploads/shop.dump',
		shown(['file']),
	),
	{
		displayName: 'Input Binary Field',
		name: 'binaryPropertyName',
		type: 'string',
		required: true,
		default: 'data',
		hint: 'The name of the input binary field that holds the file',
		displayOptions: shown(['binaryData']),
	},
	{
		...manifestField([], 'Without it the file is checked as one that was made by others.'),
		displayOptions: shown(['binaryData']),
	},
];
