/**
 * The WAL archives of PostgreSQL: folders of segments, named as the server names them
 * (https://www.postgresql.org/docs/current/continuous-archiving.html). A base backup can be restored from when every
 * segment from its start on is there, so segments go from the old end only, and none that was archived after the oldest
 * base backup began. Files do not show for certain which base backup belongs to which archive: one whose name is
 * that of a folder on the way to the segments is that archive's; any other holds back all archives.
 */
import type { StoredObject } from '../../storage/storage';
import { compileGlob } from '../policy/key-filters';
import { dateInName } from '../survey/name-date';
import {
	DEFAULT_FUTURE_TOLERANCE_MINUTES,
	DEFAULT_MAX_DELETED_SHARE,
	percentOf,
	type RetentionPolicy,
} from '../policy/policy';
import type { Zone } from '../policy/zone';

const DAY_MS = 24 * 60 * 60 * 1000;
const HOUR_MS = 60 * 60 * 1000;

/**
 * A segment, `000000010000000A000000FF`, or the note of a base backup's start and end, `....00000028.backup`; compressed or
 * encrypted. Histories of timelines (`00000002.history`) are tiny and needed for ever: they are never among them.
 */
const SEGMENT = /^([0-9A-F]{8})([0-9A-F]{16})(\.[0-9A-F]{8}\.backup)?(\.(gz|zst|lz4|bz2|xz|gpg|age|enc))*$/;

/** Others' base backups, by their usual names: `base_20260131_020000.tar.gz`, `pg_basebackup-...`. Dumps are SQL. */
const BASE_NAME = /(?<![a-z])(pg[-_]?)?base([-_]?backup)?(?![a-z])(?!.*\.sql)/i;
/** Our archives of a PostgreSQL server's files; dumps are SQL. */
const BASE_ARCHIVE = /\.tar(\.|$)/;

/** True for what a WAL archive holds. */
export function isWalFile(key: string): boolean {
	const name = key.slice(key.lastIndexOf('/') + 1);
	return SEGMENT.test(name) || /^[0-9A-F]{8}\.history/.test(name);
}

/** A backup that is there, and perhaps a base backup. */
export interface BaseCandidate {
	key: string;
	/** The server, where it is known. */
	name: string | undefined;
	origin: 'ours, of PostgreSQL' | 'ours' | 'foreign';
	/** Not later than it began. */
	startedAt: Date;
}

/** What is to be done with one archive of WAL. */
export interface WalPlan {
	/** With its slash: `postgres/wal/`. */
	folder: string;
	delete: StoredObject[];
	kept: number;
	keptBytes: number;
	/** What is kept, and why no less, in words. */
	reason: string;
	/** Set where nothing is deleted because something looks wrong. */
	refusal: string | undefined;
}

/** A file that is no backup of ours, taken for a base backup that began a day before it was finished at the latest. */
export function candidateOf({ key, modifiedAt }: StoredObject, zone: Zone): BaseCandidate {
	const named = dateInName(key.slice(key.lastIndexOf('/') + 1), zone)?.moment;
	const latest = modifiedAt.getTime() - DAY_MS;
	const startedAt = new Date(named ? Math.min(named.getTime(), modifiedAt.getTime()) : latest);
	return { key, name: undefined, origin: 'foreign', startedAt };
}

/** True for what is, or may be, a base backup. */
export function isBaseBackup({ key, origin }: BaseCandidate, wal: NonNullable<RetentionPolicy['wal']>): boolean {
	if (wal.baseBackups !== undefined && compileGlob(wal.baseBackups)(key)) return true;
	const name = key.slice(key.lastIndexOf('/') + 1);
	if (origin === 'foreign') return !isWalFile(key) && BASE_NAME.test(name);
	return origin === 'ours, of PostgreSQL' && BASE_ARCHIVE.test(name);
}

/**
 * Decides which segments go: a pure function. The newest of an archive always stays.
 * @param files All of the storage that may be segments
 * @param bases The base backups that stay
 */
export function planWal(
	files: Iterable<StoredObject>,
	bases: readonly BaseCandidate[],
	policy: RetentionPolicy,
	{ now, zone }: { now: Date; zone: Zone },
): WalPlan[] {
	if (!policy.wal) return [];
	const archives = new Map<string, Segment[]>();
	for (const object of files) {
		const slash = object.key.lastIndexOf('/') + 1;
		const match = SEGMENT.exec(object.key.slice(slash));
		if (!match) continue;
		const folder = object.key.slice(0, slash);
		const segment = { object, timeline: match[1]!, position: match[2]! };
		const archive = archives.get(folder);
		if (archive) archive.push(segment);
		else archives.set(folder, [segment]);
	}
	const oldest = zone.daysBefore(now, policy.wal.days);
	return Array.from(archives, ([folder, segments]) => {
		const base = oldestBaseOf(folder, [...archives.keys()], bases);
		return planArchive(folder, segments, { oldest, base, now, policy });
	});
}

interface Segment {
	object: StoredObject;
	timeline: string;
	position: string;
}

function planArchive(
	folder: string,
	segments: Segment[],
	{ oldest, base, now, policy }: { oldest: Date; base: BaseCandidate | undefined; now: Date; policy: RetentionPolicy },
): WalPlan {
	// Clocks of servers differ, and a segment is archived a little after it was filled.
	const needed = base ? base.startedAt.getTime() - HOUR_MS : Infinity;
	const since = Math.min(oldest.getTime(), needed);
	const first = firstKept(segments, since);
	const gone = segments.filter(({ timeline, position }) => position < (first.get(timeline) ?? '')).map((s) => s.object);
	const refusal = refusalOf(segments, gone.length, now, policy);
	const deleted = new Set(refusal === undefined ? gone : []);
	const kept = segments.filter(({ object }) => !deleted.has(object));
	return {
		folder,
		delete: [...deleted].sort((a, b) => (a.key < b.key ? -1 : 1)),
		kept: kept.length,
		keptBytes: kept.reduce((sum, { object }) => sum + object.size, 0),
		reason:
			base && since < oldest.getTime()
				? `all since ${base.startedAt.toISOString()}, when the base backup ${base.key} began`
				: `all of the last ${policy.wal!.days} days`,
		refusal,
	};
}

/** By timeline the position from which on segments stay. A timeline that is old as a whole goes, the newest one's last stays. */
function firstKept(segments: Segment[], since: number): Map<string, string> {
	const newest = segments.reduce((a, b) => (b.object.modifiedAt > a.object.modifiedAt ? b : a));
	const first = new Map<string, string>();
	// Positions are hexadecimal digits; a tilde comes after them all.
	for (const { timeline } of segments) first.set(timeline, '~');
	for (const segment of segments) {
		const { timeline, position, object } = segment;
		const stays = object.modifiedAt.getTime() >= since || segment === newest;
		if (stays && position < first.get(timeline)!) first.set(timeline, position);
	}
	return first;
}

function refusalOf(segments: Segment[], gone: number, now: Date, policy: RetentionPolicy): string | undefined {
	const tolerance = (policy.futureToleranceMinutes ?? DEFAULT_FUTURE_TOLERANCE_MINUTES) * 60_000;
	const isAhead = segments.some(({ object }) => object.modifiedAt.getTime() > now.getTime() + tolerance);
	if (isAhead) return 'There are segments from the future, so a clock is or was wrong.';
	const share = policy.maxDeletedShare ?? DEFAULT_MAX_DELETED_SHARE;
	if (gone <= segments.length * share) return undefined;
	return `${gone} of ${segments.length} segments would be deleted, more than the ${percentOf(share)} that may go at once.`;
}

function oldestBaseOf(
	folder: string,
	folders: readonly string[],
	bases: readonly BaseCandidate[],
): BaseCandidate | undefined {
	const names = (some: string) => some.split('/').filter((segment) => segment !== '');
	const all = new Set(folders.flatMap(names));
	const own = new Set(names(folder));
	return bases
		.filter(({ name }) => name === undefined || own.has(name) || !all.has(name))
		.reduce<BaseCandidate | undefined>((a, b) => (a && a.startedAt <= b.startedAt ? a : b), undefined);
}
