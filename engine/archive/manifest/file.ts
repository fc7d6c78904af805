import { BackupError } from '../../errors';
import type { Storage } from '../../storage/storage';
import { assertAuthentic, DerivationBudget, type ManifestTrust } from './authenticity';
import { MANIFEST_SUFFIX, type Manifest } from './manifest';
import { parseManifest } from './text';
import { folderOf } from '../naming';
import { ByteBudget, LIMITS, readSmallObject, TooLarge } from '../small-object';

/** Parsed, a manifest takes several times its bytes: of those that are read side by side, so many bytes at once. */
const IN_FLIGHT = LIMITS.manifest;
/** What the storage's reader of small objects takes at most, and what is read where nobody knows the size. */
const SMALL_BYTES = 1024 * 1024;

export interface ReadManifest {
	manifest: Manifest;
	/** `postgres`; empty for the root. */
	folder: string;
}

/**
 * Reads and validates the manifest under a key.
 * @throws BackupError STORAGE_MISSING, MANIFEST_INVALID (also for one that belongs to a file of another name), what
 * assertAuthentic throws, and what the storage throws.
 */
export async function readManifest(
	storage: Storage,
	key: string,
	signal?: AbortSignal,
	trust: ManifestTrust = {},
): Promise<ReadManifest> {
	return await believed(manifestIn(await readText(storage, key, signal), key), key, trust);
}

/** Reads one of the manifests of a run. `size` as it was listed. */
export type ManifestReader = (key: string, size: number, signal?: AbortSignal) => Promise<ReadManifest>;

/**
 * Like `readManifest`, for the many manifests that one run reads: quicker where the storage has a way for small objects, and
 * with a limit for all that are read side by side.
 */
export function manifestReader(storage: Storage, trust: ManifestTrust = {}): ManifestReader {
	const readSmall = storage.smallReader?.();
	const room = new ByteBudget(IN_FLIGHT);
	const keys = new DerivationBudget();
	return async (key, size, signal) => {
		// It may have been replaced since it was listed, which readText and the small reader notice.
		const found = await room.hold(Math.max(size, 1), async () => {
			const content = size <= SMALL_BYTES ? await readSmall?.(key, signal) : undefined;
			return manifestIn(content?.toString('utf8') ?? (await readText(storage, key, signal)), key);
		});
		return await believed(found, key, trust, keys);
	};
}

async function believed(
	found: ReadManifest,
	key: string,
	trust: ManifestTrust,
	keys?: DerivationBudget,
): Promise<ReadManifest> {
	await assertAuthentic(found.manifest, { where: key, folder: found.folder }, trust, keys);
	return found;
}

function manifestIn(text: string, key: string): ReadManifest {
	const manifest = parseManifest(text, key);
	if (key.slice(key.lastIndexOf('/') + 1) !== `${manifest.file}${MANIFEST_SUFFIX}`) {
		throw new BackupError(
			'MANIFEST_INVALID',
			`The manifest ${key} belongs to a file of another name: ${manifest.file}.`,
			{
				hint: 'It was renamed or copied. Give the archive and its manifest the names they were made with.',
			},
		);
	}
	return { manifest, folder: folderOf(key) };
}

async function readText(storage: Storage, key: string, signal: AbortSignal | undefined): Promise<string> {
	const content = await manifestBytes(storage, key, signal);
	if (content) return content.toString('utf8');
	throw new BackupError('STORAGE_MISSING', `There is no manifest ${key} in ${storage.description}.`, {
		hint: 'It was removed meanwhile. List the backups to see what the storage holds.',
	});
}

/** The bytes of a manifest; undefined where there is none. @throws BackupError MANIFEST_INVALID for one that is too large */
export async function manifestBytes(storage: Storage, key: string, signal?: AbortSignal): Promise<Buffer | undefined> {
	try {
		return await readSmallObject(storage, key, LIMITS.manifest, signal);
	} catch (error) {
		if (!(error instanceof TooLarge)) throw error;
		const megabytes = LIMITS.manifest / 1024 / 1024;
		throw new BackupError('MANIFEST_INVALID', `The manifest ${key} is too large to be one: over ${megabytes} MiB.`, {
			hint: 'Something else was written there. Choose another backup.',
		});
	}
}
