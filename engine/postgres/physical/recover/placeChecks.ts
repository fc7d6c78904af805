/** What must be true of a place that a data directory is recovered into, whether it is a folder or a tar. */
import { realpath } from 'node:fs/promises';
import path from 'node:path';

import { BackupError } from '../../../errors';
import { freeBytesAt, lstatOrNothing } from '../../../storage/folder-paths';
import { noRoom } from '../../../tree/folder';
import { VERSION_FILE } from './workFolder';

/** @throws BackupError INVALID_INPUT */
export function assertAbsolute(place: string): void {
	if (path.isAbsolute(place)) return;
	throw new BackupError('INVALID_INPUT', `${JSON.stringify(place)} is not an absolute path.`, {
		hint: 'Give the whole path, from the root.',
	});
}

/** A server, or its next backup, would stumble over what is put into its data directory. @throws BackupError INVALID_INPUT */
export async function assertOutsideOfData(place: string): Promise<void> {
	for (let above = await real(path.dirname(place)); ; above = path.dirname(above)) {
		if (await lstatOrNothing(path.join(above, VERSION_FILE))) {
			throw new BackupError('INVALID_INPUT', `${place} lies in the data directory of a server, ${above}.`, {
				hint: 'Choose a folder outside of it. Nothing was changed.',
			});
		}
		if (above === path.dirname(above)) return;
	}
}

/** @throws BackupError TARGET_FAILED */
export async function assertRoom(folder: string, bytes: number): Promise<void> {
	const free = await freeBytesAt(folder);
	if (bytes > free) throw noRoom(folder, bytes, free);
}

/** The path without links, as far as it is there. */
async function real(folder: string): Promise<string> {
	try {
		return await realpath(folder);
	} catch {
		const above = path.dirname(folder);
		return above === folder ? folder : path.join(await real(above), path.basename(folder));
	}
}
