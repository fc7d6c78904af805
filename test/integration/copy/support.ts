import { onTestFinished } from 'vitest';

import { copyBackups, type CopyOptions, type CopyReport } from '../../../engine/copy';
import { S3Storage, type Storage } from '../../../engine/storage';
import { startS3rver } from '../../services/s3/s3rver';
import { writeBackup } from '../retention/support';
import { optionsFor } from '../storage/s3-under-test';

export { temporaryStorage } from '../archive/support';

/** Copies, without a word about who does. */
export async function copyAll(source: Storage, target: Storage, more: Partial<CopyOptions> = {}): Promise<CopyReport> {
	return await copyBackups({ source, target, owner: 'test', ...more });
}

/** `copied postgres/shop_…`: what became of each backup. */
export function outcomesOf({ rows }: CopyReport): Record<string, string> {
	return Object.fromEntries(rows.map(({ backup, outcome, why }) => [backup.key, why ? `${outcome}: ${why}` : outcome]));
}

/** Two buckets of one server, which copies between them by itself. */
export async function twoBuckets(): Promise<[S3Storage, S3Storage]> {
	const server = await startS3rver();
	const buckets = [await server.createBucket(), await server.createBucket()];
	const storages = buckets.map((bucket) => new S3Storage(optionsFor(server, bucket)));
	onTestFinished(async () => {
		for (const storage of storages) storage.close();
		await server.stop();
	});
	return storages as [S3Storage, S3Storage];
}

/** Backups of the last so many days, the oldest first. */
export async function daily(storage: Storage, days: number, more: Parameters<typeof writeBackup>[2] = {}) {
	const keys: string[] = [];
	for (let daysAgo = days - 1; daysAgo >= 0; daysAgo--) keys.push(await writeBackup(storage, daysAgo, more));
	return keys;
}
