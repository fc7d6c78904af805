import type { INodeProperties } from 'n8n-workflow';

import { folderOption, requireEncryptionOption } from '../../shared/descriptions/source';
import { simplifyField } from '../../shared/descriptions/simplify';
import { shownFor } from '../../shared/operation';
import { OWN_FOLDER } from '../backupContent';

import { heldFields } from './held';
import { patternFields } from '../../shared/descriptions/patterns';

const shown = shownFor(['restore']);

const selection: INodeProperties[] = [
	{
		displayName: 'Restore',
		name: 'what',
		type: 'options',
		noDataExpression: true,
		options: [
			{ name: 'By Pattern', value: 'patterns', description: 'What fits patterns, and does not fit others' },
			{ name: 'By Prefix', value: 'prefix', description: 'All paths that begin alike, such as those in a folder' },
			{ name: 'Everything', value: 'all', description: 'All that the backup holds' },
			{ name: 'One File or Folder', value: 'entry', description: 'From the list of what the backup holds, or by path' },
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
		placeholder: 'e.g. contracts/2026/',
		description: 'What the paths begin with, relative to the folder that was backed up',
		displayOptions: shownFor(['restore'], { what: ['prefix'] }),
	},
	...patternFields(shownFor(['restore'], { what: ['patterns'] })),
	{
		displayName: 'File or Folder',
		name: 'entry',
		type: 'resourceLocator',
		required: true,
		default: { mode: 'list', value: '' },
		description: 'Of a folder, all that is in it is restored as well',
		displayOptions: shownFor(['restore'], { what: ['entry'] }),
		modes: [
			{
				displayName: 'From List',
				name: 'list',
				type: 'list',
				placeholder: 'Select a file or folder...',
				typeOptions: { searchListMethod: 'searchEntries', searchable: true },
			},
			{
				displayName: 'By Path',
				name: 'path',
				type: 'string',
				placeholder: 'e.g. contracts/2026/offer.pdf',
				hint: 'Relative to the folder that was backed up',
			},
		],
	},
];

const target: INodeProperties[] = [
	{
		displayName: 'Into Folder',
		name: 'targetFolder',
		type: 'string',
		required: true,
		default: '',
		placeholder: 'e.g. /home/node/.n8n-files/restored',
		description:
			'Absolute path; it is made where it does not exist. n8n must allow nodes to use it: N8N_RESTRICT_FILE_ACCESS_TO.',
		displayOptions: shown,
	},
	{
		displayName: 'Existing Files',
		name: 'existing',
		type: 'options',
		noDataExpression: true,
		options: [
			{
				name: 'Fail',
				value: 'fail',
				description: 'Restore nothing where a file is there already and is not the same as in the backup',
			},
			{ name: 'Overwrite', value: 'overwrite', description: 'Replace them by those of the backup' },
			{ name: 'Skip', value: 'skip', description: 'Leave them as they are, and restore the others' },
		],
		default: 'fail',
		description: 'What becomes of files that are there already under the same path',
		displayOptions: shown,
	},
	{
		displayName:
			'Files that differ from the backup are replaced, and what they hold now is gone for good. What the backup does not hold stays, and so do folders that are not empty.',
		name: 'overwriteNotice',
		type: 'notice',
		default: '',
		displayOptions: shownFor(['restore'], { existing: ['overwrite'] }),
	},
	{
		displayName: 'Confirm Folder',
		name: 'confirmation',
		type: 'string',
		required: true,
		default: '',
		placeholder: 'e.g. /home/node/.n8n-files/restored',
		hint: 'Type the path of Into Folder once more; without it nothing is changed',
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
		{ ...folderOption(OWN_FOLDER), displayOptions: { show: { '/source': ['storage'] } } },
		requireEncryptionOption,
		{
			displayName: 'Restore Owners',
			name: 'owners',
			type: 'boolean',
			default: false,
			description:
				'Whether files get the owners and groups, by number, that they had, and the bits that run a program as its owner. Only where n8n runs as root.',
		},
	],
};

export const restoreFields: INodeProperties[] = [
	...heldFields(['restore']),
	...selection,
	...target,
	simplifyField(shown),
	options,
];
