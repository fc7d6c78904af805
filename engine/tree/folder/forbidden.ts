/** Paths that are not to be read or written whatever a user asks for, because the program that runs this says so. */
import path from 'node:path';

import { BackupError } from '../../errors';
import { shownName } from '../name';

export interface ForbiddenPaths {
	/** @param file absolute */
	has(file: string): boolean;
	/** Who keeps them, and how to change that, as a sentence: `n8n keeps nodes away from them: ...`. */
	because: string;
}

export function isForbidden(forbidden: ForbiddenPaths | undefined, root: string, name: string): boolean {
	return forbidden?.has(path.join(root, name.replace(/\/$/, ''))) ?? false;
}

/** @throws BackupError ACCESS_DENIED */
export function assertNotForbidden(forbidden: ForbiddenPaths | undefined, root: string, name: string): void {
	if (!forbidden || !isForbidden(forbidden, root, name)) return;
	const message = `${shownName(name)} must not be written in ${root}; nothing was changed.`;
	throw new BackupError('ACCESS_DENIED', message, {
		hint: `${forbidden.because} Restore into another folder, or leave it out by a pattern.`,
	});
}
