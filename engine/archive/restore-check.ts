/**
 * What a restore is going to ask for, asked before: each check is the very one that the restore makes. A restore ends at the first
 * that refuses; here the reason is noted, and the next one is asked all the same, so that people learn everything at once.
 */
import { BackupError } from '../errors';
import type { ArchiveReader } from './read/reader';

/** Archives up to this size are read to their end and compared with their hash: that takes seconds, not minutes. */
const READ_WHOLE_BYTES = 64 * 1024 * 1024;

/** How well an archive was looked at: `content` was compared with its hash, `size` with what was stored. */
export type ArchiveProof = 'content' | 'size';

export class RestoreCheck {
	/** Why the restore would be refused, or could not succeed. Each was said of a restore: nothing was changed. */
	readonly problems: BackupError[] = [];

	/**
	 * @returns what the check answers; undefined where it refuses
	 * @throws BackupError CANCELLED, and whatever is no BackupError
	 */
	async ask<T>(check: () => Promise<T> | T): Promise<T | undefined> {
		try {
			return await check();
		} catch (error) {
			if (!(error instanceof BackupError) || error.code === 'CANCELLED') throw error;
			const isKnown = this.problems.some(({ message }) => message === error.message);
			if (!isKnown) this.problems.push(error);
			return undefined;
		}
	}
}

/**
 * Whether an archive is there, as large as it was stored, opens with the keys, and, up to 64 MiB, is what was stored, to the byte.
 * @throws BackupError STORAGE_MISSING, ARCHIVE_CORRUPT, KEY_MISSING, KEY_WRONG, CANCELLED, and what the storage throws
 */
export async function proveArchive(reader: ArchiveReader, signal?: AbortSignal): Promise<ArchiveProof> {
	await reader.assertStoredSize(signal);
	await reader.assertOpens(signal);
	if (reader.manifest.size.stored > READ_WHOLE_BYTES) return 'size';
	await reader.verifyStored(signal);
	return 'content';
}
