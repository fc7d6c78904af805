import type { INodeProperties } from 'n8n-workflow';

import { shownFor } from '../../shared/operation';

/** Which cluster is meant, of those that the storage has backups of. */
export function clusterField(operation: string, description: string): INodeProperties {
	return {
		displayName: 'Cluster',
		name: 'cluster',
		type: 'resourceLocator',
		default: { mode: 'list', value: '' },
		description,
		displayOptions: shownFor([operation]),
		modes: [
			{
				displayName: 'From List',
				name: 'list',
				type: 'list',
				placeholder: 'Select a cluster...',
				typeOptions: { searchListMethod: 'searchClusters', searchable: true },
			},
			{
				displayName: 'By Name',
				name: 'name',
				type: 'string',
				placeholder: 'e.g. shop',
				hint: 'What its backups are called, or its system identifier',
			},
		],
	};
}
