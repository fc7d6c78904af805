import type { INodeProperties } from 'n8n-workflow';

import { BackupError, checkServer } from '../../../engine';
import { caCertificateOption } from '../../shared/descriptions/s3Connection';
import { collectionOf } from '../../shared/fields';
import { type Operation, shownFor } from '../../shared/operation';
import { s3Connection } from '../../shared/s3Connection';
import { inOneText, itemOf } from '../../shared/simplify';
import { bucketChoice } from '../bucketChoice';
import { bucketFields } from '../descriptions/buckets';

const shown = shownFor(['check']);

const fields: INodeProperties[] = [
	...bucketFields(['check']),
	{
		displayName: 'Try Writing',
		name: 'tryWriting',
		type: 'boolean',
		default: false,
		description: 'Whether to store an empty object in each bucket and remove it again, as a restore needs that right',
		displayOptions: shown,
	},
	{
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add Option',
		default: {},
		displayOptions: shown,
		options: [caCertificateOption],
	},
];

/** Says of each bucket what the keys may do there: one item for each. */
export const check: Operation = {
	description: fields,
	async execute(context, item) {
		const { buckets, excludeBuckets } = bucketChoice(context, item);
		const connection = await s3Connection(context, item, collectionOf(context, 'options', item, 'Options'));
		const signal = context.getExecutionCancelSignal();
		const checked = await checkServer({
			connection,
			...(buckets && { buckets }),
			excludeBuckets,
			writes: context.getNodeParameter('tryWriting', item) === true,
			...(signal && { signal }),
		});
		if (checked.length === 0) {
			throw new BackupError('INVALID_INPUT', 'The server shows no bucket to these keys.', {
				hint: 'Create one, or name the buckets: some keys may use buckets that they may not list.',
			});
		}
		return checked.map(({ bucket, canBeBackedUp, canBeWritten, hasTags, versioning, problems }) => {
			const columns = {
				bucket,
				canBeBackedUp,
				canBeWritten,
				hasTags,
				versioning: versioning?.toLowerCase() ?? 'never',
				problem: inOneText(problems),
			};
			return { json: itemOf(columns, {}, true) };
		});
	},
};
