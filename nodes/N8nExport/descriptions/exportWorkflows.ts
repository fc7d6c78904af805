import type { INodeProperties } from 'n8n-workflow';

import {
	archiveFolderOption,
	compressionLevelOption,
	destinationFields,
	tagsOption,
	timeZoneOption,
} from '../../shared/descriptions/archive';
import { bandwidthOption } from '../../shared/descriptions/bandwidth';
import { optionsField } from '../../shared/descriptions/options';
import { runningOptions } from '../../shared/descriptions/running';
import { simplifyField } from '../../shared/descriptions/simplify';
import { shownFor } from '../../shared/operation';
import { OWN_FOLDER } from '../backupContent';

import { selectionField } from './selection';

const OPERATION = 'exportWorkflows';
const shown = shownFor([OPERATION]);

export const exportFields: INodeProperties[] = [
	{
		displayName: 'Backup Name',
		name: 'backupName',
		type: 'string',
		default: 'workflows',
		description: 'What the backups are called and found by',
		displayOptions: shown,
	},
	{
		displayName: 'Format',
		name: 'form',
		type: 'options',
		options: [
			{
				name: 'A File for Each Workflow',
				value: 'files',
				description:
					'A tar with one readable file a workflow, for Git; beside them data tables, variables, tags, projects and folders',
			},
			{
				name: 'One List',
				value: 'list',
				description:
					'One JSON file, as n8n export:workflow --all makes it and n8n import:workflow takes it; workflows and nothing else',
			},
		],
		default: 'list',
		displayOptions: shown,
	},
	selectionField(OPERATION),
	...destinationFields([OPERATION], 'none'),
	simplifyField(shown),
	optionsField(OPERATION, [
		bandwidthOption,
		...runningOptions,
		compressionLevelOption,
		{
			displayName: 'Data Tables',
			name: 'dataTables',
			type: 'boolean',
			default: true,
			description: 'Whether to put data tables, with all their rows, beside the workflows',
			displayOptions: { show: { '/form': ['files'] } },
		},
		archiveFolderOption(OWN_FOLDER),
		tagsOption,
		timeZoneOption('Time zone of the time in file names'),
	]),
];
