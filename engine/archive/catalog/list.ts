import type { Storage } from '../../storage/storage';
import type { ManifestTrust } from '../manifest/authenticity';
import type { BackupKind } from '../manifest/manifest';
import { isFileOf, weekOfFolder } from '../naming';
import { mayBeOfKind } from '../manifest/newer';
import type { DamagedManifest, ListedBackup } from './entry';
import { scanBackups, type Scan, type ScanOptions } from './scan';
import { SharedFacts } from './shared-facts';

/** A list is cut to what was asked for whenever it holds so many more: sorting more often would cost time. */
const SURPLUS = 100;

export interface ManifestFilter {
	/** One kind, or any of several. */
	kind?: BackupKind | readonly BackupKind[];
	/** The database, collection or bucket, as it is called there. */
	name?: string;
	/** Whether checkpoints are listed, too, which are no backups: for those who look for what a backup needs. */
	checkpoints?: boolean;
	/** Only the newest so many. Damaged ones do not count. */
	limit?: number;
}

export interface ManifestList {
	/** Newest first, by the time at which the backup began. */
	backups: ListedBackup[];
	/**
	 * Manifests that cannot be read, for they are damaged, or a newer version has made them (NewerManifest). A filter by kind
	 * leaves them in unless they say that they are of another one.
	 */
	damaged: DamagedManifest[];
}

/**
 * Every backup below a prefix (`postgres/`, or the empty string for all). An archive without a manifest is none. A
 * manifest that cannot be read, or is not to be believed, does not hide the others.
 *
 * The newest are found by what manifests say, never by the names of files: the time in a name is that of some time zone, and
 * whoever can write to the storage chooses it.
 * @throws BackupError STORAGE_UNREACHABLE, CANCELLED, and what listing throws.
 */
export async function listManifests(
	storage: Storage,
	prefix: string,
	filter: ManifestFilter = {},
	signal?: AbortSignal,
	trust: ManifestTrust = {},
): Promise<ManifestList> {
	const { backups, damaged } = await listWith(storage, filter, { prefix, signal, trust });
	return { backups, damaged };
}

/** Like `listManifests`, with what else there is to say of how to look, and with what was listed. */
export async function listWith(
	storage: Storage,
	{ kind, name, checkpoints = false, limit = Infinity }: ManifestFilter,
	scan: Pick<ScanOptions<never>, 'prefix' | 'signal' | 'trust' | 'isAnew'>,
): Promise<ManifestList & Pick<Scan<never>, 'listing'>> {
	const kinds = typeof kind === 'string' ? [kind] : kind;
	const backups: ListedBackup[] = [];
	// Of all backups, each manifest would take kilobytes.
	const facts = limit === Infinity ? new SharedFacts() : undefined;
	/** Of a list that was cut, its last one: what comes behind it is not in the list. */
	let last: ListedBackup | undefined;
	const { damaged, listing } = await scanBackups<never>(storage, {
		...scan,
		...(name !== undefined && { wants: (key: string) => isFileOf(name, key.slice(key.lastIndexOf('/') + 1)) }),
		keep: (backup) => {
			if (backup.manifest.checkpoint && !checkpoints) return undefined;
			if (kinds && !kinds.includes(backup.manifest.kind)) return undefined;
			if (last && newestFirst(backup, last) > 0) return undefined;
			backups.push(facts ? { ...backup, manifest: facts.of(backup.manifest) } : backup);
			if (backups.length >= limit + Math.max(limit, SURPLUS)) {
				keepNewest(backups, limit);
				last = backups.at(-1);
			}
			return undefined;
		},
	});
	keepNewest(backups, limit);
	const unread = damaged.filter(({ error }) => mayBeOfKind(error, kinds));
	unread.sort((a, b) => compare(b.manifestKey, a.manifestKey));
	return { backups, damaged: unread, listing };
}

function keepNewest(backups: ListedBackup[], limit: number): void {
	backups.sort(newestFirst).splice(limit);
}

/** The order of lists. A backup comes before its weekly copy: whoever looks for it by its id, or for the newest, means the backup. */
export function newestFirst(a: ListedBackup, b: ListedBackup): number {
	return (
		compare(b.manifest.startedAt, a.manifest.startedAt) ||
		compare(b.manifest.finishedAt, a.manifest.finishedAt) ||
		Number(isWeeklyCopy(a)) - Number(isWeeklyCopy(b)) ||
		compare(b.key, a.key)
	);
}

function isWeeklyCopy({ folder }: ListedBackup): boolean {
	return weekOfFolder(folder) !== undefined;
}

function compare(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0;
}
