import { BackupError } from '../errors';
import type { Stuck } from './report';

const ENDING: ReadonlySet<string> = new Set(['CANCELLED', 'STORAGE_LOCKED', 'STORAGE_UNREACHABLE']);

/** True for a failure that holds up only what it befell; every other one ends the whole run. */
export function holdsUpOne(error: unknown): error is BackupError {
	return error instanceof BackupError && !ENDING.has(error.code);
}

/** Does something that may fail without harm, and notes where it did. @throws what ends the whole run */
export async function attempt(stuck: Stuck[], what: string, action: () => Promise<void>): Promise<void> {
	try {
		await action();
	} catch (error) {
		if (!holdsUpOne(error)) throw error;
		stuck.push({ what, error });
	}
}
