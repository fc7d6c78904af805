import type { Storage } from '../storage/storage';
import { S3Client, type S3Connection } from './client';
import { ownStorageAt } from './ownStorage';

/**
 * The buckets of a server that there is something to back up of: not the one that holds nothing but the backups themselves.
 * @throws BackupError ACCESS_DENIED where the keys may not list them, SOURCE_UNREACHABLE
 */
export async function listSourceBuckets(
	connection: S3Connection,
	storage: Storage,
	signal?: AbortSignal,
): Promise<string[]> {
	const client = new S3Client({ ...connection, runSignal: signal }, 'source');
	try {
		const own = await ownStorageAt(client, storage, signal);
		const names = (await client.buckets(signal)).map(({ name }) => name);
		return names.filter((name) => own?.bucket !== name || own.prefix !== '');
	} finally {
		client.close();
	}
}
