import { BackupError } from '../../../errors';
import { describeStatement } from '../../statements/statement';
import { skipWords, tokenize, wordsAt } from '../../statements/tokens';

import type { RestoreStep } from './source';

/** The error for a script that ends in the middle of a transaction. */
export function endsInTransaction(): BackupError {
	return new BackupError('ARCHIVE_INCOMPLETE', 'The script begins a transaction and ends before its COMMIT.', {
		hint: 'The file was cut off, or its last lines were taken out. Fetch it again, or add the COMMIT.',
	});
}

/** Whether a statement that ends a transaction keeps what was done in it. */
function keeps(text: string): boolean {
	const tokens = tokenize(text);
	if (!wordsAt(tokens, 0, 'COMMIT') && !wordsAt(tokens, 0, 'END')) return false;
	return skipWords(tokens, 1, 'WORK', 'TRANSACTION', 'AND', 'NO', 'CHAIN') === tokens.length;
}

/**
 * Steps for one transaction around all of them: a script's own transactions are part of it (pg_dump has some around large
 * objects).
 * @throws BackupError INVALID_INPUT where the script takes something back; ARCHIVE_INCOMPLETE
 */
export async function* withoutTransactions(steps: AsyncIterable<RestoreStep>): AsyncGenerator<RestoreStep> {
	let open = false;
	for await (const step of steps) {
		const control = step.type === 'statement' ? describeStatement(step.text).transaction : undefined;
		if (step.type !== 'statement' || control === undefined || control === 'within') yield step;
		else if (control === 'begins') open = true;
		else if (keeps(step.text)) open = false;
		else {
			throw new BackupError('INVALID_INPUT', 'The script takes back a transaction of its own; nothing was changed.', {
				hint: 'Tables are emptied or dropped in the one transaction that fills them again. Restore such a script into a new database.',
			});
		}
	}
	if (open) throw endsInTransaction();
}
