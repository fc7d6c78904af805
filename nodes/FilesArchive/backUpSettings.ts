import { basename } from 'node:path';

import type { IExecuteFunctions } from 'n8n-workflow';

import { BackupError, CHECKPOINT_GIB, type IncrementalChoices } from '../../engine';
import { archiveSettings } from '../shared/archiveSettings';
import { collectionOf, type Fields, numberIn, textOf, yesNoIn } from '../shared/fields';

import { OWN_FOLDER } from './backupContent';
import { patternChoices } from '../shared/patterns';

const GIB = 1024 ** 3;

/** The fields of Back Up as the engine wants them, except where to write to. @throws BackupError INVALID_INPUT */
export function backUpSettings(context: IExecuteFunctions, item: number) {
	const options = collectionOf(context, 'options', item, 'Options');
	const path = textOf(context.getNodeParameter('path', item), 'Path').trim();
	if (path === '') {
		throw new BackupError('INVALID_INPUT', 'Nothing to back up is named.', { hint: 'Fill in Path.' });
	}
	const name = textOf(context.getNodeParameter('backupName', item), 'Backup Name').trim();
	return {
		path,
		name: name === '' ? basename(path) || 'root' : name,
		toStorage: context.getNodeParameter('destination', item) === 'storage',
		incremental: incrementalOf(context, item, options),
		files: {
			...patternChoices(context, item),
			oneFileSystem: yesNoIn(options, 'oneFileSystem', false, 'One File System'),
			skipUnreadable: yesNoIn(options, 'skipUnreadable', false, 'Skip Unreadable'),
			checkpointBytes: GIB * numberIn(options, 'checkpointSize', 16, 'Checkpoint Size (GiB)', CHECKPOINT_GIB),
		},
		archive: archiveSettings(context, item, options, OWN_FOLDER),
	};
}

export type BackUpSettings = ReturnType<typeof backUpSettings>;

/** Undefined for a whole backup. */
function incrementalOf(context: IExecuteFunctions, item: number, options: Fields): IncrementalChoices | undefined {
	if (context.getNodeParameter('backupType', item, 'whole') !== 'incremental') return undefined;
	return {
		wholeEvery: numberIn(options, 'wholeEvery', 30, 'Whole Every', { min: 0, max: 1000 }),
		leastUse: numberIn(options, 'leastUse', 30, 'Least Use (%)', { min: 0, max: 100 }) / 100,
	};
}
