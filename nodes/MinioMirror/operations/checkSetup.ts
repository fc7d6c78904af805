import type { INodeProperties } from 'n8n-workflow';

import { checkBuckets, finder, findingsOf } from '../../../engine';
import { caCertificateOption } from '../../shared/descriptions/s3Connection';
import { collectionOf } from '../../shared/fields';
import { shownFor } from '../../shared/operation';
import { s3Connection } from '../../shared/s3Connection';
import { checkSetupOperation } from '../../shared/setup/checkSetup';
import { bucketChoice } from '../bucketChoice';
import { OWN_KINDS } from '../backupContent';
import { bucketFields } from '../descriptions/buckets';

const fields: INodeProperties[] = [
	...bucketFields(['checkSetup']),
	{
		displayName: 'Try Writing',
		name: 'tryWriting',
		type: 'boolean',
		default: false,
		description: 'Whether to try in each bucket what a restore needs, on scratch objects that are removed again',
		displayOptions: shownFor(['checkSetup']),
	},
];

/** Finds out what would make a back up or a restore of buckets fail: one item for each finding. */
export const checkSetup = checkSetupOperation({
	fields,
	options: [caCertificateOption],
	kinds: OWN_KINDS,
	async check(context, item, signal) {
		const { buckets, excludeBuckets } = bucketChoice(context, item);
		const writes = context.getNodeParameter('tryWriting', item) === true;
		const options = collectionOf(context, 'options', item, 'Options');
		const findings = await findingsOf(finder('Connection', 'S3', 'backup'), async () => {
			const connection = await s3Connection(context, item, options);
			return await checkBuckets({
				connection,
				...(buckets && { buckets }),
				excludeBuckets,
				writes,
				...(signal && { signal }),
			});
		});
		return { findings };
	},
});
