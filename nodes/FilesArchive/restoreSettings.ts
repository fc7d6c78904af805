import type { IExecuteFunctions } from 'n8n-workflow';

import { BackupError, type Existing, type SelectionChoices } from '../../engine';
import { collectionOf, locatedText, textOf, yesNoIn } from '../shared/fields';
import { folderOf } from '../shared/folder';

import { OWN_FOLDER } from './backupContent';
import { pathInBackup, patternChoices } from '../shared/patterns';

/** The fields of Restore as the engine wants them. @throws BackupError INVALID_INPUT, NOT_CONFIRMED */
export function restoreSettings(context: IExecuteFunctions, item: number) {
	const options = collectionOf(context, 'options', item, 'Options');
	const path = textOf(context.getNodeParameter('targetFolder', item), 'Into Folder').trim();
	if (path === '') {
		throw new BackupError('INVALID_INPUT', 'No folder to restore into is named.', { hint: 'Fill in Into Folder.' });
	}
	const existing = context.getNodeParameter('existing', item) as Existing;
	if (existing === 'overwrite') assertConfirmed(context, item, path);
	return {
		path,
		existing,
		choices: choicesOf(context, item),
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

/** What of the backup is wanted. An empty choice is refused: without it everything would be meant. */
function choicesOf(context: IExecuteFunctions, item: number): SelectionChoices {
	const what = context.getNodeParameter('what', item) as 'all' | 'prefix' | 'patterns' | 'entry';
	if (what === 'all') return {};
	if (what === 'prefix') {
		const prefix = pathInBackup(textOf(context.getNodeParameter('prefix', item), 'Prefix'));
		if (prefix !== '') return { prefix };
		throw new BackupError('INVALID_INPUT', 'No prefix is given.', {
			hint: 'Fill in Prefix, or set Restore to Everything.',
		});
	}
	if (what === 'entry') {
		const name = pathInBackup(locatedText(context, 'entry', item, 'File or Folder'));
		if (name !== '') return { name };
		throw new BackupError('INVALID_INPUT', 'No file or folder is chosen.', { hint: 'Fill in File or Folder.' });
	}
	const choices = patternChoices(context, item);
	if (choices.include.length + choices.exclude.length > 0) return choices;
	throw new BackupError('INVALID_INPUT', 'No pattern is given.', {
		hint: 'Fill in Include Patterns or Exclude Patterns, or set Restore to Everything.',
	});
}
