/** The archives that hold a backup's content: its own, and those that its manifest names. */
import { assertNeededThere, listManifests, openArchive, type ArchiveReader, type DecryptionKeys } from '../archive';
import type { Storage } from '../storage/storage';

/**
 * Opens all archives that a backup needs, by id, its own included.
 * @throws BackupError ARCHIVE_INCOMPLETE where one is missing; what openArchive and listing the storage throw
 */
export async function openNeeded(
	reader: ArchiveReader,
	where: { storage: Storage; keys: DecryptionKeys | undefined; signal?: AbortSignal | undefined },
): Promise<ReadonlyMap<string, ArchiveReader>> {
	const { id, needs = [] } = reader.manifest;
	const readers = new Map([[id, reader]]);
	if (needs.length === 0) return readers;
	const { storage, keys, signal } = where;
	const { backups } = await listManifests(storage, '', { checkpoints: true }, signal, keys);
	assertNeededThere(reader, backups);
	const wanted = new Set(needs);
	for (const { manifest, manifestKey, foundSize } of backups) {
		// A weekly copy will do for its original.
		if (!wanted.has(manifest.id) || readers.has(manifest.id) || foundSize !== manifest.size.stored) continue;
		readers.set(manifest.id, await openArchive(storage, manifestKey, keys));
	}
	return readers;
}
