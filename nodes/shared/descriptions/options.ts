import type { INodeProperties } from 'n8n-workflow';

import { shownFor } from '../operation';

/** The Options collection of an operation, by the alphabet. */
export function optionsField(operation: string, options: INodeProperties[]): INodeProperties {
	return {
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add Option',
		default: {},
		displayOptions: shownFor([operation]),
		options: options.toSorted((a, b) => a.displayName.localeCompare(b.displayName)),
	};
}
