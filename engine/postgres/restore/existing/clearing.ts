import type { Client } from 'pg';

import { BackupError } from '../../../errors';
import { translateError } from '../../connection';
import { namesOf, type TargetRelation } from '../../relations';
import type { SourceFacts } from '../source';

/** SQLSTATE dependent_objects_still_exist: another object needs the one that is to be dropped. */
export const NEEDED = '2BP01';

/** SQLSTATE of TRUNCATE where a table that stays refers to one that is emptied. */
const REFERRED_TO = '0A000';

/** The error for tables that could not be dropped or emptied. Says that nothing was changed where the server said so. */
export function dependencyError(how: 'drop' | 'empty', error: unknown): BackupError {
	const { code = '', severity } = error as { code?: string; severity?: string };
	const unchanged = severity === 'ERROR' ? '; nothing was changed' : '';
	const failure = translateError(error, 'target', `Could not ${how} the tables${unchanged}`);
	if (![NEEDED, REFERRED_TO].includes(code)) return failure;
	return new BackupError(failure.code, failure.message, {
		hint: 'Something outside of the selection needs one of them: select that as well, or drop it first.',
		cause: failure.cause,
	});
}

/** A foreign table's rows are on another server. @throws BackupError INVALID_INPUT */
export function checkForeignTables({ name }: SourceFacts, tables: TargetRelation[]): void {
	const foreign = tables.filter(({ kind }) => kind === 'f');
	if (foreign.length === 0) return;
	throw new BackupError(
		'INVALID_INPUT',
		`${name} holds rows of the foreign table ${namesOf(foreign)}, whose rows are on another server; nothing was changed.`,
		{ hint: 'They would be added to those that are there. Choose other tables, or restore into a new database.' },
	);
}

/** Keeps everybody else out of the tables until the end of the transaction. @throws what the server says */
export async function lockTables(client: Client, tables: TargetRelation[]): Promise<void> {
	const names = tables.filter(({ kind }) => 'rp'.includes(kind)).map(({ name }) => `ONLY ${name}`);
	if (names.length > 0) await client.query(`LOCK TABLE ${names.join(', ')} IN ACCESS EXCLUSIVE MODE`);
}
