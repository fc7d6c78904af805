/**
 * Where the backups themselves lie in the server that is backed up. They are never backed up into themselves: each backup would
 * hold those before it, and so all of them would grow without an end.
 */
import { HOUSEKEEPING, MANIFEST_SUFFIX } from '../archive';
import { BackupError } from '../errors';
import { S3Storage } from '../storage';
import type { Storage } from '../storage/storage';
import type { S3Client } from './client';

/** The storage of the backups, where it is a bucket of the server. */
export interface OwnStorage {
	bucket: string;
	/** Empty for the whole bucket; otherwise it ends with a slash. */
	prefix: string;
}

/** Undefined where the backups lie elsewhere. A server may go by two addresses: then it shows what the storage holds. */
export async function ownStorageAt(
	client: S3Client,
	storage: Storage,
	signal: AbortSignal | undefined,
): Promise<OwnStorage | undefined> {
	if (!(storage instanceof S3Storage)) return undefined;
	const { endpoint, bucket, prefix } = storage.place;
	const isThere = endpoint === client.endpoint || (await shows(client, storage, signal));
	return isThere ? { bucket, prefix } : undefined;
}

/** Whether a server has an object of the storage, of the same time, which no copy has. A storage without archives grows by none yet. */
async function shows(client: S3Client, storage: S3Storage, signal: AbortSignal | undefined): Promise<boolean> {
	const { bucket, prefix } = storage.place;
	try {
		for await (const { key, size, modifiedAt, etag } of storage.list('', { without: HOUSEKEEPING })) {
			if (!key.endsWith(MANIFEST_SUFFIX)) continue;
			const found = await client.bucket(bucket).head(prefix + key, signal);
			const isOfSameTime = Math.abs((found?.modifiedAt ?? 0) - modifiedAt.getTime()) < 1000;
			return isOfSameTime && found?.size === size && (etag === undefined || found.etag === etag);
		}
	} catch (error) {
		// No such bucket, or not for these keys. What fails for another reason fails again where it matters.
		if (!(error instanceof BackupError) || error.code === 'CANCELLED') throw error;
	}
	return false;
}

/** @throws BackupError INVALID_INPUT where a bucket holds nothing but backups */
export function assertNotOwn(bucket: string, own: OwnStorage | undefined): void {
	if (own?.bucket !== bucket || own.prefix !== '') return;
	throw new BackupError('INVALID_INPUT', `The bucket ${bucket} is the storage of the backups.`, {
		hint: 'Choose what is to be backed up, not the backups themselves. To have them twice, copy the storage as a whole.',
	});
}
