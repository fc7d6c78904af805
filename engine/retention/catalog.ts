import { z } from 'zod';

import { BACKUP_KINDS, MANIFEST_SUFFIX, manifestKeyOf } from '../archive';
import { readManifest } from '../archive/manifest-file';
import { BackupError, messageOf, throwIfCancelled } from '../errors';
import type { Storage, StoredObject } from '../storage/storage';
import { entryOf, type RetentionEntry } from './entry';
import { HOUSEKEEPING, parseJson, readSmall } from './housekeeping';

/** All that retention knows of a storage. Manifests' indexes of parts are not held, so memory stays small. */
export interface RetentionCatalog {
	entries: RetentionEntry[];
	/** Manifests that cannot be read: never touched. */
	damaged: Array<{ manifestKey: string; message: string }>;
	/** Everything else that the storage lists, apart from retention's own. */
	others: Map<string, StoredObject>;
	/** Archives, by key, whose manifests an earlier run saw and that have none any more. */
	lost: Map<string, LostBackup>;
	/** How many manifests had to be read; the cache knew the others. */
	manifestsRead: number;
}

/** An archive that had a manifest. */
export interface LostBackup {
	/** What the manifest said. */
	entry: RetentionEntry;
	/** When a run first missed it. */
	since: Date;
}

const READERS = 16;
const CACHE_KEY = `${HOUSEKEEPING}catalog.json`;
const CACHE_VERSION = 2;

const NOT_LOOKED_UP = { verified: undefined, lockedUntil: undefined, legalHold: false };

const cachedSchema = z.object({
	id: z.string(),
	kind: z.enum(BACKUP_KINDS),
	name: z.string(),
	origin: z.string().optional(),
	partial: z.string().optional(),
	key: z.string(),
	startedAt: z.string().datetime(),
	finishedAt: z.string().datetime(),
	size: z.number(),
	tags: z.array(z.string()),
	pinned: z.boolean(),
	parent: z.string().optional(),
});
type CachedEntry = z.infer<typeof cachedSchema>;

/** By the key of the manifest; good as long as the manifest has this size and time. */
type Cache = Map<string, { stamp: string; entry: CachedEntry | RetentionEntry; lostSince?: string }>;

/**
 * Reads every manifest of a storage, except those that the cache of an earlier run knows in this size and of this time.
 * @param options.keepCache Writes the cache where something changed; without it nothing is written.
 * @throws BackupError CANCELLED, STORAGE_UNREACHABLE, and what listing throws
 */
export async function readCatalog(
	storage: Storage,
	options: { keepCache?: boolean; now?: Date; signal?: AbortSignal } = {},
): Promise<RetentionCatalog> {
	const { keepCache = false, now = new Date(), signal } = options;
	const cache = await readCache(storage, signal);
	const { manifests, others } = await list(storage, signal);
	const catalog: RetentionCatalog = { entries: [], damaged: [], others, lost: new Map(), manifestsRead: 0 };
	const fresh: Cache = new Map();
	const waiting = manifests.values();
	await Promise.all(
		Array.from({ length: READERS }, async () => {
			for (const object of waiting) await addManifest(catalog, storage, object, cache, fresh, signal);
		}),
	);
	const listed = new Set(manifests.map(({ key }) => key));
	let isChanged = catalog.manifestsRead > 0;
	for (const [manifestKey, cached] of cache) {
		const { key, size } = cached.entry;
		if (listed.has(manifestKey) || others.get(key)?.size !== size) continue;
		const { lostSince = now.toISOString() } = cached;
		catalog.lost.set(key, { entry: { ...knownEntry(cached.entry), complete: true }, since: new Date(lostSince) });
		// Remembered for as long as the archive is there.
		fresh.set(manifestKey, { ...cached, lostSince });
		isChanged ||= cached.lostSince === undefined;
	}
	isChanged ||= fresh.size !== cache.size;
	if (keepCache && isChanged) await writeCache(storage, fresh, signal);
	return catalog;
}

async function list(
	storage: Storage,
	signal: AbortSignal | undefined,
): Promise<{ manifests: StoredObject[]; others: Map<string, StoredObject> }> {
	const manifests: StoredObject[] = [];
	const others = new Map<string, StoredObject>();
	for await (const object of storage.list('')) {
		throwIfCancelled(signal);
		if (object.key.startsWith(HOUSEKEEPING)) continue;
		if (object.key.endsWith(MANIFEST_SUFFIX)) manifests.push(object);
		else others.set(object.key, object);
	}
	return { manifests, others };
}

async function addManifest(
	catalog: RetentionCatalog,
	storage: Storage,
	object: StoredObject,
	cache: Cache,
	fresh: Cache,
	signal: AbortSignal | undefined,
): Promise<void> {
	throwIfCancelled(signal);
	const manifestKey = object.key;
	const key = manifestKey.slice(0, -MANIFEST_SUFFIX.length);
	const { size: foundSize, sharedAs } = catalog.others.get(key) ?? {};
	const stamp = `${object.size} ${object.modifiedAt.getTime()}`;
	const cached = cache.get(manifestKey);
	if (cached?.stamp === stamp) {
		const entry = knownEntry(cached.entry);
		catalog.entries.push({ ...entry, sharedAs, complete: foundSize === entry.size });
		fresh.set(manifestKey, { stamp, entry: cached.entry });
		return;
	}
	try {
		const { manifest } = await readManifest(storage, manifestKey, signal);
		catalog.manifestsRead++;
		const entry = entryOf({ manifest, key, foundSize }, { sharedAs });
		catalog.entries.push(entry);
		fresh.set(manifestKey, { stamp, entry });
	} catch (error) {
		if (!(error instanceof BackupError)) throw error;
		// Deleted since it was listed.
		if (error.code === 'STORAGE_MISSING') return;
		if (error.code === 'CANCELLED' || error.code === 'STORAGE_UNREACHABLE') throw error;
		catalog.damaged.push({ manifestKey, message: messageOf(error) });
	}
}

/** What the cache tells of a backup; what the storage tells is still to be looked up. */
function knownEntry(cached: CachedEntry | RetentionEntry): RetentionEntry {
	const { origin, partial, parent } = cached;
	return { ...cached, origin, partial, parent, ...NOT_LOOKED_UP, sharedAs: undefined, complete: false };
}

/** An empty cache where there is none, or none that can be read: the manifests are what counts. */
async function readCache(storage: Storage, signal: AbortSignal | undefined): Promise<Cache> {
	const json = parseJson(await readSmall(storage, CACHE_KEY, signal)) as
		{ version?: unknown; manifests?: unknown } | undefined;
	const cache: Cache = new Map();
	if (json?.version !== CACHE_VERSION || !Array.isArray(json.manifests)) return cache;
	for (const line of json.manifests as unknown[]) {
		if (!Array.isArray(line)) continue;
		const [manifestKey, stamp, content, since] = line as unknown[];
		const lostSince = z.string().datetime().safeParse(since).data;
		const entry = cachedSchema.safeParse(content);
		if (typeof manifestKey !== 'string' || typeof stamp !== 'string' || !entry.success) continue;
		if (manifestKeyOf(entry.data.key) !== manifestKey) continue;
		cache.set(manifestKey, { stamp, entry: entry.data, ...(lostSince !== undefined && { lostSince }) });
	}
	return cache;
}

async function writeCache(storage: Storage, cache: Cache, signal: AbortSignal | undefined): Promise<void> {
	const lines = Array.from(cache, ([key, { stamp, entry, lostSince }]) =>
		JSON.stringify([key, stamp, pick(entry), ...(lostSince === undefined ? [] : [lostSince])]),
	);
	const text = `{"version":${CACHE_VERSION},"manifests":[\n${lines.join(',\n')}\n]}\n`;
	await storage.replace(CACHE_KEY, Buffer.from(text), signal ? { signal } : {});
}

/** What a manifest tells; what the storage tells is looked up each time. */
function pick(entry: CachedEntry | RetentionEntry): Record<keyof CachedEntry, unknown> {
	const { id, kind, name, origin, partial, key, startedAt, finishedAt, size, tags, pinned, parent } = entry;
	return { id, kind, name, origin, partial, key, startedAt, finishedAt, size, tags, pinned, parent };
}
