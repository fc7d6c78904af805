/** Which failures end a run of retention, and which are noted while it goes on with everything else. */
import { BackupError } from '../errors';

/** A key, or `unfinished writes`, and why it is as it was. */
export interface Stuck {
	what: string;
	error: BackupError;
}

/** Whatever comes next would fail as well, or must not happen. */
const ENDING: ReadonlySet<string> = new Set(['CANCELLED', 'STORAGE_LOCKED', 'STORAGE_UNREACHABLE']);

/** True for a failure of one step, after which the others go on; every other error ends the whole run. */
export function holdsUpOne(error: unknown): error is BackupError {
	return error instanceof BackupError && !ENDING.has(error.code);
}

/** Takes a step that may fail without harm, and notes the failure. @throws what ends the whole run */
export async function attempt(stuck: Stuck[], what: string, action: () => Promise<void>): Promise<void> {
	try {
		await action();
	} catch (error) {
		if (!holdsUpOne(error)) throw error;
		stuck.push({ what, error });
	}
}
