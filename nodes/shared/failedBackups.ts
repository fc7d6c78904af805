import { BackupError, messageOf } from '../../engine';

export interface FailedBackup {
	/** What was to be backed up, as messages name it. */
	name: string;
	error: unknown;
}

/** The error for a run of so many backups of which some failed, once all have been tried. */
export function failedBackups(failures: FailedBackup[], total: number, toStorage: boolean): unknown {
	const [first] = failures;
	if (total === 1 || !first) return first?.error;
	const names = failures.map(({ name }) => name).join(', ');
	const each = failures.map(({ name, error }) => {
		const hint = error instanceof BackupError && error.hint ? ` ${error.hint}` : '';
		return `${name}: ${messageOf(error)}${hint}`;
	});
	const others = toStorage && failures.length < total ? ['The others are in the storage.'] : [];
	return new BackupError('SOURCE_FAILED', `${failures.length} of ${total} backups failed: ${names}.`, {
		hint: [...each, ...others].join('\n'),
		cause: first.error,
	});
}
