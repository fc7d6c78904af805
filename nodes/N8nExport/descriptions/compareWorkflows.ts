import type { INodeProperties } from 'n8n-workflow';

import { optionsField } from '../../shared/descriptions/options';
import { folderOption, requireEncryptionOption } from '../../shared/descriptions/source';
import { simplifyField } from '../../shared/descriptions/simplify';
import { shownFor } from '../../shared/operation';
import { OWN_FOLDER } from '../backupContent';

import { selectionField } from './selection';
import { laterBackupField, workflowSourceFields } from './source';

const OPERATION = 'compareWorkflows';
const shown = shownFor([OPERATION]);

export const compareFields: INodeProperties[] = [
	...workflowSourceFields([OPERATION]),
	{
		displayName: 'Compare With',
		name: 'compareWith',
		type: 'options',
		noDataExpression: true,
		options: [
			{ name: 'Another Backup', value: 'backup', description: 'A later one in the same storage' },
			{ name: 'This Instance', value: 'instance', description: 'The n8n of the credential, as it is now' },
		],
		default: 'instance',
		description: 'What is added, changed and removed since the backup',
		displayOptions: shown,
	},
	laterBackupField,
	{
		displayName: 'Match By',
		name: 'matchBy',
		type: 'options',
		options: [
			{ name: 'ID', value: 'id', description: 'For the n8n that the backup is from' },
			{ name: 'Name', value: 'name', description: 'For another n8n, where IDs differ' },
		],
		default: 'id',
		description: 'What makes two workflows versions of one',
		displayOptions: shown,
	},
	selectionField(OPERATION),
	simplifyField(shown),
	optionsField(OPERATION, [
		{
			displayName: 'Include Moved',
			name: 'includeMoved',
			type: 'boolean',
			default: false,
			description: 'Whether to tell also of nodes that only stand elsewhere on the canvas',
		},
		{
			displayName: 'Include Values',
			name: 'includeValues',
			type: 'boolean',
			default: false,
			description:
				'Whether to put out what stood there before and what stands there now. Parameters may hold secrets that somebody typed into them.',
		},
		folderOption(OWN_FOLDER),
		requireEncryptionOption,
	]),
];
