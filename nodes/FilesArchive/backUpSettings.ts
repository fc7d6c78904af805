import { basename } from 'node:path';

import type { IExecuteFunctions } from 'n8n-workflow';

import { BackupError } from '../../engine';
import { archiveSettings } from '../shared/archiveSettings';
import { collectionOf, textOf, yesNoIn } from '../shared/fields';
import { patternChoices } from '../shared/patterns';
import { incrementalSettings } from '../shared/tree/incremental';

import { OWN_FOLDER } from './backupContent';

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
		increments: incrementalSettings(context, item, options),
		files: {
			...patternChoices(context, item),
			oneFileSystem: yesNoIn(options, 'oneFileSystem', false, 'One File System'),
			skipUnreadable: yesNoIn(options, 'skipUnreadable', false, 'Skip Unreadable'),
		},
		archive: archiveSettings(context, item, options, OWN_FOLDER, 'own'),
	};
}
