import { BackupError } from '../../errors';
import { whyForbidden, whyForbiddenCopy } from '../statements/forbidden';

import { objectName } from '../statements/naming';

/**
 * The error for what no statement of a dump does (see engine/postgres/statements/forbidden.ts); undefined for what may be run.
 * @param state what is to be said of the target, from its semicolon on
 */
export function forbiddenStatement(text: string, standardStrings = true, state = ''): BackupError | undefined {
	return forbidden(text, whyForbidden(text, standardStrings), state);
}

/** As forbiddenStatement, for a COPY whose rows follow. */
export function forbiddenCopy(statement: string, state = ''): BackupError | undefined {
	return forbidden(statement, whyForbiddenCopy(statement), state);
}

/** @throws BackupError INVALID_INPUT: see forbiddenStatement. */
export function assertPermitted(text: string, standardStrings = true, state = ''): void {
	const error = forbiddenStatement(text, standardStrings, state);
	if (error) throw error;
}

/** @throws BackupError INVALID_INPUT: see forbiddenCopy. */
export function assertDataCopy(statement: string, state = ''): void {
	const error = forbiddenCopy(statement, state);
	if (error) throw error;
}

function forbidden(text: string, why: string | undefined, state: string): BackupError | undefined {
	if (why === undefined) return undefined;
	return new BackupError(
		'INVALID_INPUT',
		`The dump holds a statement that is never run from a dump (${objectName('', text)}): it ${why}${state}.`,
		{
			hint: 'pg_dump writes no such statement: the file was edited, or made by something else. Do not restore it unless you know where it comes from; psql would run it with all the rights of its user.',
		},
	);
}
