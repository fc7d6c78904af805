import { BackupError, listed } from '../../errors';
import { HIDDEN_ROWS } from '../connection';
import { grantHint, isDenied } from '../grants';

const LOCKED = 'Another session holds a lock on one of them: run the backup at a quieter time, or raise Lock Timeout.';
const PATTERN =
	'Patterns are written as for psql: sales.*, "Order Lines" with its quotes. The drop-downs list the names that exist.';

/** pg_dump's messages, each with its kind before it: `error: ...`, `warning: ...`, `detail: ...`, `hint: ...`. */
function pgDumpMessages(text: string): string[] {
	return text
		.split(/(?=pg_dump: (?:error|warning|detail|hint): )/)
		.flatMap((line) => /^pg_dump: (.*)$/s.exec(line)?.[1]?.trim() ?? []);
}

/** The warnings in what pg_dump wrote to its standard error, each with its details and hints, ready for a reader. */
export function pgDumpWarnings(text: string): string[] {
	const warnings: Array<{ said: string; details: string[]; hints: string[] }> = [];
	for (const message of pgDumpMessages(text)) {
		const [, kind, said = ''] = /^(\w+): (.*)$/s.exec(message) ?? [];
		if (kind === 'warning') warnings.push({ said, details: [], hints: [] });
		else if (kind === 'detail') warnings.at(-1)?.details.push(said);
		else if (kind === 'hint') warnings.at(-1)?.hints.push(said);
	}
	return warnings.map(({ said, details, hints }) => {
		const what = [said, ...(details.length > 0 ? [details.join(', ')] : [])].join(' ');
		return [`pg_dump: ${what}${hints.length > 0 && !what.endsWith('.') ? '.' : ''}`, ...hints].join(' ');
	});
}

/**
 * The error for what pg_dump wrote to its standard error: `pg_dump: error: query failed: ERROR:  permission denied for table
 * a`, `pg_dump: detail: Query was: LOCK TABLE ...`; as lines, or run together as pgDump has it.
 * @param cause The server's own error, where there was one.
 */
export function pgDumpError(text: string, cause?: unknown): BackupError {
	const lines = pgDumpMessages(text);
	const errors = lines.filter((line) => line.startsWith('error: ')).map((line) => line.slice('error: '.length));
	const said = (errors.length > 0 ? errors : lines.length > 0 ? lines : [text.trim()])
		.join('; ')
		.replace(/^query failed: (?:ERROR: +)?/, '');
	const query = lines.find((line) => line.startsWith('detail: Query was: '))?.slice('detail: Query was: '.length) ?? '';
	const locked = /^LOCK TABLE (.*) IN ACCESS SHARE MODE/s.exec(query)?.[1];
	if (locked !== undefined && /statement timeout|lock timeout/.test(said)) {
		return new BackupError(
			'SOURCE_FAILED',
			`The lock on the tables could not be had in time (${listed(locked.split(', '))}).`,
			{ hint: LOCKED, cause },
		);
	}
	const message = `pg_dump could not dump the database: ${said}`;
	if (isDenied(said))
		return new BackupError('ACCESS_DENIED', message, { hint: grantHint(said, locked?.split(', ')), cause });
	if (/row-level security/i.test(said)) return new BackupError('ACCESS_DENIED', message, { hint: HIDDEN_ROWS, cause });
	if (/^(?:no matching|improper (?:qualified|relation) name|cross-database)/.test(said))
		return new BackupError('INVALID_INPUT', message, { hint: PATTERN, cause });
	return new BackupError('SOURCE_FAILED', message, { hint: 'The message above is pg_dump’s own.', cause });
}
