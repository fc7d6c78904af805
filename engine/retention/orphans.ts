/**
 * Archives without a manifest, and by what right they may go. The name tells nothing: people who come from scripts have
 * dumps of the very same form, `shop_20260131_020000.sql.gz`, and such a file may be the only backup that they have. So an
 * archive counts as ours where its manifest was seen by an earlier run, which noted its size; a record of ours
 * (`.verification.json`) by its own name, when the archive that it is about has gone. What only looks like ours is named
 * apart, and removed only when that is asked for.
 */
import { manifestKeyOf, MANIFEST_SUFFIX } from '../archive';
import { throwIfCancelled } from '../errors';
import type { Storage, StoredObject } from '../storage/storage';
import type { RetentionCatalog } from './catalog';

const DAY_MS = 24 * 60 * 60 * 1000;

/** What stands beside an archive and goes with it, apart from the manifest. */
export const SIDECAR_SUFFIXES = ['.verification.json', '.verification.json.damaged'];

/** `<name>_YYYYMMDD_HHMMSS[_2].<ext>[.zst|.gz][.gpg]`, as archives are named, with the extensions that there are. */
const ARCHIVE_NAME =
	/[^/]_\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])_([01]\d|2[0-3])[0-5]\d[0-5]\d(_\d+)?\.((globals\.)?sql|tar|snapshot|json)(\.zst|\.gz)?(\.gpg)?$/;

export interface Orphans {
	/** Certainly ours. */
	own: StoredObject[];
	/** Named like ours; made by a script, or by a backup that was killed in the moment before its manifest. */
	unproven: StoredObject[];
}

/** True for records of ours beside archives. */
export function isOwnName(key: string): boolean {
	return key.endsWith(MANIFEST_SUFFIX) || SIDECAR_SUFFIXES.some((suffix) => key.endsWith(suffix));
}

/** What has no manifest and was not changed within the last day: so no backup is at work on it. */
export function orphansIn(catalog: RetentionCatalog, now: Date, isInScope: (key: string) => boolean): Orphans {
	const owned = new Set(catalog.entries.map(({ key }) => key));
	for (const { manifestKey } of catalog.damaged) owned.add(manifestKey.slice(0, -MANIFEST_SUFFIX.length));
	const orphans: Orphans = { own: [], unproven: [] };
	for (const object of catalog.others.values()) {
		const { key, size, modifiedAt } = object;
		if (owned.has(key) || !isInScope(key) || now.getTime() - modifiedAt.getTime() <= DAY_MS) continue;
		const suffix = SIDECAR_SUFFIXES.find((end) => key.endsWith(end));
		if (suffix !== undefined) {
			const archive = key.slice(0, -suffix.length);
			const isLeft = !owned.has(archive) && !catalog.others.has(archive) && ARCHIVE_NAME.test(archive);
			if (isLeft) orphans.own.push(object);
		} else if (catalog.lost.get(key) === size) orphans.own.push(object);
		else if (ARCHIVE_NAME.test(key)) orphans.unproven.push(object);
	}
	return orphans;
}

/** Removes orphans, but none that has got its manifest meanwhile, or that the storage locks. @returns the keys removed */
export async function removeOrphans(
	storage: Storage,
	orphans: readonly StoredObject[],
	signal?: AbortSignal,
): Promise<string[]> {
	const removed: string[] = [];
	for (const { key, size, modifiedAt } of orphans) {
		throwIfCancelled(signal);
		const found = await storage.stat(key);
		const isSame = found?.size === size && found.modifiedAt.getTime() <= modifiedAt.getTime() + 1000;
		if (!isSame || (await storage.stat(manifestKeyOf(key)))) continue;
		if (await storage.deletionLock?.(key, signal)) continue;
		await storage.remove(key);
		removed.push(key);
	}
	return removed;
}
