/** The copy that a backup of SQLite stores, in a private folder for as long as it takes. */
import { tmpdir } from 'node:os';
import path from 'node:path';

import { BackupError } from '../../errors';
import { withScratchFolder } from '../../verify/scratchFolder';
import { factQueries, factsIn, type DatabaseFacts } from './facts';
import { copyDatabase, type SqliteFindings } from './sqlite/database';

/** A consistent copy, and what was found in it. */
export interface DatabaseCopy extends SqliteFindings {
	file: string;
}

export interface CopyOptions {
	/** n8n's database. */
	file: string;
	tablePrefix: string;
	signal?: AbortSignal | undefined;
	warn: (message: string) => void;
}

/**
 * Lets `use` have a copy, and removes it whatever happens.
 * @throws BackupError as copyDatabase does, and what `use` throws
 */
export async function withDatabaseCopy<T>(
	{ file: source, tablePrefix, signal, warn }: CopyOptions,
	use: (copy: DatabaseCopy) => Promise<T>,
): Promise<T> {
	const copied = async (folder: string) => {
		const file = path.join(folder, 'database.sqlite');
		const findings = await copyDatabase(source, file, factQueries(tablePrefix), signal);
		return await use({ file, ...findings });
	};
	return await withScratchFolder(tmpdir(), copied, warn);
}

/** @throws BackupError SOURCE_FAILED, INVALID_INPUT where it is no database of n8n's */
export function assertSqliteIsWhole({ problems, answers }: SqliteFindings): DatabaseFacts {
	if (problems.length > 0) {
		throw new BackupError('SOURCE_FAILED', `n8n’s database is damaged: ${problems.slice(0, 3).join('; ')}.`, {
			hint: 'Stop n8n and restore an earlier backup, or let sqlite3 recover it (.recover). Backups that are there already stay as they are.',
		});
	}
	const facts = factsIn(answers);
	if (facts) return facts;
	throw new BackupError('INVALID_INPUT', 'The database does not hold n8n’s tables.', {
		hint: 'Check DB_SQLITE_DATABASE and DB_TABLE_PREFIX in n8n’s environment.',
	});
}
