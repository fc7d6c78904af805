import type { INodeProperties } from 'n8n-workflow';

import { shownFor } from '../../shared/operation';

/** What the lists are read from. */
const DEPENDS_ON = ['operation', 'source', 'backup.value', 'compareWith'];

/** Which workflows are meant; all, without any of it. */
export function selectionField(operation: string): INodeProperties {
	return {
		displayName: 'Selection',
		name: 'selection',
		type: 'collection',
		placeholder: 'Add Selection',
		default: {},
		description: 'Only workflows that fit all of it; all of them without any',
		displayOptions: shownFor([operation]),
		options: [
			{
				displayName: 'Archived',
				name: 'archived',
				type: 'boolean',
				default: true,
				description: 'Whether to include archived workflows',
			},
			{
				displayName: 'Names',
				name: 'names',
				type: 'string',
				default: '',
				placeholder: 'e.g. Shop*, Invoices',
				description:
					'Whole names, separated by commas; * stands for any characters, ? for one. Those that are picked one by one are included as well.',
			},
			{
				displayName: 'Project Names or IDs',
				name: 'projects',
				type: 'multiOptions',
				typeOptions: { loadOptionsMethod: 'getProjects', loadOptionsDependsOn: DEPENDS_ON },
				default: [],
				description:
					'Workflows of one of these projects, or shared with one. Choose from the list, or specify IDs using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
			},
			{
				displayName: 'State',
				name: 'state',
				type: 'options',
				options: [
					{ name: 'Active', value: 'active' },
					{ name: 'All', value: 'all' },
					{ name: 'Inactive', value: 'inactive' },
				],
				default: 'all',
			},
			{
				displayName: 'Tag Names or IDs',
				name: 'tags',
				type: 'multiOptions',
				typeOptions: { loadOptionsMethod: 'getTags', loadOptionsDependsOn: DEPENDS_ON },
				default: [],
				description:
					'Workflows with one of these tags. Choose from the list, or specify names using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
			},
			{
				displayName: 'Workflow Names or IDs',
				name: 'ids',
				type: 'multiOptions',
				typeOptions: { loadOptionsMethod: 'getWorkflows', loadOptionsDependsOn: DEPENDS_ON },
				default: [],
				description:
					'Choose from the list, or specify IDs using an <a href="https://docs.n8n.io/code/expressions/">expression</a>',
			},
		],
	};
}
