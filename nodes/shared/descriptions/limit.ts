import type { IExecuteFunctions, INodeProperties } from 'n8n-workflow';

import { numberOf } from '../fields';
import { shownFor } from '../operation';

/** How many items a list puts out. */
export function limitFields(operation: string): INodeProperties[] {
	return [
		{
			displayName: 'Return All',
			name: 'returnAll',
			type: 'boolean',
			default: false,
			description: 'Whether to return all results or only up to a given limit',
			displayOptions: shownFor([operation]),
		},
		{
			displayName: 'Limit',
			name: 'limit',
			type: 'number',
			typeOptions: { minValue: 1 },
			default: 50,
			description: 'Max number of results to return',
			displayOptions: shownFor([operation], { returnAll: [false] }),
		},
	];
}

/** What they say; Infinity for all. @throws BackupError INVALID_INPUT */
export function limitOf(context: IExecuteFunctions, item: number): number {
	if (context.getNodeParameter('returnAll', item)) return Infinity;
	return numberOf(context.getNodeParameter('limit', item), 'Limit', { min: 1, max: Number.MAX_SAFE_INTEGER });
}
