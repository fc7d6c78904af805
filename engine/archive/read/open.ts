import { BackupError } from '../../errors';
import type { Storage } from '../../storage/storage';
import { assertCodecAvailable } from '../codec';
import type { DecryptionKeys } from '../encryption/encryption';
import { layoutOf } from '../encryption/layout';
import { assertAuthentic } from '../manifest/authenticity';
import { readManifest } from '../manifest/file';
import type { Manifest } from '../manifest/manifest';
import { keyIn, manifestKeyOf } from '../naming';
import { ArchiveReader } from './reader';

/**
 * Opens an archive by the key of its manifest, or by a manifest that was read and the folder it lies in. Reads nothing
 * of the archive itself. A manifest that the keys tell to be forged is refused.
 * @param where The folder is undefined for a manifest that came by itself, and not out of the storage.
 * @throws BackupError STORAGE_MISSING, MANIFEST_INVALID, NOT_AUTHENTIC, KEY_WRONG, UNSUPPORTED_VERSION, and what the
 * storage throws.
 */
export async function openArchive(
	storage: Storage,
	where: string | { manifest: Manifest; folder: string | undefined },
	keys?: DecryptionKeys,
): Promise<ArchiveReader> {
	const { manifest, folder } = typeof where === 'string' ? await readManifest(storage, where) : where;
	const key = keyIn(folder ?? '', manifest.file);
	await assertAuthentic(manifest, { where: manifestKeyOf(key), folder }, keys ?? {});
	assertIndex(manifest, key);
	assertLayout(manifest, key);
	assertCodecAvailable(manifest.codec.name);
	return new ArchiveReader(storage, key, manifest, keys);
}

/** Parts must cover the compressed stream without gaps, or bytes could go missing unseen. Throws MANIFEST_INVALID. */
function assertIndex({ parts, size, encryption }: Manifest, key: string): void {
	let offset = 0;
	let raw = 0;
	for (const part of parts) {
		if (part.offset !== offset) break;
		offset += part.length;
		raw += part.rawLength;
	}
	const storedAsCompressed = encryption !== null || size.stored === size.compressed;
	if (offset === size.compressed && raw === size.raw && storedAsCompressed) return;
	throw doesNotAddUp(key, 'parts');
}

/** Pieces of the stated sizes must have room in the file. Throws MANIFEST_INVALID. */
function assertLayout(manifest: Manifest, key: string): void {
	const layout = layoutOf(manifest);
	if (layout && !layout.isPossible) throw doesNotAddUp(key, 'sizes');
}

function doesNotAddUp(key: string, what: string): BackupError {
	return new BackupError('MANIFEST_INVALID', `The manifest of ${key} is not valid: its ${what} do not add up.`, {
		hint: 'It was damaged or edited. Choose another backup; the archive itself may still open with stock tools.',
	});
}
