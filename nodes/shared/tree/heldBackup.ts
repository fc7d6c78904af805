import type { IExecuteFunctions } from 'n8n-workflow';

import { type ArchiveReader, BackupError, openArchive } from '../../../engine';
import { type ArchivePlace, type WantedBackup, withArchive } from '../archiveSource';

/** A backup that is open, and where it lies. */
export interface HeldBackup {
	reader: ArchiveReader;
	place: ArchivePlace;
}

/** Runs `use` with the backup of a set that the fields of descriptions/held.ts name. @throws BackupError as withArchive does, MANIFEST_INVALID where there is none */
export async function withHeldBackup<T>(
	context: IExecuteFunctions,
	item: number,
	wanted: WantedBackup,
	use: (held: HeldBackup) => Promise<T>,
): Promise<T> {
	return await withArchive(context, item, wanted, async (place) => {
		const { storage, key, folder, manifest, keys } = place;
		if (!manifest) {
			throw new BackupError('MANIFEST_INVALID', `There is no manifest for ${key}.`, {
				hint: 'Give the manifest that Back Up put out beside it. Without one, any tar program opens the archive.',
			});
		}
		return await use({ reader: await openArchive(storage, { manifest, folder }, keys), place });
	});
}
