import type { INodeProperties } from 'n8n-workflow';

import { KIND_OPTIONS } from './kinds';

/**
 * Narrows down which backups of a storage are meant.
 * @param more entries of a node's own, after Kinds and Names
 */
export function filtersField(
	displayOptions: INodeProperties['displayOptions'],
	more: readonly INodeProperties[] = [],
): INodeProperties {
	return {
		displayName: 'Filters',
		name: 'filters',
		type: 'collection',
		placeholder: 'Add Filter',
		default: {},
		displayOptions,
		options: [
			{
				displayName: 'Kinds',
				name: 'kinds',
				type: 'multiOptions',
				options: KIND_OPTIONS,
				default: [],
				description: 'Only backups of these kinds',
			},
			{
				displayName: 'Names',
				name: 'names',
				type: 'string',
				default: '',
				placeholder: 'e.g. shop, docs',
				description: 'Only backups of these databases, collections, buckets and folders, separated by commas',
			},
			...more,
		],
	};
}
