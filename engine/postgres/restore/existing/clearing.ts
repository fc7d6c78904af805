import { BackupError } from '../../../errors';
import { translateError } from '../../connection';

/** SQLSTATE dependent_objects_still_exist: another object needs the one that is to be dropped. */
export const NEEDED = '2BP01';

/** SQLSTATE of TRUNCATE where a table that stays refers to one that is emptied. */
const REFERRED_TO = '0A000';

/** The error for tables that could not be dropped or emptied. Says that nothing was changed where the server said so. */
export function inTheWay(how: 'drop' | 'empty', error: unknown): BackupError {
	const { code = '', severity } = error as { code?: string; severity?: string };
	const unchanged = severity === 'ERROR' ? '; nothing was changed' : '';
	const failure = translateError(error, 'target', `Could not ${how} the tables${unchanged}`);
	if (![NEEDED, REFERRED_TO].includes(code)) return failure;
	return new BackupError(failure.code, failure.message, {
		hint: 'Something outside of the selection needs one of them: select that as well, or drop it first.',
		cause: failure.cause,
	});
}
