import type { Storage } from '../storage/storage';
import { BackupError } from '../errors';

/** What retention itself keeps in a storage: its lock, its catalogue, its list of deletions. */
export const HOUSEKEEPING = '.stack-backup/';

/** Reads a small object whole; undefined where there is none. @throws what the storage throws */
export async function readSmall(storage: Storage, key: string, signal?: AbortSignal): Promise<string | undefined> {
	const chunks: Uint8Array[] = [];
	try {
		for await (const chunk of await storage.read(key, signal ? { signal } : {})) chunks.push(chunk as Uint8Array);
	} catch (error) {
		if (error instanceof BackupError && error.code === 'STORAGE_MISSING') return undefined;
		throw error;
	}
	return Buffer.concat(chunks).toString('utf8');
}

/** The JSON of a text; undefined where it is none. */
export function parseJson(text: string | undefined): unknown {
	try {
		return text === undefined ? undefined : JSON.parse(text);
	} catch {
		return undefined;
	}
}
