import { type DecryptionKeys, listManifests, type Manifest, neededBy, openArchive } from '../archive';
import { BackupError, listed } from '../errors';
import type { Storage } from '../storage';
import { findingOf } from './record';
import type { Finding } from './types';

export interface NeededContext {
	/** Where the backup lies, and the archives that it needs; undefined for one that came by itself. */
	storage: Storage | undefined;
	keys: DecryptionKeys | undefined;
	signal: AbortSignal | undefined;
	found: (finding: Omit<Finding, 'level'>) => void;
}

/**
 * Compares the stored bytes of all archives that a backup needs with their size and SHA-256: where one of them is missing or
 * damaged, the backup is not good. Reads the manifests of the storage once, and each needed archive once.
 * @throws BackupError CANCELLED, and what listing the storage throws
 */
export async function verifyNeeded(manifest: Manifest, context: NeededContext): Promise<void> {
	const { needs = [] } = manifest;
	if (needs.length === 0) return;
	const { storage, keys, signal, found } = context;
	if (!storage) {
		found({
			severity: 'inconclusive',
			message: `The backup needs ${needs.length} other archives, which did not come with it.`,
			hint: 'Verify it in the storage that holds all of them.',
		});
		return;
	}
	const { backups } = await listManifests(storage, '', { checkpoints: true }, signal, keys);
	const needed = neededBy(manifest, backups);
	const missing = needed.filter(({ entry }) => entry?.foundSize === undefined);
	if (missing.length > 0) {
		const which = listed(missing.map(({ id, entry }) => entry?.key ?? `the one with the id ${id}`));
		found({
			severity: 'error',
			message: `The backup cannot be restored: archives that it needs are missing: ${which}.`,
			hint: 'Bring them back from a copy of the storage, or rely on another backup.',
			code: 'ARCHIVE_INCOMPLETE',
		});
	}
	for (const { entry } of needed) {
		if (entry?.foundSize === undefined) continue;
		try {
			const reader = await openArchive(storage, entry.manifestKey, keys);
			await reader.verifyStored(signal);
		} catch (error) {
			if (signal?.aborted || (error instanceof BackupError && error.code === 'CANCELLED')) throw error;
			const finding = findingOf(error);
			found({ ...finding, part: entry.key, message: `The backup needs ${entry.key}. ${finding.message}` });
		}
	}
}
