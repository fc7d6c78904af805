/** Small objects that are texts: what runs note in a storage for themselves and for those after them. */
import { BackupError } from '../errors';
import type { Storage } from '../storage/storage';
import { readSmallObject, TooLarge } from './small-object';

/**
 * The text of a small object; undefined where there is none.
 * @param limit in bytes, of LIMITS
 * @throws BackupError STORAGE_FAILED for one that is larger than anything that is written there, and what the storage throws
 */
export async function readSmall(
	storage: Pick<Storage, 'read'>,
	key: string,
	limit: number,
	signal?: AbortSignal,
): Promise<string | undefined> {
	try {
		return (await readSmallObject(storage, key, limit, signal))?.toString('utf8');
	} catch (error) {
		if (!(error instanceof TooLarge)) throw error;
		throw new BackupError('STORAGE_FAILED', `The object ${key} is larger than anything that belongs there.`, {
			hint: 'Something else was written there. Look at it, and remove it.',
		});
	}
}

/** The JSON of a text; undefined where it is none. */
export function parseJson(text: string | undefined): unknown {
	try {
		return text === undefined ? undefined : JSON.parse(text);
	} catch {
		return undefined;
	}
}
