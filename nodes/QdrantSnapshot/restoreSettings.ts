import type { IExecuteFunctions } from 'n8n-workflow';

import { type AliasChoice, BackupError, type RestoreCollectionTarget } from '../../engine';
import { keptCopiesIn } from '../shared/descriptions/keptCopies';
import { collectionOf, locatedText, numberIn, textOf, yesNoIn } from '../shared/fields';
import { folderOf } from '../shared/folder';
import { eventOf } from '../shared/journal';

import { OWN_FOLDER } from './backupContent';

/** The fields of descriptions/target.ts as the engine wants them. */
export function restoreTarget(context: IExecuteFunctions, item: number): RestoreCollectionTarget {
	const type = context.getNodeParameter('target', item) as RestoreCollectionTarget['type'];
	const isNew = type === 'newCollection';
	const label = isNew ? 'Collection Name' : 'Collection';
	const collection = isNew
		? textOf(context.getNodeParameter('targetCollection', item), label)
		: locatedText(context, 'existingCollection', item, label);
	if (!collection) {
		throw new BackupError('INVALID_INPUT', 'No collection to restore into is named.', { hint: `Fill in ${label}.` });
	}
	eventOf(context, item).tell({ place: `collection ${collection}` });
	if (isNew) return { type, collection };
	const confirmation = textOf(context.getNodeParameter('confirmation', item, ''), 'Confirm Collection Name');
	if (type !== 'safeSwap') return { type, collection, confirmation };
	const keptCopies = keptCopiesIn(collectionOf(context, 'options', item, 'Options'));
	return { type, collection, confirmation, keptCopies };
}

/** The Options collection of a restore, and what to do with aliases. @throws BackupError INVALID_INPUT */
export function restoreSettings(context: IExecuteFunctions, item: number) {
	const options = collectionOf(context, 'options', item, 'Options');
	const seconds = numberIn(options, 'waitForIndexes', 0, 'Wait for Indexes (Seconds)', { min: 0, max: 604_800 });
	return {
		aliases: context.getNodeParameter('aliases', item, 'free') as AliasChoice,
		check: { waitForIndexes: seconds * 1000, sampleSearch: yesNoIn(options, 'sampleSearch', true, 'Sample Search') },
		checksum: textOf(options['snapshotChecksum'], 'Snapshot SHA-256').trim() || undefined,
		connection: options,
		folder: folderOf(options, OWN_FOLDER),
		serverFetches: yesNoIn(options, 'serverFetches', false, 'Fetch From Bucket'),
		snapshotVersion: textOf(options['snapshotVersion'], 'Snapshot Version').trim() || undefined,
		timeZone: textOf(options['timeZone'], 'Time Zone') || 'UTC',
	};
}

export type RestoreSettings = ReturnType<typeof restoreSettings>;
