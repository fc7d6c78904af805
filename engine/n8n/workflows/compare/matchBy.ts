import { BackupError } from '../../../errors';

/** By what things of the two sides belong together. Between two n8n, ids differ. */
export type MatchBy = 'id' | 'name';

/** Another one would match by name without a word. @throws BackupError INVALID_INPUT */
export function assertMatchBy(matchBy: string): void {
	if (matchBy === 'id' || matchBy === 'name') return;
	throw new BackupError('INVALID_INPUT', `"${String(matchBy).slice(0, 40)}" is nothing to match workflows by.`, {
		hint: 'Match by id or name.',
	});
}
