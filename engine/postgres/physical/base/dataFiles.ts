import type { ByteCursor } from '../../../archive/cursor';
import { BackupError } from '../../../errors';
import type { TarMember } from '../../../tar';
import { nameOf, shownName } from '../../../tree';
import { STAGE_BYTES, staged } from '../checksum';
import { fileDigest, readBackupManifest } from '../backupManifest';
import { FileDigests } from './fileDigests';
import { PageCheck, type PageLayout } from './pageCheck';

/** The name of PostgreSQL's manifest in a data directory. */
export const BACKUP_MANIFEST = 'backup_manifest';

/** What base backups ask the server for. It is what pg_basebackup asks for, too: it costs the server next to nothing. */
const ALGORITHM = 'crc32c';

export interface DataFilesOptions extends PageLayout {
	/** Whether the cluster keeps checksums of its pages. */
	hasChecksums: boolean;
}

/**
 * What is checked of the files of a data directory while they stream by, when a backup is made and again when it is verified: each file's
 * size and CRC-32C for PostgreSQL's manifest, which comes last, and the checksums of its pages.
 */
export class DataFiles {
	files = 0;
	bytes = 0;
	/** Undefined where the cluster keeps no checksums. */
	readonly pages: PageCheck | undefined;
	readonly #digests = new FileDigests();

	constructor({ hasChecksums, ...layout }: DataFilesOptions) {
		this.pages = hasChecksums ? new PageCheck(layout) : undefined;
	}

	/**
	 * Takes the content of a file.
	 * @param path within the data directory
	 * @returns the content again, piece by piece, for whoever stores it
	 */
	async *file(path: Buffer, { end }: TarMember, cursor: ByteCursor): AsyncGenerator<Uint8Array, void, undefined> {
		const name = nameOf(path);
		const size = end - cursor.position;
		const digest = fileDigest(ALGORITHM);
		this.pages?.begin(name);
		for await (const piece of cursor.pass(size)) {
			for (let at = 0; at < piece.length; at += STAGE_BYTES) {
				const part = staged(piece.subarray(at, at + STAGE_BYTES));
				digest.update(part);
				this.pages?.take(part);
			}
			yield piece;
		}
		this.files++;
		this.bytes += size;
		// The manifest names no WAL, of which none comes.
		if (!name.startsWith('pg_wal/')) this.#digests.add({ path: name, size, checksum: digest.hex() });
	}

	/**
	 * Compares PostgreSQL's manifest with the files, which have all come before it.
	 * @returns what is wrong, as the end of a sentence; undefined for nothing
	 * @throws what the stream throws
	 */
	async compare(manifest: AsyncIterable<Uint8Array>): Promise<string | undefined> {
		try {
			for await (const { path, size, checksum } of readBackupManifest(manifest)) {
				this.#digests.name({ path, size, checksum: checksum?.algorithm === ALGORITHM ? checksum.hex : '' });
			}
		} catch (error) {
			if (!(error instanceof BackupError) || error.code !== 'ARCHIVE_CORRUPT') throw error;
			return `${BACKUP_MANIFEST} cannot be relied upon: ${error.message}`;
		}
		const { differences, differing } = this.#digests;
		if (differences === 0) return undefined;
		const which = differing.length > 0 ? differing.map(shownName).join(', ') : 'what came is not named there';
		return `${differences === 1 ? '1 file differs' : `${differences} files differ`} from ${BACKUP_MANIFEST}: ${which}`;
	}
}
