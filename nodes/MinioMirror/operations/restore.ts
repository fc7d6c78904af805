import type { IExecuteFunctions } from 'n8n-workflow';

import {
	assertBucketConfirmed,
	BackupError,
	CONFIGURATION_NAMES,
	type Existing,
	openArchive,
	restoreBucket,
	type SelectionChoices,
} from '../../../engine';
import { withArchive } from '../../shared/archiveSource';
import { collectionOf, type Fields, locatedText, textOf } from '../../shared/fields';
import { folderOf } from '../../shared/folder';
import { splitList } from '../../shared/lists';
import type { Operation } from '../../shared/operation';
import { patternChoices } from '../../shared/patterns';
import { progressLog } from '../../shared/progress';
import { s3Connection } from '../../shared/s3Connection';
import { isSimplified } from '../../shared/simplify';
import { OWN_FOLDER, OWN_KINDS } from '../backupContent';
import { restoreFields } from '../descriptions/restore';
import { restoreItem } from '../restoreItem';

/** What of the backup is wanted. An empty choice is refused: without it everything would be meant. */
function choicesOf(context: IExecuteFunctions, item: number): SelectionChoices {
	const what = context.getNodeParameter('what', item) as 'all' | 'prefix' | 'patterns';
	if (what === 'all') return {};
	if (what === 'prefix') {
		const prefix = textOf(context.getNodeParameter('prefix', item), 'Prefix');
		if (prefix !== '') return { prefix };
		throw new BackupError('INVALID_INPUT', 'No prefix is given.', {
			hint: 'Fill in Prefix, or set Restore to Everything.',
		});
	}
	const choices = patternChoices(context, item);
	if (choices.include.length + choices.exclude.length > 0) return choices;
	throw new BackupError('INVALID_INPUT', 'No pattern is given.', {
		hint: 'Fill in Include Patterns or Exclude Patterns, or set Restore to Everything.',
	});
}

/** @throws BackupError INVALID_INPUT, NOT_CONFIRMED */
function targetOf(context: IExecuteFunctions, item: number, options: Fields) {
	const bucket = locatedText(context, 'targetBucket', item, 'Into Bucket').trim();
	if (bucket === '') {
		throw new BackupError('INVALID_INPUT', 'No bucket to restore into is named.', { hint: 'Fill in Into Bucket.' });
	}
	const target = {
		bucket,
		existing: context.getNodeParameter('existing', item) as Existing,
		confirmation: textOf(context.getNodeParameter('confirmation', item, ''), 'Confirm Bucket Name').trim(),
		createBucket: context.getNodeParameter('createBucket', item) === true,
		prefix: textOf(context.getNodeParameter('addPrefix', item), 'Add Prefix'),
		withoutPrefix: textOf(options['removePrefix'], 'Remove Prefix'),
	};
	assertBucketConfirmed(target);
	return target;
}

/** Restores a backup, or a part of one, into a bucket: one item with the report. */
export const restore: Operation = {
	description: restoreFields,
	async execute(context, item) {
		const { logger } = context;
		const begun = performance.now();
		const options = collectionOf(context, 'options', item, 'Options');
		const target = targetOf(context, item, options);
		const choices = choicesOf(context, item);
		const documents = splitList(options['restoredConfiguration'], 'Restore Configuration');
		const isSimple = isSimplified(context, item);
		const connection = await s3Connection(context, item, options);
		const progress = progressLog((line) => logger.info(`MinIO Mirror: ${line}`));
		const signal = context.getExecutionCancelSignal();
		const wanted = {
			kinds: OWN_KINDS,
			folder: folderOf(options, OWN_FOLDER),
			hint: 'Choose a backup that MinIO Mirror has made.',
		};
		return await withArchive(context, item, wanted, async ({ storage, key, folder, manifest, keys, remark }) => {
			if (!manifest) {
				throw new BackupError('MANIFEST_INVALID', `There is no manifest for ${key}.`, {
					hint: 'Give the manifest that Back Up put out beside it. Without one, any tar program opens the archive.',
				});
			}
			const restored = await restoreBucket({
				...target,
				reader: await openArchive(storage, { manifest, folder }, keys),
				storage,
				keys,
				connection,
				choices,
				configuration: CONFIGURATION_NAMES.filter((name) => documents.includes(name)),
				...(signal && { signal }),
				log: (line) => logger.debug(`MinIO Mirror: ${line}`),
				onProgress: ({ bytes, totalBytes }) => progress(`restoring into ${target.bucket}`, bytes, totalBytes),
			});
			logger.info(`MinIO Mirror: restored ${manifest.file}`, { bucket: target.bucket, objects: restored.written });
			const duration = Math.round(performance.now() - begun);
			return [{ json: restoreItem(context, { restored, manifest, duration, remark }, isSimple) }];
		});
	},
};
