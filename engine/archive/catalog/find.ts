import { BackupError } from '../../errors';
import type { Storage } from '../../storage/storage';
import type { ManifestTrust } from '../authenticity';
import { MANIFEST_SUFFIX, type BackupKind } from '../manifest';
import { readManifest } from '../manifest-file';
import { manifestKeyOf } from '../naming';
import { NewerManifest } from '../newer-manifest';
import type { BackupEntry, ListedBackup } from './entry';
import { latestIn } from './latest';
import { listWith, newestFirst } from './list';
import { scanBackups } from './scan';

/** `file` is the key of an archive or of its manifest; `latest` is what was backed up, as it is called there. */
export type BackupReference = { id: string } | { file: string } | { latest: string; kind?: BackupKind };

interface Where {
	prefix: string;
	signal: AbortSignal | undefined;
	trust: ManifestTrust;
}

/**
 * Finds one backup. `latest` goes by the manifests, not by the pointer, which may be stale: the newest whole backup, or
 * the newest of all where none is whole; the entry's `remark` says so. It refuses to fall back to an older backup behind
 * a damaged manifest of a newer one. The catalogue only says where to look: the manifest itself is read, and where it is
 * not what the catalogue said, all manifests are.
 * @param prefix Where to look for an id or the latest: `postgres/`.
 * @throws BackupError STORAGE_MISSING (no such backup), MANIFEST_INVALID, what assertAuthentic throws, and what the storage
 * throws.
 */
export async function findBackup(
	storage: Storage,
	reference: BackupReference,
	prefix = '',
	signal?: AbortSignal,
	trust: ManifestTrust = {},
): Promise<BackupEntry> {
	const where = { prefix, signal, trust };
	if ('file' in reference) return await findByFile(storage, reference.file, where);
	for (const isAnew of [false, true]) {
		const chosen =
			'latest' in reference
				? await latestOf(storage, reference, where, isAnew)
				: await withId(storage, reference.id, where, isAnew);
		const found = await opened(storage, chosen, where);
		if (found) return found;
	}
	return missing(storage, 'that stays as it was read: others are changing it');
}

async function latestOf(
	storage: Storage,
	{ latest: name, kind }: { latest: string; kind?: BackupKind },
	where: Where,
	isAnew: boolean,
): Promise<ListedBackup> {
	const list = await listWith(storage, { name, ...(kind ? { kind } : {}) }, { ...where, isAnew });
	return latestIn(list, name) ?? missing(storage, `of ${name}`);
}

/** One that is not to be believed is found all the same, to be refused for what it is. */
async function withId(storage: Storage, id: string, { prefix, signal }: Where, isAnew: boolean): Promise<ListedBackup> {
	const found: ListedBackup[] = [];
	const { damaged } = await scanBackups<never>(storage, {
		prefix,
		signal,
		isAnew,
		keep: (backup) => {
			if (backup.manifest.id === id) found.push(backup);
			return undefined;
		},
	});
	const newer = damaged.find(({ error }) => error instanceof NewerManifest && error.id === id);
	if (newer) throw newer.error;
	return found.sort(newestFirst)[0] ?? missing(storage, `with the id ${id}`);
}

/** The backup with its manifest, read now; undefined where that is gone, or is not the one that was listed. */
async function opened(
	storage: Storage,
	{ hasRecord: _hasRecord, ...listed }: ListedBackup,
	{ signal, trust }: Where,
): Promise<BackupEntry | undefined> {
	try {
		const { manifest } = await readManifest(storage, listed.manifestKey, signal, trust);
		const { id, startedAt, partial } = listed.manifest;
		const isSame = manifest.id === id && manifest.startedAt === startedAt && !manifest.partial === !partial;
		return isSame ? { ...listed, manifest } : undefined;
	} catch (error) {
		if (error instanceof BackupError && error.code === 'STORAGE_MISSING') return undefined;
		throw error;
	}
}

async function findByFile(storage: Storage, file: string, { signal, trust }: Where): Promise<BackupEntry> {
	const manifestKey = file.endsWith(MANIFEST_SUFFIX) ? file : manifestKeyOf(file);
	const key = manifestKey.slice(0, -MANIFEST_SUFFIX.length);
	if (!(await storage.stat(manifestKey))) missing(storage, `named ${key}`);
	const { manifest, folder } = await readManifest(storage, manifestKey, signal, trust);
	return { manifest, manifestKey, folder, key, foundSize: (await storage.stat(key))?.size };
}

/** @throws BackupError STORAGE_MISSING */
function missing(storage: Storage, which: string): never {
	throw new BackupError('STORAGE_MISSING', `There is no backup ${which} in ${storage.description}.`, {
		hint: 'List the backups to see what the storage holds. An archive whose manifest is missing is not a backup.',
	});
}
