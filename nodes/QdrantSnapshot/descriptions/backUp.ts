import type { INodeProperties } from 'n8n-workflow';

import {
	archiveFolderOption,
	compressionLevelOption,
	destinationFields,
	tagsOption,
	timeZoneOption,
} from '../../shared/descriptions/archive';
import { bandwidthOption } from '../../shared/descriptions/bandwidth';
import { connectionOptions } from '../../shared/descriptions/qdrantConnection';
import { runningOptions } from '../../shared/descriptions/running';
import { simplifyField } from '../../shared/descriptions/simplify';
import { shownFor } from '../../shared/operation';
import { OWN_FOLDER } from '../backupContent';

const collections: INodeProperties[] = [
	{
		displayName: 'Collections',
		name: 'collectionMode',
		type: 'options',
		noDataExpression: true,
		options: [
			{ name: 'All', value: 'all', description: 'One archive for each' },
			{ name: 'By Pattern', value: 'patterns', description: 'One archive for each whose name fits' },
			{ name: 'Selected', value: 'chosen', description: 'One archive for each' },
			{
				name: 'Whole Storage as One Snapshot',
				value: 'storage',
				description: 'One archive of everything. Qdrant takes it back at its start only: Restore cannot.',
			},
		],
		default: 'all',
		displayOptions: shownFor(['backUp']),
	},
	{
		displayName: 'Selected Collections',
		name: 'collections',
		type: 'multiOptions',
		typeOptions: { loadOptionsMethod: 'getCollections' },
		required: true,
		default: [],
		description:
			'Choose from the list, or give names by an <a href="https://docs.n8n.io/code/expressions/">expression</a>',
		displayOptions: shownFor(['backUp'], { collectionMode: ['chosen'] }),
	},
	{
		displayName: 'Patterns',
		name: 'patterns',
		type: 'string',
		required: true,
		default: '',
		placeholder: 'e.g. docs_*, images',
		description: 'Separated by commas. * stands for any characters, ? for one.',
		displayOptions: shownFor(['backUp'], { collectionMode: ['patterns'] }),
	},
	{
		displayName: 'Exclude Patterns',
		name: 'excludePatterns',
		type: 'string',
		default: '',
		placeholder: 'e.g. test_*, *_before_*',
		description: 'Collections to leave out, separated by commas. * stands for any characters, ? for one.',
		displayOptions: shownFor(['backUp'], { collectionMode: ['all', 'patterns'] }),
	},
];

const options: INodeProperties = {
	displayName: 'Options',
	name: 'options',
	type: 'collection',
	placeholder: 'Add Option',
	default: {},
	displayOptions: shownFor(['backUp']),
	options: [
		bandwidthOption,
		...runningOptions,
		compressionLevelOption,
		...connectionOptions,
		archiveFolderOption(OWN_FOLDER),
		tagsOption,
		timeZoneOption('Time zone of the time in file names'),
	].sort((a, b) => a.displayName.localeCompare(b.displayName)),
};

export const backUpFields: INodeProperties[] = [
	...collections,
	...destinationFields(['backUp']),
	simplifyField(shownFor(['backUp'])),
	options,
];
