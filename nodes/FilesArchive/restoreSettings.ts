import type { IExecuteFunctions } from 'n8n-workflow';

import { BackupError, type Existing } from '../../engine';
import { isDryRun, refusesAsRun } from '../shared/descriptions/dryRun';
import { collectionOf, textOf, yesNoIn } from '../shared/fields';
import { folderOf } from '../shared/folder';
import { eventOf } from '../shared/journal';
import { pathInBackup } from '../shared/patterns';
import { selectionChoices } from '../shared/tree/selection';

import { OWN_FOLDER } from './backupContent';

const SELECTION = { nameOf: pathInBackup, choiceOf: (name: string) => ({ name }), entryField: 'File or Folder' };

/** The fields of Restore as the engine wants them. @throws BackupError INVALID_INPUT, NOT_CONFIRMED */
export function restoreSettings(context: IExecuteFunctions, item: number) {
	const options = collectionOf(context, 'options', item, 'Options');
	const path = textOf(context.getNodeParameter('targetFolder', item), 'Into Folder').trim();
	if (path === '') {
		throw new BackupError('INVALID_INPUT', 'No folder to restore into is named.', { hint: 'Fill in Into Folder.' });
	}
	const existing = context.getNodeParameter('existing', item) as Existing;
	eventOf(context, item).tell({ place: `folder ${path}` });
	// Whoever only asks need not confirm anything.
	const isAsking = isDryRun(context, item) && !refusesAsRun(context, item);
	if (existing === 'overwrite' && !isAsking) assertConfirmed(context, item, path);
	return {
		path,
		existing,
		choices: selectionChoices(context, item, SELECTION),
		folder: folderOf(options, OWN_FOLDER),
		owners: yesNoIn(options, 'owners', false, 'Restore Owners'),
	};
}

/** The path as it was typed twice: where links lead is nothing that one would type. */
function assertConfirmed(context: IExecuteFunctions, item: number, path: string): void {
	const confirmation = textOf(context.getNodeParameter('confirmation', item, ''), 'Confirm Folder').trim();
	if (confirmation === path) return;
	throw new BackupError(
		'NOT_CONFIRMED',
		`That files in ${path} may be overwritten was not confirmed; nothing was changed.`,
		{
			hint: 'Type the path of Into Folder once more in Confirm Folder, or set Existing Files to Skip.',
		},
	);
}
