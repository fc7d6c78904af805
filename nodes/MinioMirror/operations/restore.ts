import type { IExecuteFunctions } from 'n8n-workflow';

import {
	assertBucketConfirmed,
	BackupError,
	CONFIGURATION_NAMES,
	type Existing,
	restoreBucket,
	type Versions,
} from '../../../engine';
import { isDryRun, refusesAsRun } from '../../shared/descriptions/dryRun';
import { collectionOf, type Fields, locatedText, textOf } from '../../shared/fields';
import { folderOf } from '../../shared/folder';
import { splitList } from '../../shared/lists';
import { eventOf } from '../../shared/journal';
import type { Operation } from '../../shared/operation';
import { s3Connection } from '../../shared/s3Connection';
import { withPlannedBackup } from '../../shared/restorePlan';
import { isSimplified } from '../../shared/simplify';
import { withHeldBackup } from '../../shared/tree/heldBackup';
import { restoredItem } from '../../shared/tree/restoredItem';
import { selectionChoices } from '../../shared/tree/selection';
import { OWN_FOLDER, WANTED } from '../backupContent';
import { restoreFields } from '../descriptions/restore';
import { planOfBucket } from '../planItem';

const TITLE = 'MinIO Mirror';

/** Keys are taken as they are typed: any text may be one. */
const SELECTION = {
	nameOf: (typed: string) => typed,
	choiceOf: (key: string) => ({ exactly: key }),
	entryField: 'Object',
};

/** @throws BackupError INVALID_INPUT, NOT_CONFIRMED */
function targetOf(context: IExecuteFunctions, item: number, options: Fields) {
	const bucket = locatedText(context, 'targetBucket', item, 'Into Bucket').trim();
	if (bucket === '') {
		throw new BackupError('INVALID_INPUT', 'No bucket to restore into is named.', { hint: 'Fill in Into Bucket.' });
	}
	// Whoever only asks need not confirm anything.
	const isAsking = isDryRun(context, item) && !refusesAsRun(context, item);
	const confirmation = textOf(context.getNodeParameter('confirmation', item, ''), 'Confirm Bucket Name').trim();
	const target = {
		bucket,
		existing: context.getNodeParameter('existing', item) as Existing,
		confirmation: isAsking ? bucket : confirmation,
		createBucket: context.getNodeParameter('createBucket', item) === true,
		prefix: textOf(context.getNodeParameter('addPrefix', item), 'Add Prefix'),
		withoutPrefix: textOf(options['removePrefix'], 'Remove Prefix'),
	};
	eventOf(context, item).tell({ place: `bucket ${bucket}` });
	return target;
}

/** Restores a backup, or a part of one, into a bucket: one item with the report. */
export const restore: Operation = {
	description: restoreFields,
	journal: { action: 'restore', kind: 'minio', isDryRun },
	async execute(context, item) {
		const { logger } = context;
		const begun = performance.now();
		const options = collectionOf(context, 'options', item, 'Options');
		const target = targetOf(context, item, options);
		const choices = selectionChoices(context, item, SELECTION);
		const documents = splitList(options['restoredConfiguration'], 'Restore Configuration');
		const isSimple = isSimplified(context, item);
		const connection = await s3Connection(context, item, options);
		const signal = context.getExecutionCancelSignal();
		const wanted = { ...WANTED, folder: folderOf(options, OWN_FOLDER) };
		const versions = context.getNodeParameter('versions', item, 'current') as Versions;
		if (isDryRun(context, item)) {
			const asked = { ...target, connection, choices, versions, ...(signal && { signal }) };
			return await withPlannedBackup(context, item, wanted, async (backup) => {
				return [{ json: await planOfBucket(context, item, backup, asked, isSimple) }];
			});
		}
		assertBucketConfirmed(target);
		return await withHeldBackup(context, item, wanted, async ({ reader, place: { storage, keys, remark } }) => {
			const restored = await restoreBucket({
				...target,
				reader,
				storage,
				keys,
				connection,
				choices,
				versions,
				configuration: CONFIGURATION_NAMES.filter((name) => documents.includes(name)),
				...(signal && { signal }),
				log: (line) => logger.debug(`${TITLE}: ${line}`),
			});
			const { manifest } = reader;
			const { bucket, configured, isBucketCreated, warnings } = restored;
			logger.info(`${TITLE}: restored ${manifest.file}`, { bucket, objects: restored.written });
			eventOf(context, item).tell({ summary: `${restored.written} objects written, ${restored.same} were the same` });
			const report = {
				into: { bucket },
				entries: 'objects',
				restored,
				from: manifest,
				duration: Math.round(performance.now() - begun),
				remark,
				warnings,
				details: { configured, isBucketCreated },
			};
			return [{ json: restoredItem(context, report, isSimple) }];
		});
	},
};
