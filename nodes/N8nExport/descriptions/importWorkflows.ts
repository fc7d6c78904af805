import type { INodeProperties } from 'n8n-workflow';

import { bandwidthOption } from '../../shared/descriptions/bandwidth';
import { asRunOption } from '../../shared/descriptions/dryRun';
import { requestedByOption } from '../../shared/descriptions/requestedBy';
import { backupIdOption, latestBeforeOption } from '../../shared/descriptions/whichOfItsName';
import { optionsField } from '../../shared/descriptions/options';
import { folderOption, requireEncryptionOption } from '../../shared/descriptions/source';
import { simplifyField } from '../../shared/descriptions/simplify';
import { shownFor } from '../../shared/operation';
import { OWN_FOLDER } from '../backupContent';

import { selectionField } from './selection';
import { workflowSourceFields } from './source';

const OPERATION = 'importWorkflows';
const shown = shownFor([OPERATION]);

export const importFields: INodeProperties[] = [
	...workflowSourceFields([OPERATION]),
	selectionField(OPERATION),
	{
		displayName: 'Mode',
		name: 'mode',
		type: 'options',
		noDataExpression: true,
		options: [
			{ name: 'Create', value: 'create', description: 'As new workflows, beside those that are there' },
			{
				name: 'Update by ID',
				value: 'updateById',
				description: 'Over the workflow with the same ID; as a new one where there is none',
			},
			{
				name: 'Update by Name',
				value: 'updateByName',
				description: 'Over the workflow with the same name; as a new one where there is none',
			},
		],
		default: 'create',
		displayOptions: shown,
	},
	{
		displayName: 'Also Import',
		name: 'beside',
		type: 'multiOptions',
		options: [
			{ name: 'Data Tables', value: 'dataTables', description: 'With their rows; workflows then use the new ones' },
			{ name: 'Tags', value: 'tags', description: 'Also those that no workflow has' },
			{ name: 'Variables', value: 'variables', description: 'Where the licence of that n8n includes them' },
		],
		default: [],
		description:
			'What lies beside the workflows, in a backup of the format A File for Each Workflow: what is not there is made, nothing is overwritten',
		displayOptions: shown,
	},
	{
		displayName: 'Dry Run',
		name: 'dryRun',
		type: 'boolean',
		default: true,
		description: 'Whether to only tell what would be done',
		displayOptions: shown,
	},
	{
		displayName:
			'Workflows that are there are overwritten. What stands there now is exported to the Backup Storage before, as workflows-before-import. What is published stays live until Activate is on.',
		name: 'overwriteNotice',
		type: 'notice',
		default: '',
		displayOptions: shownFor([OPERATION], { dryRun: [false], mode: ['updateById', 'updateByName'] }),
	},
	{
		displayName: 'Workflows of that n8n stay as they are. New ones come beside them, also where one has the same name.',
		name: 'createNotice',
		type: 'notice',
		default: '',
		displayOptions: shownFor([OPERATION], { dryRun: [false], mode: ['create'] }),
	},
	{
		displayName: 'Activate',
		name: 'activate',
		type: 'boolean',
		default: false,
		description:
			'Whether to make active what is active in the backup, and let what is updated go live; a workflow whose credentials are missing stays inactive',
		displayOptions: shown,
	},
	simplifyField(shown),
	optionsField(OPERATION, [
		backupIdOption,
		bandwidthOption,
		{
			displayName: 'Confirm n8n',
			name: 'confirmHost',
			type: 'string',
			default: '',
			placeholder: 'e.g. n8n.example.com',
			description:
				'The host (and port) of the n8n that is imported into, as the n8n API credential has it. Where this option is added, nothing is imported without it: for workflows that others start.',
		},
		{
			displayName: 'Import Archived',
			name: 'withArchived',
			type: 'boolean',
			default: false,
			description: 'Whether to import also what is archived in the backup; it is not archived afterwards',
		},
		{
			displayName: 'Project',
			name: 'projectId',
			type: 'resourceLocator',
			default: { mode: 'list', value: '' },
			description:
				'Where new workflows and data tables go; by default into the personal project of the user whose API key it is',
			modes: [
				{
					displayName: 'From List',
					name: 'list',
					type: 'list',
					placeholder: 'Select a project...',
					typeOptions: { searchListMethod: 'searchProjects', searchable: true },
				},
				{
					displayName: 'By ID',
					name: 'id',
					type: 'string',
					placeholder: 'e.g. QKbE8sk1pNO39DnF',
					hint: 'The address of a project ends in its ID',
				},
			],
		},
		folderOption(OWN_FOLDER),
		latestBeforeOption,
		asRunOption,
		requestedByOption,
		requireEncryptionOption,
	]),
];
