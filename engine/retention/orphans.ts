/**
 * Archives without a manifest, and by what right they may go. The name tells nothing: people who come from scripts have
 * dumps of the very same form, `shop_20260131_020000.sql.gz`, and such a file may be the only backup that they have. So an
 * archive counts as ours where its manifest was seen by an earlier run, which noted its size; a record of ours
 * (`.verification.json`) by its own name, when the archive that it is about has gone. What only looks like ours is named
 * apart, and removed only when that is asked for.
 *
 * A manifest may also have been lost: by hand, by a lifecycle rule, or because a copy of the storage is still under way,
 * and the archive opens without it. So such an archive goes only once it was missed for a day, and never where it was
 * pinned, or where no good backup of the same line is as new.
 */
import { manifestKeyOf, MANIFEST_SUFFIX } from '../archive';
import type { Storage, StoredObject } from '../storage/storage';
import type { LostBackup, RetentionCatalog } from './catalog';
import { isGood, lineOf } from './entry';

const DAY_MS = 24 * 60 * 60 * 1000;

/** What stands beside an archive and goes with it, apart from the manifest. */
export const SIDECAR_SUFFIXES = ['.verification.json', '.verification.json.damaged', '.verification.json.lock'];

/** `<name>_YYYYMMDD_HHMMSS[_2].<ext>[.zst|.gz][.gpg]`, as archives are named, with the extensions that there are. */
const ARCHIVE_NAME =
	/[^/]_\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])_([01]\d|2[0-3])[0-5]\d[0-5]\d(_\d+)?\.((globals\.)?sql|tar|snapshot|json)(\.zst|\.gz)?(\.gpg)?$/;

export interface Orphans {
	/** Certainly ours. */
	own: StoredObject[];
	/** Named like ours; made by a script, or by a backup that was killed in the moment before its manifest. */
	unproven: StoredObject[];
	/** Archives that have lost their manifests and must not go for it, with the reason. */
	precious: Array<{ key: string; reason: string }>;
}

/** True for records of ours beside archives. */
export function isOwnName(key: string): boolean {
	return key.endsWith(MANIFEST_SUFFIX) || SIDECAR_SUFFIXES.some((suffix) => key.endsWith(suffix));
}

/** What has no manifest and was not changed within the last day: so no backup is at work on it. */
export function orphansIn(catalog: RetentionCatalog, now: Date, isInScope: (key: string) => boolean): Orphans {
	const owned = new Set(catalog.entries.map(({ key }) => key));
	for (const { manifestKey } of catalog.damaged) owned.add(manifestKey.slice(0, -MANIFEST_SUFFIX.length));
	const orphans: Orphans = { own: [], unproven: [], precious: [] };
	const newest = newestGood(catalog);
	for (const object of catalog.others.values()) {
		const { key, modifiedAt } = object;
		if (owned.has(key) || !isInScope(key) || now.getTime() - modifiedAt.getTime() <= DAY_MS) continue;
		const suffix = SIDECAR_SUFFIXES.find((end) => key.endsWith(end));
		if (suffix !== undefined) {
			const archive = key.slice(0, -suffix.length);
			const isLeft = !owned.has(archive) && !catalog.others.has(archive) && ARCHIVE_NAME.test(archive);
			if (isLeft) orphans.own.push(object);
			continue;
		}
		const lost = catalog.lost.get(key);
		const reason = lost && whyPrecious(lost, newest);
		if (reason !== undefined) orphans.precious.push({ key, reason });
		else if (lost) {
			if (now.getTime() - lost.since.getTime() > DAY_MS) orphans.own.push(object);
		} else if (ARCHIVE_NAME.test(key)) orphans.unproven.push(object);
	}
	return orphans;
}

/** When the newest good backup of each line began. */
function newestGood({ entries }: RetentionCatalog): Map<string, number> {
	const newest = new Map<string, number>();
	for (const entry of entries) {
		if (!isGood(entry)) continue;
		const line = lineOf(entry);
		newest.set(line, Math.max(newest.get(line) ?? 0, Date.parse(entry.startedAt)));
	}
	return newest;
}

function whyPrecious({ entry }: LostBackup, newest: ReadonlyMap<string, number>): string | undefined {
	if (entry.pinned) return 'It is gone, and the backup was pinned.';
	const isLast = Date.parse(entry.startedAt) > (newest.get(lineOf(entry)) ?? -Infinity);
	return isLast ? `It is gone, and no good backup of ${entry.name} is as new.` : undefined;
}

/** Removes an orphan, unless it has got its manifest meanwhile, or the storage locks it. @returns whether it did */
export async function removeOrphan(
	storage: Storage,
	{ key, size, modifiedAt }: StoredObject,
	signal?: AbortSignal,
): Promise<boolean> {
	const found = await storage.stat(key);
	const isSame = found?.size === size && found.modifiedAt.getTime() <= modifiedAt.getTime() + 1000;
	if (!isSame || (await storage.stat(manifestKeyOf(key)))) return false;
	if (await storage.deletionLock?.(key, signal)) return false;
	await storage.remove(key);
	return true;
}
