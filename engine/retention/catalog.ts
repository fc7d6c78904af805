/**
 * What a storage holds, as far as retention looks at it. A storage may hold a hundred thousand backups, so nothing is held
 * whole: of each archive one small record takes in what the listing tells of it, of its manifest and of its verifications,
 * in whatever order they come; then what the cache of an earlier run knows of manifests that have not changed, a line at a
 * time; then the other manifests are read, some at once, and of each only what the policy looks at is kept.
 */
import { completeSources, MANIFEST_SUFFIX, manifestKeyOf, type ManifestTrust } from '../archive';
import { manifestReader } from '../archive/manifest-file';
import { BackupError, messageOf, throwIfCancelled } from '../errors';
import type { Storage, StoredObject } from '../storage/storage';
import { VERIFICATION_SUFFIX } from '../verify/history';
import { readCache, writeCache, type KnownManifest, type ManifestFacts } from './catalog-cache';
import { entryOf, type RetentionEntry } from './entry';
import { HOUSEKEEPING } from './housekeeping';
import { inParallel } from './locked';

/** All that retention knows of a storage. */
export interface RetentionCatalog {
	entries: RetentionEntry[];
	/** Those that have a record of verifications. */
	recorded: ReadonlySet<RetentionEntry>;
	/** Manifests that cannot be read: never touched. */
	damaged: Array<{ manifestKey: string; message: string }>;
	/**
	 * Everything else that the storage lists, apart from retention's own: neither the archives of the entries nor the
	 * records of their verifications; but what belongs to damaged manifests, and to none.
	 */
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
const NO_TAGS: readonly string[] = [];

/** What the listing tells of an archive, of its manifest and of its record; times in milliseconds. */
interface Listed {
	size: number | undefined;
	modifiedAt: number;
	sharedAs: string | undefined;
	manifestSize: number | undefined;
	manifestModifiedAt: number;
	recordSize: number | undefined;
	recordModifiedAt: number;
	/** What its manifest tells; undefined where it has none, or none that can be read. */
	entry: RetentionEntry | undefined;
}

/** By the key of the archive. */
type Listing = Map<string, Listed>;

/**
 * Reads every manifest of a storage, except those that the cache of an earlier run knows in this size and of this time.
 * Those that are not to be believed are damaged ones.
 * @param options.keepCache Writes the cache where something changed; without it nothing is written.
 * @throws BackupError CANCELLED, STORAGE_UNREACHABLE, and what listing throws
 */
export async function readCatalog(
	storage: Storage,
	options: { keepCache?: boolean; now?: Date; trust?: ManifestTrust; signal?: AbortSignal } = {},
): Promise<RetentionCatalog> {
	const { keepCache = false, now = new Date(), trust = {}, signal } = options;
	const listing = await list(storage, signal);
	const { lost, lines } = await takeKnown(storage, listing, trust, signal);
	const { damaged, manifestsRead } = await readOthers(storage, listing, trust, signal);
	const isNew = [...lost.values()].some(({ lostSince }) => lostSince === undefined);
	for (const known of lost.values()) known.lostSince ??= now.toISOString();
	const catalog = catalogOf(listing, { lost, damaged, manifestsRead });
	const isChanged = manifestsRead > 0 || isNew || catalog.entries.length + lost.size !== lines;
	if (keepCache && isChanged) await writeCache(storage, knownOf(listing, lost), trust, signal);
	// Only now: what a manifest tells is kept in the cache, not what follows from others.
	completeSources([...catalog.entries, ...[...catalog.lost.values()].map(({ entry }) => entry)]);
	return catalog;
}

async function list(storage: Storage, signal: AbortSignal | undefined): Promise<Listing> {
	const listing: Listing = new Map();
	for await (const { key, size, modifiedAt, sharedAs } of storage.list('')) {
		throwIfCancelled(signal);
		if (key.startsWith(HOUSEKEEPING)) continue;
		const time = modifiedAt.getTime();
		if (key.endsWith(MANIFEST_SUFFIX)) {
			const listed = listedAs(listing, key.slice(0, -MANIFEST_SUFFIX.length));
			listed.manifestSize = size;
			listed.manifestModifiedAt = time;
		} else if (key.endsWith(VERIFICATION_SUFFIX)) {
			const listed = listedAs(listing, key.slice(0, -VERIFICATION_SUFFIX.length));
			listed.recordSize = size;
			listed.recordModifiedAt = time;
		} else {
			const listed = listedAs(listing, key);
			listed.size = size;
			listed.modifiedAt = time;
			listed.sharedAs = sharedAs;
		}
	}
	return listing;
}

function listedAs(listing: Listing, key: string): Listed {
	const known = listing.get(key);
	if (known) return known;
	const listed: Listed = {
		size: undefined,
		modifiedAt: 0,
		sharedAs: undefined,
		manifestSize: undefined,
		manifestModifiedAt: 0,
		recordSize: undefined,
		recordModifiedAt: 0,
		entry: undefined,
	};
	listing.set(key, listed);
	return listed;
}

/** Takes over what the cache knows. @returns what has lost its manifest, by key, and how many backups the cache knew */
async function takeKnown(
	storage: Storage,
	listing: Listing,
	trust: ManifestTrust,
	signal: AbortSignal | undefined,
): Promise<{ lost: Map<string, KnownManifest>; lines: number }> {
	const lost = new Map<string, KnownManifest>();
	const shared = new SharedStrings();
	let lines = 0;
	const take = (known: KnownManifest) => {
		lines++;
		const listed = listing.get(known.key);
		if (!listed) return;
		const { manifestSize, manifestModifiedAt, size } = listed;
		if (manifestSize === undefined) {
			if (size === known.told.size) lost.set(known.key, known);
		} else if (manifestSize === known.size && manifestModifiedAt === known.modifiedAt) {
			listed.entry = entryFrom(known.key, known.told, listed, shared);
		}
	};
	if (await readCache(storage, take, trust, signal)) return { lost, lines };
	for (const listed of listing.values()) listed.entry = undefined;
	return { lost: new Map(), lines: 0 };
}

/** Reads the manifests that the cache does not know. */
async function readOthers(
	storage: Storage,
	listing: Listing,
	trust: ManifestTrust,
	signal: AbortSignal | undefined,
): Promise<Pick<RetentionCatalog, 'damaged' | 'manifestsRead'>> {
	const damaged: RetentionCatalog['damaged'] = [];
	const shared = new SharedStrings();
	const read = manifestReader(storage, trust);
	let manifestsRead = 0;
	await inParallel(unknownIn(listing), READERS, async ([key, listed]) => {
		throwIfCancelled(signal);
		const manifestKey = manifestKeyOf(key);
		try {
			const { manifest } = await read(manifestKey, listed.manifestSize ?? 0, signal);
			manifestsRead++;
			listed.entry = entryFrom(key, entryOf({ manifest, key, foundSize: listed.size }), listed, shared);
		} catch (error) {
			if (!(error instanceof BackupError)) throw error;
			// Deleted since it was listed.
			if (error.code === 'STORAGE_MISSING') return;
			if (error.code === 'CANCELLED' || error.code === 'STORAGE_UNREACHABLE') throw error;
			damaged.push({ manifestKey, message: messageOf(error) });
		}
	});
	return { damaged, manifestsRead };
}

function* unknownIn(listing: Listing): Generator<[string, Listed]> {
	for (const one of listing) if (one[1].manifestSize !== undefined && !one[1].entry) yield one;
}

function catalogOf(
	listing: Listing,
	found: Pick<RetentionCatalog, 'damaged' | 'manifestsRead'> & { lost: Map<string, KnownManifest> },
): RetentionCatalog {
	const entries: RetentionEntry[] = [];
	const recorded = new Set<RetentionEntry>();
	const others = new Map<string, StoredObject>();
	for (const [key, { size, modifiedAt, sharedAs, recordSize, recordModifiedAt, entry }] of listing) {
		if (entry) {
			entries.push(entry);
			if (recordSize !== undefined) recorded.add(entry);
			continue;
		}
		if (size !== undefined) {
			others.set(key, { key, size, modifiedAt: new Date(modifiedAt), ...(sharedAs !== undefined && { sharedAs }) });
		}
		if (recordSize !== undefined) {
			const recordKey = key + VERIFICATION_SUFFIX;
			others.set(recordKey, { key: recordKey, size: recordSize, modifiedAt: new Date(recordModifiedAt) });
		}
	}
	const lost = new Map<string, LostBackup>();
	for (const [key, { told, lostSince }] of found.lost) {
		const entry = entryFrom(key, told, { size: told.size, sharedAs: undefined }, new SharedStrings());
		lost.set(key, { entry, since: new Date(lostSince!) });
	}
	return { ...found, entries, recorded, others, lost };
}

/** What the next run need not read again. What is lost is remembered for as long as the archive is there. */
function* knownOf(listing: Listing, lost: Map<string, KnownManifest>): Generator<KnownManifest> {
	for (const [key, { manifestSize, manifestModifiedAt, entry }] of listing) {
		if (!entry || manifestSize === undefined) continue;
		yield { key, size: manifestSize, modifiedAt: manifestModifiedAt, told: entry, lostSince: undefined };
	}
	yield* lost.values();
}

/** An entry of what a manifest tells and the storage lists; what else the storage knows is still to be looked up. */
function entryFrom(
	key: string,
	told: ManifestFacts,
	listed: Pick<Listed, 'size' | 'sharedAs'>,
	shared: SharedStrings,
): RetentionEntry {
	return {
		id: told.id,
		kind: told.kind,
		name: shared.of(told.name),
		origin: told.origin === undefined ? undefined : shared.of(told.origin),
		system: told.system === undefined ? undefined : shared.of(told.system),
		partial: told.partial === undefined ? undefined : shared.of(told.partial),
		key,
		startedAt: told.startedAt,
		finishedAt: told.finishedAt,
		size: told.size,
		tags: told.tags.length === 0 ? NO_TAGS : told.tags.map((tag) => shared.of(tag)),
		pinned: told.pinned,
		parent: told.parent,
		complete: listed.size === told.size,
		verified: undefined,
		lockedUntil: undefined,
		legalHold: false,
		sharedAs: listed.sharedAs,
	};
}

/** Names recur in a hundred thousand backups; each is held once. */
class SharedStrings {
	readonly #known = new Map<string, string>();

	of(text: string): string {
		const known = this.#known.get(text);
		if (known === undefined) this.#known.set(text, text);
		return known ?? text;
	}
}
