import { BackupError } from '../../../errors';
import { checkKeptCopies, PARALLEL, wholeNumber } from '../../../archive';
import { checkDatabaseName } from '../databases';
import type { RestoreRequest, RestoreTarget } from '../options';
import { type RestoreSelection, SelectionFilter } from '../source';

/**
 * Checks what was asked for by itself: names, numbers, the confirmation, and choices that exclude each other.
 * @throws BackupError INVALID_INPUT, NOT_CONFIRMED
 */
export function checkRequest(options: RestoreRequest): void {
	const { target, parallel = 2 } = options;
	checkDatabaseName(target.database);
	wholeNumber(parallel, 'Parallel Connections', PARALLEL);
	checkConfirmation(target);
	checkChoices(options);
	if (target.type === 'safeSwap') checkKeptCopies(target.keptCopies);
}

function checkConfirmation(target: RestoreTarget): void {
	if (target.type === 'newDatabase' || target.confirmation === target.database) return;
	throw new BackupError(
		'NOT_CONFIRMED',
		`Restoring over the database "${target.database}" is not confirmed; nothing was changed.`,
		{
			hint: `Type ${target.database} into Confirm Database Name.`,
		},
	);
}

/** Refuses what would lose data or cannot work. */
function checkChoices({ target, selection = {} }: RestoreRequest): void {
	if (target.type === 'existing') {
		if (target.before === 'drop') checkDrop(selection);
		if (target.before === 'truncate' && !selection.dataOnly) {
			throw new BackupError(
				'INVALID_INPUT',
				'Emptying the tables first needs Data Only: their definitions are there already; nothing was changed.',
				{
					hint: 'Switch Data Only on, or choose the tables to restore and have them dropped first.',
				},
			);
		}
		if (target.before !== 'drop' || !selection.dataOnly) return;
		throw new BackupError(
			'INVALID_INPUT',
			'Data Only cannot be combined with dropping the tables first: nothing would create them again.',
			{
				hint: 'Empty the tables first instead.',
			},
		);
	}
	if (selection.dataOnly) {
		throw new BackupError(
			'INVALID_INPUT',
			'Data Only needs an existing database whose tables are there already; nothing was changed.',
			{
				hint: 'Choose the existing database as target, or restore definitions as well.',
			},
		);
	}
	const filter = new SelectionFilter(selection);
	if (target.type === 'newDatabase' || filter.all) return;
	throw new BackupError(
		'INVALID_INPUT',
		`Replacing the database "${target.database}" by some schemas or tables would lose all others; nothing was changed.`,
		{
			hint: 'Restore the selection into a new database, or into the existing one.',
		},
	);
}

/** @throws BackupError INVALID_INPUT when all of a database would be dropped. */
function checkDrop(selection: RestoreSelection): void {
	if (!new SelectionFilter(selection).all) return;
	throw new BackupError(
		'INVALID_INPUT',
		'Dropping tables first needs a choice of tables or schemas; nothing was changed.',
		{
			hint: 'To replace a whole database, restore with Safe Swap.',
		},
	);
}
