import fs from 'node:fs/promises';
import path from 'node:path';

import { BackupError } from '../errors';
import { systemCode } from './folder-errors';
import type { StorageFeatures } from './features';

/** Numbers of file systems in statfs(2): OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC, RAMFS_MAGIC. */
const FLEETING: Record<number, NonNullable<StorageFeatures['isFleeting']>> = {
	0x794c7630: 'container',
	0x01021994: 'memory',
	0x858458f6: 'memory',
};

/** What shows before anything is written. @throws BackupError INVALID_INPUT; system errors as they are */
export async function featuresOf(root: string): Promise<Pick<StorageFeatures, 'existed' | 'isFleeting'>> {
	const existing = await nearest(root);
	if (!(await fs.stat(existing)).isDirectory()) {
		throw new BackupError('INVALID_INPUT', `${existing} is no folder.`, {
			hint: 'Give the path of a folder, or of one that is to be made, in Folder Path of the Backup Storage credential.',
		});
	}
	// Only Linux has these numbers.
	const { type } = await fs.statfs(existing);
	const isFleeting = process.platform === 'linux' ? FLEETING[type] : undefined;
	return { existed: existing === root, ...(isFleeting && { isFleeting }) };
}

async function nearest(folder: string): Promise<string> {
	for (let existing = folder; ; existing = path.dirname(existing)) {
		try {
			await fs.stat(existing);
			return existing;
		} catch (error) {
			if (systemCode(error) !== 'ENOENT' || existing === path.dirname(existing)) throw error;
		}
	}
}
