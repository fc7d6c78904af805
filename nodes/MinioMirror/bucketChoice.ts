import type { IExecuteFunctions } from 'n8n-workflow';

import { BackupError } from '../../engine';
import { splitList } from '../shared/lists';

/** Which buckets; `buckets` is undefined for all. @throws BackupError INVALID_INPUT where none is named */
export function bucketChoice(
	context: IExecuteFunctions,
	item: number,
): { buckets?: string[]; excludeBuckets: string[] } {
	if (context.getNodeParameter('bucketMode', item) === 'all') {
		return { excludeBuckets: splitList(context.getNodeParameter('excludeBuckets', item, ''), 'Exclude Buckets') };
	}
	const buckets = splitList(context.getNodeParameter('buckets', item), 'Selected Buckets');
	if (buckets.length > 0) return { buckets, excludeBuckets: [] };
	throw new BackupError('INVALID_INPUT', 'No bucket is chosen.', { hint: 'Fill in Selected Buckets.' });
}
