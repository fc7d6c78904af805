import type { INodeProperties } from 'n8n-workflow';

import { shownFor } from '../../shared/operation';

/** Whether older versions of objects are meant, too. */
export function versionsField(operation: string, all: string): INodeProperties {
	return {
		displayName: 'Versions',
		name: 'versions',
		type: 'options',
		noDataExpression: true,
		options: [
			{ name: 'Current', value: 'current', description: 'Objects as they are, without those that they have replaced' },
			{ name: 'All', value: 'all', description: all },
		],
		default: 'current',
		description: 'Which versions of objects are backed up, in buckets that keep them',
		displayOptions: shownFor([operation]),
	};
}
