import type { INodeProperties } from 'n8n-workflow';

import { shownFor } from '../../shared/operation';

/** A file in the storage, whoever made it. */
export function dumpFileField(operations: string[]): INodeProperties {
	return {
		displayName: 'File',
		name: 'dumpFile',
		type: 'resourceLocator',
		required: true,
		default: { mode: 'list', value: '' },
		description:
			'A plain script of pg_dump or pg_dumpall (.sql), or its custom format (-Fc); as it is, or compressed by gzip or zstd, or encrypted by gpg. The content decides, not the name.',
		displayOptions: shownFor(operations, { source: ['storage'] }),
		modes: [
			{
				displayName: 'From List',
				name: 'list',
				type: 'list',
				placeholder: 'Select a file...',
				typeOptions: { searchListMethod: 'searchFiles', searchable: true },
			},
			{
				displayName: 'By Path',
				name: 'path',
				type: 'string',
				placeholder: 'e.g. uploads/shop.dump',
				hint: 'From the root of the storage',
			},
		],
	};
}
