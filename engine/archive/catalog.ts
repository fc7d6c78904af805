import { BackupError } from '../errors';
import type { Storage, StoredObject } from '../storage/storage';
import { MANIFEST_SUFFIX, type BackupKind, type Manifest, type PartialBackup } from './manifest';
import { manifestReader, readManifest } from './manifest-file';
import { isFileOf, manifestKeyOf, WEEKLY_COPY } from './naming';

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
 * manifest that cannot be read does not hide the others.
 * @throws BackupError STORAGE_UNREACHABLE, CANCELLED, and what listing throws.
 */
export async function listManifests(
	storage: Storage,
	prefix: string,
	filter: ManifestFilter = {},
	signal?: AbortSignal,
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
	const read = manifestReader(storage);
	const list: ManifestList = { backups: [], damaged: [] };
	await Promise.all(
		Array.from({ length: READERS }, async () => {
			for (let object = manifests.pop(); object; object = manifests.pop()) {
				const entry = await entryOf(object, list.damaged, sizes, (key) => read(key, signal));
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
	{ key: manifestKey, modifiedAt }: StoredObject,
	damaged: DamagedManifest[],
	sizes: Map<string, number>,
	read: ReturnType<typeof manifestReader>,
): Promise<BackupEntry | undefined> {
	const key = manifestKey.slice(0, -MANIFEST_SUFFIX.length);
	try {
		const { manifest, folder } = await read(manifestKey);
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
		Number(WEEKLY_COPY.test(a.key)) - Number(WEEKLY_COPY.test(b.key)) ||
		compare(b.key, a.key)
	);
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
 * @throws BackupError STORAGE_MISSING (no such backup), MANIFEST_INVALID, and what the storage throws.
 */
export async function findBackup(
	storage: Storage,
	reference: BackupReference,
	prefix = '',
	signal?: AbortSignal,
): Promise<BackupEntry> {
	if ('file' in reference) return await findByFile(storage, reference.file, signal);
	if ('latest' in reference) return await findLatest(storage, reference, prefix, signal);
	const { backups } = await listManifests(storage, prefix, {}, signal);
	return (
		backups.find(({ manifest }) => manifest.id === reference.id) ?? missing(storage, `with the id ${reference.id}`)
	);
}

async function findByFile(storage: Storage, file: string, signal: AbortSignal | undefined): Promise<BackupEntry> {
	const manifestKey = file.endsWith(MANIFEST_SUFFIX) ? file : manifestKeyOf(file);
	const key = manifestKey.slice(0, -MANIFEST_SUFFIX.length);
	if (!(await storage.stat(manifestKey))) missing(storage, `named ${key}`);
	const { manifest, folder } = await readManifest(storage, manifestKey, signal);
	return { manifest, manifestKey, folder, key, foundSize: (await storage.stat(key))?.size };
}

async function findLatest(
	storage: Storage,
	{ latest, kind }: { latest: string; kind?: BackupKind },
	prefix: string,
	signal: AbortSignal | undefined,
): Promise<BackupEntry> {
	const { backups, damaged } = await listManifests(
		storage,
		prefix,
		{ name: latest, ...(kind ? { kind } : {}) },
		signal,
	);
	const [newest] = backups;
	const found = backups.find(({ manifest }) => !manifest.partial) ?? newest;
	const newer = damaged.find(({ modifiedAt }) => !found || modifiedAt > new Date(found.manifest.finishedAt));
	if (!newer) return found && newest ? remarked(found, newest) : missing(storage, `of ${latest}`);
	throw new BackupError('MANIFEST_INVALID', `The newest backup of ${latest} cannot be told: ${newer.error.message}`, {
		cause: newer.error,
		hint: found
			? `The newest one that can be read is ${found.key} (id ${found.manifest.id}); choose it by its id, or remove ${newer.manifestKey}.`
			: 'No other backup of it was found.',
	});
}

const CONTENT_WORDS = { all: [], schema: ['schema only'], data: ['data only'] };

/** `schema only, --table=public.users` */
function partialWords({ content, selection }: PartialBackup): string {
	return [...CONTENT_WORDS[content], ...selection].join(', ');
}

function remarked(found: BackupEntry, newest: BackupEntry): BackupEntry {
	const { partial, name } = newest.manifest;
	if (!partial) return found;
	const part = `holds only a part (${partialWords(partial)})`;
	const remark =
		found === newest
			? `No backup of ${name} is whole; the latest, ${newest.key}, ${part}.`
			: `The latest whole backup of ${name} is ${found.key}, begun at ${found.manifest.startedAt}; ${newest.key} is newer, but ${part}.`;
	return { ...found, remark };
}

function missing(storage: Storage, which: string): never {
	throw new BackupError('STORAGE_MISSING', `There is no backup ${which} in ${storage.description}.`, {
		hint: 'List the backups to see what the storage holds. An archive whose manifest is missing is not a backup.',
	});
}
