/** How what was written under a name of its own gets its real name. */
import * as fs from 'node:fs/promises';

import { BackupError } from '../../errors';
import { shownName } from '../name';
import { isErrno } from './walk';

/** What file systems say that know no hard links, or not so many: FAT, some network shares. */
const WITHOUT_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** Gives a file a name that nothing has: by a hard link, which never overwrites. @throws EEXIST where something has it */
export async function nameOnly(partial: Buffer, place: Buffer): Promise<void> {
	try {
		await fs.link(partial, place);
	} catch (error) {
		if (!isErrno(error) || !WITHOUT_LINKS.has(error.code ?? '')) throw error;
		// Such a file system cannot give a name only where it is free; so it is asked right before.
		if (await isThere(place)) throw Object.assign(new Error('it exists'), { code: 'EEXIST' });
		await fs.rename(partial, place);
		return;
	}
	await fs.unlink(partial);
}

/**
 * Gives a file a name that something may have, which goes; of folders only one that is empty.
 * @returns whether a folder had it
 * @throws BackupError TARGET_EXISTS for a folder that holds something
 */
export async function nameOver(partial: Buffer, place: Buffer, name: string): Promise<{ wasFolder: boolean }> {
	const found = await fs.lstat(place).catch(() => undefined);
	const wasFolder = found?.isDirectory() ?? false;
	if (wasFolder) {
		await fs.rmdir(place).catch((cause: unknown) => {
			throw new BackupError('TARGET_EXISTS', `A folder that is not empty stands where ${shownName(name)} has to be.`, {
				cause,
				hint: 'Move it away, or restore into an empty place.',
			});
		});
	}
	await fs.rename(partial, place);
	return { wasFolder };
}

async function isThere(place: Buffer): Promise<boolean> {
	try {
		await fs.lstat(place);
		return true;
	} catch (error) {
		if (isErrno(error) && error.code === 'ENOENT') return false;
		throw error;
	}
}
