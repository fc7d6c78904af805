/**
 * What a storage holds, as far as retention looks at it: the catalogue (engine/archive/catalog), of which one small entry is
 * kept for each backup, so that a hundred thousand fit into memory, and everything else that is listed.
 */
import {
	completeSources,
	NewerManifest,
	scanBackups,
	type ScanOptions,
	VERIFICATION_SUFFIX,
	type ArchiveListing,
	type ListedArchive,
	type ListedBackup,
	type Scan,
	type ManifestTrust,
} from '../../archive';
import { messageOf } from '../../errors';
import type { Storage, StoredObject } from '../../storage/storage';
import type { SystemLog } from '../../verify/log';
import { entryOf, type RetentionEntry } from '../entry';
import { EntryTable } from '../entry-table';

/** All that retention knows of a storage. */
export interface RetentionCatalog {
	entries: RetentionEntry[];
	/** Those that have a record of verifications. */
	recorded: ReadonlySet<RetentionEntry>;
	/** Manifests that cannot be read: never touched, and neither is what they belong to. */
	damaged: UnreadManifest[];
	/**
	 * Everything else that the storage lists, apart from what this package keeps there for itself: neither the archives of
	 * the entries nor the records of their verifications, but what belongs to damaged manifests, and what belongs to none.
	 */
	others: Map<string, StoredObject>;
	/** Archives, by key, whose manifests an earlier run saw and that have none any more. */
	lost: Map<string, LostBackup>;
	/** How many manifests had to be read; the stored catalogue knew the others. */
	manifestsRead: number;
}

/** A manifest that cannot be read. */
export interface UnreadManifest {
	manifestKey: string;
	message: string;
	/** Whether it is not damaged, but made by a newer version of this package. */
	isNewer: boolean;
	/** Ids of the archives that the backup needs, as far as they can be read. */
	needs: readonly string[];
	/** Set where it may need more than that: everything of this kind in its folder, or without a kind, everything there. */
	mayNeed?: { kind: string | undefined };
}

/** An archive that had a manifest. */
export interface LostBackup {
	/** What the manifest said. */
	entry: RetentionEntry;
	/** When a run first missed it. */
	since: Date;
}

/**
 * Looks at all backups of a storage. Manifests that are not to be believed count as damaged.
 * @param options.keepCache Writes the stored catalogue where something changed, and notes which manifests are missed: for
 * the holder of the lock. Without it nothing is written.
 * @throws BackupError CANCELLED, STORAGE_UNREACHABLE, and what listing throws
 */
export async function readCatalog(
	storage: Storage,
	options: {
		keepCache?: boolean;
		now?: Date;
		trust?: ManifestTrust;
		/** Of all systems. */
		logs?: readonly SystemLog[];
		signal?: AbortSignal;
	} = {},
): Promise<RetentionCatalog> {
	const { keepCache = false, now = new Date(), trust = {}, logs, signal } = options;
	const keeper = new EntryKeeper(logs);
	const scanOptions: ScanOptions<RetentionEntry> = {
		save: keepCache ? 'always' : 'never',
		now,
		trust,
		signal,
		keep: (backup, listed) => keeper.keep(backup, listed),
	};
	const first = await scanBackups(storage, scanOptions);
	// A line without its needs would let go what a backup cannot be restored without; without a passphrase no seal proves that it is right.
	const isDoubtful = keeper.needsAny && !trust.passphrase;
	const scan = isDoubtful ? await scanBackups(storage, { ...scanOptions, isAnew: true }) : first;
	// Only the lines that were stored know of manifests that are gone.
	return keeper.catalogOf({ ...scan, lost: first.lost });
}

/** Makes a catalogue of what somebody's scan of a whole storage finds. */
export class EntryKeeper {
	readonly #entries = new EntryTable();
	/** Whether a backup needs others, or is needed by others for what it says of itself. */
	needsAny = false;

	/** @param logs Of all systems; of a log that is not among them nothing goes */
	constructor(private readonly logs: readonly SystemLog[] = []) {}

	/** The small entry of a backup. */
	keep(
		{ manifest, key }: ListedBackup,
		{ size, sharedAs }: Pick<ListedArchive<never>, 'size' | 'sharedAs'>,
	): RetentionEntry {
		const entry = entryOf({ manifest, key, foundSize: size }, { sharedAs }, this.logs);
		if (entry.needs.length > 0 || entry.log) this.needsAny = true;
		return this.#entries.add(entry);
	}

	/** @param scan Whose `keep` was this one's */
	catalogOf({ listing, damaged, lost, manifestsRead }: Scan<RetentionEntry>): RetentionCatalog {
		const catalog: RetentionCatalog = {
			...backupsAndOthers(listing),
			damaged: damaged.map(({ manifestKey, error }) => {
				const unread = { manifestKey, message: messageOf(error) };
				if (!(error instanceof NewerManifest)) return { ...unread, isNewer: false, needs: [] };
				const { kind, needs, mayNeedMore } = error;
				return { ...unread, isNewer: true, needs, ...(mayNeedMore && { mayNeed: { kind } }) };
			}),
			lost: new Map(
				Array.from(lost, ([key, { summary, since }]) => {
					const entry = entryOf({ manifest: summary, key, foundSize: summary.size.stored });
					return [key, { entry, since }];
				}),
			),
			manifestsRead,
		};
		const lostEntries = Array.from(catalog.lost.values(), ({ entry }) => entry);
		completeSources(lostEntries.length === 0 ? catalog.entries : [...catalog.entries, ...lostEntries]);
		return catalog;
	}
}

function backupsAndOthers(
	listing: ArchiveListing<RetentionEntry>,
): Pick<RetentionCatalog, 'entries' | 'recorded' | 'others'> {
	const entries: RetentionEntry[] = [];
	const recorded = new Set<RetentionEntry>();
	const others = new Map<string, StoredObject>();
	for (const { key, size, modifiedAt, sharedAs, recordSize, recordModifiedAt, kept: entry } of listing) {
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
	return { entries, recorded, others };
}
