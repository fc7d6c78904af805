/** Why nothing of a set is restored. */
import { BackupError, listed } from '../errors';
import { shownName } from './name';

/** @param key the archive; `name` the entry */
export function beyondEnd(key: string, name: string): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', `The index says that ${shownName(name)} lies beyond the end of ${key}.`, {
		hint: 'Choose another backup, or a copy of this one.',
	});
}

export function nothingSelected(key: string): BackupError {
	return new BackupError('INVALID_INPUT', `The backup ${key} holds nothing of what was chosen; nothing was changed.`, {
		hint: 'List what it holds, and mind upper and lower case.',
	});
}

/** @param names some of them, as messages show them; `count` how many there are */
export function entriesExist(names: string[], count: number): BackupError {
	const shown = listed(names);
	const more = count > names.length ? ` (${count} in all)` : '';
	return new BackupError(
		'TARGET_EXISTS',
		`The target has others of these already: ${shown}${more}. Nothing of it was changed.`,
		{
			hint: 'Restore into an empty place, or choose to skip or to overwrite what is there.',
		},
	);
}
