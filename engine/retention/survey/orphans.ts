/**
 * Archives without a manifest, and by what right they may go. The name proves nothing: people who come from scripts have
 * dumps of the very same form, `shop_20260131_020000.sql.gz`, and such a file may be the only backup that they have. So an
 * archive counts as ours where its manifest was seen by an earlier run, which noted its size, or where the claim of its
 * writer (`.writing.json`) still stands beside it. A record of ours (`.verification.json`) counts by its own name, once the
 * archive that it is about has gone. What only looks like ours is named apart, and removed only when that is asked for.
 *
 * A manifest may also have been lost: by hand, by a lifecycle rule, or because a copy of the storage is still under way,
 * and the archive opens without it. So such an archive goes only once it was missed for a day, and never where it was
 * pinned, where a backup cannot be restored without it, where no good backup of the same series is as new, or where it was
 * verified and none of the series that is left has passed. What a backup of a newer version may need stays as well: such a
 * backup may state its needs in a form that this version does not understand.
 */
import { CLAIM_SUFFIX, manifestKeyOf, MANIFEST_SUFFIX, VERIFICATION_SUFFIX } from '../../archive';
import type { Storage, StoredObject } from '../../storage/storage';
import type { LostBackup, RetentionCatalog } from './catalog';
import { isGood, policySeriesOf, type RetentionEntry } from '../entry';
import { mayBeNeededBy, type Needing, unreadIn } from '../policy/protect';

const DAY_MS = 24 * 60 * 60 * 1000;

/** Ends the keys of what lies beside an archive and is deleted with it, apart from the manifest. */
export const SIDECAR_SUFFIXES = [...['', '.damaged', '.lock'].map((end) => VERIFICATION_SUFFIX + end), CLAIM_SUFFIX];

/** `<name>_YYYYMMDD_HHMMSS[_2].<ext>[.zst|.gz][.gpg]`, as archives are named, with the extensions that there are. */
const ARCHIVE_NAME =
	/[^/]_\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])_([01]\d|2[0-3])[0-5]\d[0-5]\d(_\d+)?\.((globals\.)?sql|tar|snapshot|json)(\.zst|\.gz)?(\.gpg)?$/;

export interface Orphans {
	/** Certainly ours. */
	own: StoredObject[];
	/** Named like ours; made by a script, or by a backup of an earlier version that was killed before its manifest. */
	unproven: StoredObject[];
	/** Likewise, but a backup of a newer version may need it, so it stays even when the removal of such files is asked for. */
	unprovenNeeded: StoredObject[];
	/** Archives that have lost their manifests and must not go for it, with the reason. */
	precious: Array<{ key: string; reason: string }>;
}

/** Whether a key has the form of our archives' keys. What has not is never taken for an archive that has lost its manifest. */
export function hasArchiveName(key: string): boolean {
	return ARCHIVE_NAME.test(key);
}

/** True for records of ours beside archives. */
export function isOwnName(key: string): boolean {
	return key.endsWith(MANIFEST_SUFFIX) || archiveOfRecord(key) !== undefined;
}

/** The archive that a record of ours is about; undefined for everything else. */
export function archiveOfRecord(key: string): string | undefined {
	const suffix = SIDECAR_SUFFIXES.find((end) => key.endsWith(end));
	return suffix && key.slice(0, -suffix.length);
}

/** What has no manifest and was not changed within the last day: so no backup is at work on it. */
export function orphansIn(catalog: RetentionCatalog, now: Date, isInScope: (key: string) => boolean): Orphans {
	const owned = ownedIn(catalog);
	const orphans: Orphans = { own: [], unproven: [], unprovenNeeded: [], precious: [] };
	const precious = preciousIn(catalog);
	const newer = unreadIn(catalog).filter(({ mayNeed }) => mayNeed);
	for (const object of catalog.others.values()) {
		const { key, modifiedAt } = object;
		if (owned.has(key) || !isInScope(key) || now.getTime() - modifiedAt.getTime() <= DAY_MS) continue;
		const archive = archiveOfRecord(key);
		if (archive !== undefined) {
			const isLeft = !owned.has(archive) && !catalog.others.has(archive) && hasArchiveName(archive);
			if (isLeft) orphans.own.push(object);
			continue;
		}
		const lost = catalog.lost.get(key);
		const reason = precious.get(key);
		if (reason !== undefined) orphans.precious.push({ key, reason });
		else if (lost) {
			// Without a passphrase, whoever writes to the storage can say so of any file: never of what we do not make.
			const isOurs = hasArchiveName(key);
			if (isOurs && now.getTime() - lost.since.getTime() > DAY_MS) orphans.own.push(object);
		} else if (isAbandoned(key, catalog, now)) orphans.own.push(object);
		else if (hasArchiveName(key)) {
			const isNeeded = newer.some((needing) => mayBeNeededBy(needing, { key }));
			(isNeeded ? orphans.unprovenNeeded : orphans.unproven).push(object);
		}
	}
	return orphans;
}

/** The keys that are asked for, and that have a manifest: a set of all would take a hundred bytes of each backup. */
function ownedIn({ entries, damaged, others }: RetentionCatalog): Set<string> {
	const owned = new Set<string>();
	if (others.size === 0) return owned;
	const asked = new Set<string>();
	for (const key of others.keys()) asked.add(key).add(archiveOfRecord(key) ?? key);
	for (const { key } of entries) if (asked.has(key)) owned.add(key);
	for (const { manifestKey } of damaged) owned.add(manifestKey.slice(0, -MANIFEST_SUFFIX.length));
	return owned;
}

/** Whether a writer of ours claimed the name, and has not been heard of for a day: killed right before the manifest. */
function isAbandoned(key: string, { others }: RetentionCatalog, now: Date): boolean {
	const claim = others.get(key + CLAIM_SUFFIX);
	return claim !== undefined && hasArchiveName(key) && now.getTime() - claim.modifiedAt.getTime() > DAY_MS;
}

/** What the backups that are there stand for. */
interface Standing {
	/** When the newest good one of each series began. */
	good: Map<string, number>;
	/** Series of which one has passed its verification. */
	verified: Set<string>;
	/** Ids of archives that backups cannot be restored without. */
	needed: Set<string>;
	/** Backups whose manifests cannot be read. */
	unread: readonly Needing[];
}

function standingOf(catalog: RetentionCatalog): Standing {
	const unread = unreadIn(catalog);
	const needed = new Set(unread.flatMap(({ needs }) => needs));
	const standing: Standing = { good: new Map(), verified: new Set(), needed, unread };
	for (const entry of catalog.entries) {
		for (const id of entry.needs) needed.add(id);
		if (!isGood(entry)) continue;
		const series = policySeriesOf(entry);
		standing.good.set(series, Math.max(standing.good.get(series) ?? 0, Date.parse(entry.startedAt)));
		if (entry.verified === 'passed') standing.verified.add(series);
	}
	return standing;
}

/**
 * The archives that have lost their manifests and must not go for it, by key, with the reason. Each may need others of
 * them, which it could not be restored without once somebody has brought its manifest back: so those stay, too.
 */
function preciousIn(catalog: RetentionCatalog): Map<string, string> {
	const precious = new Map<string, string>();
	if (catalog.lost.size === 0) return precious;
	const standing = standingOf(catalog);
	const byId = new Map<string, string[]>();
	const waiting: RetentionEntry[] = [];
	for (const [key, lost] of catalog.lost) {
		byId.set(lost.entry.id, [...(byId.get(lost.entry.id) ?? []), key]);
		const reason = whyPrecious(lost, standing);
		if (reason === undefined) continue;
		precious.set(key, reason);
		waiting.push(lost.entry);
	}
	for (let needing = waiting.pop(); needing; needing = waiting.pop()) {
		for (const key of needing.needs.flatMap((id) => byId.get(id) ?? [])) {
			if (precious.has(key)) continue;
			precious.set(key, `It is gone, and ${needing.key} cannot be restored without this one.`);
			waiting.push(catalog.lost.get(key)!.entry);
		}
	}
	return precious;
}

function whyPrecious({ entry }: LostBackup, { good, verified, needed, unread }: Standing): string | undefined {
	if (entry.pinned) return 'It is gone, and the backup was pinned.';
	if (needed.has(entry.id)) return 'It is gone, and a later backup cannot be restored without this one.';
	const newer = unread.find((needing) => mayBeNeededBy(needing, entry));
	if (newer) return `It is gone, and a newer version of this package made ${newer.key}, which may need this one.`;
	const series = policySeriesOf(entry);
	const isLast = Date.parse(entry.startedAt) > (good.get(series) ?? -Infinity);
	if (isLast) return `It is gone, and no good backup of ${entry.name} is as new.`;
	if (entry.verified === 'passed' && !verified.has(series))
		return `It is gone, and no backup of ${entry.name} that is left has passed a verification.`;
	return undefined;
}

/** Whether an orphan may still go: it was not changed, has not got its manifest meanwhile, and the storage does not lock it. */
export async function isStillOrphan(
	storage: Storage,
	{ key, size, modifiedAt }: StoredObject,
	signal?: AbortSignal,
): Promise<boolean> {
	const found = await storage.stat(key);
	const isSame = found?.size === size && found.modifiedAt.getTime() <= modifiedAt.getTime() + 1000;
	if (!isSame || (await storage.stat(manifestKeyOf(key)))) return false;
	return !(await storage.deletionLock?.(key, signal));
}
