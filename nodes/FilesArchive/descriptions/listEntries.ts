import type { INodeProperties } from 'n8n-workflow';

import { folderOption, requireEncryptionOption } from '../../shared/descriptions/source';
import { simplifyField } from '../../shared/descriptions/simplify';
import { shownFor } from '../../shared/operation';
import { OWN_FOLDER } from '../backupContent';

import { heldFields } from './held';
import { patternFields } from '../../shared/descriptions/patterns';

const shown = shownFor(['listEntries']);

export const listEntriesFields: INodeProperties[] = [
	...heldFields(['listEntries']),
	{
		displayName: 'Path Prefix',
		name: 'pathPrefix',
		type: 'string',
		default: '',
		placeholder: 'e.g. contracts/2026/',
		description: 'Only what has a path that begins so, relative to the folder that was backed up; all where empty',
		displayOptions: shown,
	},
	...patternFields(shown),
	{
		displayName: 'Return All',
		name: 'returnAll',
		type: 'boolean',
		default: false,
		description: 'Whether to return all results or only up to a given limit',
		displayOptions: shown,
	},
	{
		displayName: 'Limit',
		name: 'limit',
		type: 'number',
		typeOptions: { minValue: 1 },
		default: 50,
		description: 'Max number of results to return',
		displayOptions: shownFor(['listEntries'], { returnAll: [false] }),
	},
	simplifyField(shown),
	{
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add Option',
		default: {},
		displayOptions: shown,
		options: [
			{ ...folderOption(OWN_FOLDER), displayOptions: { show: { '/source': ['storage'] } } },
			requireEncryptionOption,
		],
	},
];
