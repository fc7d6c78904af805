/**
 * Backups that use the content of other archives: increments of files and objects, whose manifests name all of those in
 * `needs`. Every backup names them itself, so nobody has to follow a chain, and manifests that name each other do no harm.
 */
import { BackupError, listed } from '../../errors';
import type { Manifest } from './manifest';
import { PACKAGE } from './tool';

/** What is known of an archive in a storage. */
export interface StoredBackup {
	manifest: Pick<Manifest, 'id' | 'size'>;
	key: string;
	/** Bytes that the storage lists for the archive; undefined where the archive is gone. */
	foundSize: number | undefined;
}

/** An archive that a backup needs. */
export interface NeededArchive<T extends StoredBackup> {
	id: string;
	/** Undefined where the storage has no backup with this id. A weekly copy will do for its original. */
	entry: T | undefined;
	/** Whether it is there, with the size that its manifest states. */
	isThere: boolean;
}

/** The archives that a backup needs, in the order of its manifest. @param all what the storage holds */
export function neededBy<T extends StoredBackup>(
	{ needs = [] }: Pick<Manifest, 'needs'>,
	all: readonly T[],
): NeededArchive<T>[] {
	if (needs.length === 0) return [];
	const needed = new Map(needs.map((id): [string, NeededArchive<T>] => [id, { id, entry: undefined, isThere: false }]));
	for (const entry of all) {
		const found = needed.get(entry.manifest.id);
		if (!found || found.isThere) continue;
		found.entry = entry;
		found.isThere = entry.foundSize === entry.manifest.size.stored;
	}
	return [...needed.values()];
}

/**
 * Refuses a backup that cannot be restored because archives that it needs are not there.
 * @param all what the storage holds of what it needs, in whatever folder
 * @throws BackupError ARCHIVE_INCOMPLETE
 */
export function assertNeededThere<T extends StoredBackup>(
	{ key, manifest }: { key: string; manifest: Pick<Manifest, 'needs'> },
	all: readonly T[],
): void {
	const lacking = neededBy(manifest, all).filter(({ isThere }) => !isThere);
	if (lacking.length === 0) return;
	const which = listed(lacking.map(({ id, entry }) => entry?.key ?? `the one with the id ${id}`));
	throw new BackupError(
		'ARCHIVE_INCOMPLETE',
		`The backup ${key} cannot be restored: it needs other archives, and these are missing or have another size than was stored: ${which}.`,
		{ hint: 'Bring them back from a copy of the storage, or choose a backup that was made before.' },
	);
}

/**
 * Refuses a backup that uses the content of other archives, for a restore that reads its archive alone: it would bring back
 * a part, and call it all.
 * @throws BackupError MANIFEST_NEWER
 */
export function assertSelfContained({ file, needs = [] }: Pick<Manifest, 'file' | 'needs'>): void {
	if (needs.length === 0) return;
	throw new BackupError(
		'MANIFEST_NEWER',
		`The backup ${file} uses the content of ${needs.length} other archives, which this version of ${PACKAGE} cannot put together; nothing was changed.`,
		{ hint: `Update the ${PACKAGE} package, or choose another backup.` },
	);
}
