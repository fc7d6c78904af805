/** The private folders that test restores, and whoever needs a file for a while, make, fill and remove again. */
import type { BigIntStats } from 'node:fs';
import { lstat, mkdir, readdir, rm, utimes } from 'node:fs/promises';
import path from 'node:path';

import { BackupError, messageOf } from '../errors';
import { ABANDONED_AFTER_MS, abandoned, scratchName } from './scratchName';

/** How often a folder in use shows that it is, in milliseconds: no other run may take it for one that a killed run has left. */
const RENEWED_EVERY_MS = 10 * 60 * 1000;

/**
 * Lets `use` fill a new folder below one, and removes it whatever happens. Before that, folders that killed runs have left there are removed.
 * @param warn called for each of those that could not be removed
 * @throws BackupError TARGET_FAILED, and what `use` throws
 */
export async function withScratchFolder<T>(
	folder: string,
	use: (root: string) => Promise<T>,
	warn: (message: string) => void,
): Promise<T> {
	const root = path.join(folder, scratchName(new Date()));
	try {
		await clearAbandoned(folder, warn);
		await mkdir(root, { mode: 0o700 });
	} catch (error) {
		throw unusable(folder, error);
	}
	const renewal = setInterval(() => void renew(root), RENEWED_EVERY_MS);
	try {
		return await use(root);
	} finally {
		clearInterval(renewal);
		await rm(root, { recursive: true, force: true });
	}
}

async function renew(root: string): Promise<void> {
	const now = new Date();
	await utimes(root, now, now).catch(() => {});
}

/** Removes folders that have the name of one for a test restore of more than a day ago, and were not renewed for a day. */
async function clearAbandoned(folder: string, warn: (message: string) => void): Promise<void> {
	const now = new Date();
	for (const name of abandoned(await readdir(folder).catch(() => []), now)) {
		const root = path.join(folder, name);
		try {
			const stat = await lstat(root, { bigint: true });
			if (stat.isDirectory() && isOurs(stat) && isOld(stat, now)) await rm(root, { recursive: true, force: true });
		} catch (error) {
			// Another run has removed it.
			if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
			warn(`The folder ${root} of an earlier test restore could not be removed: ${messageOf(error)}`);
		}
	}
}

/** The folder may be one that everybody writes to. */
function isOurs({ uid }: BigIntStats): boolean {
	const own = process.getuid?.();
	return own === undefined || uid === BigInt(own);
}

function isOld({ ctimeNs }: BigIntStats, now: Date): boolean {
	return now.getTime() - Number(ctimeNs / 1_000_000n) > ABANDONED_AFTER_MS;
}

function unusable(folder: string, cause: unknown): BackupError {
	const message = `Nothing can be restored into ${folder} for a test: ${messageOf(cause)}`;
	return new BackupError('TARGET_FAILED', message, {
		cause,
		hint: 'Choose a folder that exists and that n8n may write to.',
	});
}
