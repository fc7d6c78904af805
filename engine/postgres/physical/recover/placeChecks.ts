/** What must be true of a place that a data directory is recovered into, whether it is a folder or a tar. */
import path from 'node:path';

import { BackupError } from '../../../errors';
import { freeBytesAt, lstatOrNothing, realPathOf } from '../../../storage/folder-paths';
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
	for (let above = await realPathOf(path.dirname(place)); ; above = path.dirname(above)) {
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
