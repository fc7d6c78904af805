import type { IExecuteFunctions } from 'n8n-workflow';

import { type ArchiveReader, BackupError, openArchive } from '../../engine';
import { type ArchivePlace, withArchive } from '../shared/archiveSource';

import { OWN_KINDS } from './backupContent';

/** A backup that is open, and where it lies. */
export interface HeldBackup {
	reader: ArchiveReader;
	place: ArchivePlace;
}

/** Runs `use` with the backup that the fields of descriptions/held.ts name. */
export async function withHeldBackup<T>(
	context: IExecuteFunctions,
	item: number,
	folder: string,
	use: (held: HeldBackup) => Promise<T>,
): Promise<T> {
	const wanted = { kinds: OWN_KINDS, folder, hint: 'Choose a backup that Files Archive has made.' };
	return await withArchive(context, item, wanted, async (place) => {
		const { storage, key, manifest, keys } = place;
		if (!manifest) {
			throw new BackupError('MANIFEST_INVALID', `There is no manifest for ${key}.`, {
				hint: 'Give the manifest that Back Up put out beside it. Without one, any tar program opens the archive.',
			});
		}
		const reader = await openArchive(storage, { manifest, folder: place.folder }, keys);
		return await use({ reader, place });
	});
}
