import { BackupError } from '../errors';
import type { Storage, StoredObject } from '../storage/storage';
import { assertAuthentic, type ManifestTrust } from './authenticity';
import { latestIn } from './latest';
import { MANIFEST_SUFFIX, type BackupKind, type Manifest } from './manifest';
import { manifestReader, readManifest, type ManifestReader } from './manifest-file';
import { isFileOf, manifestKeyOf, weekOfFolder } from './naming';

const READERS = 16;
/** Sorting more seldom than this would save nothing. */
const SOME = 1000;

export interface BackupEntry {
	manifest: Manifest;
	manifestKey: string;
	/** Folder of the manifest and the archive: `postgres`. */
	folder: string;
	/** Key of the archive. */
	key: string;
	/** Bytes that the storage lists for the archive; undefined where the archive is gone. */
	foundSize: number | undefined;
	/** What whoever asked for the latest has to know: that newer ones were passed over, or that this one is partial. */
	remark?: string;
}

export interface DamagedManifest {
	manifestKey: string;
	modifiedAt: Date;
	error: BackupError;
}

export interface ManifestFilter {
	/** One, or any of several. */
	kind?: BackupKind | readonly BackupKind[];
	/** The database, collection or bucket, as it is called there. */
	name?: string;
	/** Only the newest so many, so that a storage may hold more backups than memory manifests. Damaged ones do not count. */
	limit?: number;
}

export interface ManifestList {
	/** Newest first, by the time at which the backup began. */
	backups: BackupEntry[];
	/** Manifests that cannot be read; their kind is not known, so a filter by kind leaves them in. */
	damaged: DamagedManifest[];
}

/**
 * Every backup under a prefix (`postgres/`, or the empty string for all). An archive without a manifest is none. A
 * manifest that cannot be read, or is not to be believed, does not hide the others.
 * @throws BackupError STORAGE_UNREACHABLE, CANCELLED, and what listing throws.
 */
export async function listManifests(
	storage: Storage,
	prefix: string,
	filter: ManifestFilter = {},
	signal?: AbortSignal,
	trust: ManifestTrust = {},
): Promise<ManifestList> {
	const sizes = new Map<string, number>();
	const manifests: StoredObject[] = [];
	for await (const object of storage.list(prefix)) {
		if (signal?.aborted) throw new BackupError('CANCELLED', 'The listing was cancelled.');
		if (!object.key.endsWith(MANIFEST_SUFFIX)) sizes.set(object.key, object.size);
		else if (filter.name === undefined || isFileOf(filter.name, baseName(object.key))) manifests.push(object);
	}
	const { kind, limit = Infinity } = filter;
	const kinds = typeof kind === 'string' ? [kind] : kind;
	const read = manifestReader(storage, trust);
	const list: ManifestList = { backups: [], damaged: [] };
	await Promise.all(
		Array.from({ length: READERS }, async () => {
			for (let object = manifests.pop(); object; object = manifests.pop()) {
				const entry = await entryOf(object, list.damaged, sizes, (key, size) => read(key, size, signal));
				if (entry && (!kinds || kinds.includes(entry.manifest.kind))) list.backups.push(entry);
				if (list.backups.length >= 2 * Math.max(limit, SOME)) keepNewest(list, limit);
			}
		}),
	);
	keepNewest(list, limit);
	list.damaged.sort((a, b) => compare(b.manifestKey, a.manifestKey));
	return list;
}

function keepNewest({ backups }: ManifestList, limit: number): void {
	backups.sort(newestFirst).splice(limit);
}

/** Undefined where it cannot be read, or is no longer there. */
async function entryOf(
	{ key: manifestKey, size, modifiedAt }: StoredObject,
	damaged: DamagedManifest[],
	sizes: Map<string, number>,
	read: ManifestReader,
): Promise<BackupEntry | undefined> {
	const key = manifestKey.slice(0, -MANIFEST_SUFFIX.length);
	try {
		const { manifest, folder } = await read(manifestKey, size);
		return { manifest, manifestKey, folder, key, foundSize: sizes.get(key) };
	} catch (error) {
		if (!(error instanceof BackupError)) throw error;
		// Pruned since it was listed.
		if (error.code === 'STORAGE_MISSING') return undefined;
		if (error.code === 'CANCELLED' || error.code === 'STORAGE_UNREACHABLE') throw error;
		damaged.push({ manifestKey, modifiedAt, error });
		return undefined;
	}
}

function newestFirst(a: BackupEntry, b: BackupEntry): number {
	return (
		compare(b.manifest.startedAt, a.manifest.startedAt) ||
		compare(b.manifest.finishedAt, a.manifest.finishedAt) ||
		// A backup before its weekly copy: whoever looks for it by its id, or for the newest, means the backup.
		Number(isWeeklyCopy(a)) - Number(isWeeklyCopy(b)) ||
		compare(b.key, a.key)
	);
}

function isWeeklyCopy({ folder }: BackupEntry): boolean {
	return weekOfFolder(folder) !== undefined;
}

function compare(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0;
}

function baseName(key: string): string {
	return key.slice(key.lastIndexOf('/') + 1);
}

/** `file` is the key of an archive or of its manifest; `latest` is what was backed up, as it is called there. */
export type BackupReference = { id: string } | { file: string } | { latest: string; kind?: BackupKind };

/**
 * Finds one backup. `latest` goes by the manifests, not by the pointer, which may be stale: the newest whole backup, or
 * the newest of all where none is whole; the entry's `remark` says so. It refuses to fall back to an older backup behind
 * a damaged manifest of a newer one.
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
	if ('file' in reference) return await findByFile(storage, reference.file, signal, trust);
	if ('latest' in reference) {
		const { latest: name, kind } = reference;
		const list = await listManifests(storage, prefix, { name, ...(kind ? { kind } : {}) }, signal, trust);
		return latestIn(list, name) ?? missing(storage, `of ${name}`);
	}
	return await findById(storage, reference.id, { prefix, signal, trust });
}

interface Where {
	prefix: string;
	signal: AbortSignal | undefined;
	trust: ManifestTrust;
}

/** One that is not to be believed is found all the same, to be refused for what it is. */
async function findById(storage: Storage, id: string, { prefix, signal, trust }: Where): Promise<BackupEntry> {
	const { backups } = await listManifests(storage, prefix, {}, signal);
	const found = backups.find(({ manifest }) => manifest.id === id) ?? missing(storage, `with the id ${id}`);
	await assertAuthentic(found.manifest, { where: found.manifestKey, folder: found.folder }, trust);
	return found;
}

async function findByFile(
	storage: Storage,
	file: string,
	signal: AbortSignal | undefined,
	trust: ManifestTrust,
): Promise<BackupEntry> {
	const manifestKey = file.endsWith(MANIFEST_SUFFIX) ? file : manifestKeyOf(file);
	const key = manifestKey.slice(0, -MANIFEST_SUFFIX.length);
	if (!(await storage.stat(manifestKey))) missing(storage, `named ${key}`);
	const { manifest, folder } = await readManifest(storage, manifestKey, signal, trust);
	return { manifest, manifestKey, folder, key, foundSize: (await storage.stat(key))?.size };
}

/** @throws BackupError STORAGE_MISSING */
export function missing(storage: Storage, which: string): never {
	throw new BackupError('STORAGE_MISSING', `There is no backup ${which} in ${storage.description}.`, {
		hint: 'List the backups to see what the storage holds. An archive whose manifest is missing is not a backup.',
	});
}
