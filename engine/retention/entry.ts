import { partOf, seriesOf, sourceOf, type BackupKind, type ListedBackup } from '../archive';
import type { StoredObject } from '../storage/storage';
import type { SystemLog } from '../verify/log';
import { weekOfKey } from './policy/periods';

const NO_NEEDS: readonly string[] = [];

/** The kinds that are pieces of a log: no rule of days or counts decides on them. Where no system says which stay, all do. */
const LOG_PIECES: ReadonlySet<string> = new Set<BackupKind>(['postgres-wal']);

/** What a system knows of a base backup or of a piece of its log. */
export interface EntryLog {
	of: SystemLog;
	/** Undefined where its manifest does not say what it should. */
	facts: unknown;
}

/**
 * What the policy looks at of a backup. Those of a catalogue are views of a table (see entry-table.ts), so that a hundred thousand
 * fit into memory: ownFieldsOf copies one, a spread would copy nothing.
 */
export interface RetentionEntry {
	/** The manifest's id; for a foreign file, its key. A weekly copy has the id of its original. */
	readonly id: string;
	/** `foreign` for files that somebody else made and a pattern of the policy brings under it. */
	readonly kind: BackupKind | 'foreign';
	/** The database, collection or bucket; for foreign files what their names have in common. */
	readonly name: string;
	/** The server that was backed up, where the manifest says so: `db.example.com:5432`. Several may have a database of one name. */
	readonly origin?: string | undefined;
	/** What that server calls itself, where the manifest says so: PostgreSQL's system identifier. */
	system?: string | undefined;
	/** Whether the manifest does not say it, and other backups do: see completeSources. */
	isSystemInferred?: boolean;
	/** What a partial backup was limited to, `schema`, `all --table=public.users`; undefined for a whole one. */
	readonly partial?: string | undefined;
	/** Whether it is no backup, but holds content for others: what a large backup has committed on its way. */
	readonly checkpoint?: boolean;
	/** Key of the archive. By it weekly copies are distinguished from their originals. */
	readonly key: string;
	/** ISO 8601, UTC. */
	readonly startedAt: string;
	readonly finishedAt: string;
	/** Bytes of the archive. */
	readonly size: number;
	readonly tags: readonly string[];
	readonly pinned: boolean;
	/** Ids of the archives that this one cannot be restored without. */
	readonly needs: readonly string[];
	/** Set for pieces of a log, and for base backups that need them. */
	readonly log?: EntryLog;
	/** Whether the storage holds the archive, in the size that the manifest states. */
	readonly complete: boolean;
	/** Whether one of the archives that it needs is missing or known to be damaged; see markLacking. */
	lacksNeeded: boolean;
	/** What its latest verification found; undefined where there was none. */
	verified: 'passed' | 'failed' | undefined;
	/** ISO 8601; the storage itself (S3 object lock) refuses to delete it before. */
	lockedUntil: string | undefined;
	/** Whether it refuses until somebody lifts a legal hold. */
	legalHold: boolean;
	/** Where its bytes take up room together with other objects' (hard links): what names them. */
	readonly sharedAs: string | undefined;
	/** When a foreign file was last changed, ISO 8601; backups of ours have none. */
	readonly modifiedAt?: string;
}

/** What is known about a backup and does not stand in its manifest. */
export interface EntryState {
	verified?: 'passed' | 'failed' | undefined;
	lockedUntil?: string | undefined;
	legalHold?: boolean;
}

/** @param logs Of all systems */
export function entryOf(
	{ manifest, key, foundSize }: Pick<ListedBackup, 'manifest' | 'key' | 'foundSize'>,
	state: EntryState & Pick<StoredObject, 'sharedAs'> = {},
	logs: readonly SystemLog[] = [],
): RetentionEntry {
	const log = logs.find(({ bases, pieces }) => manifest.kind === bases || manifest.kind === pieces);
	return {
		id: manifest.id,
		kind: manifest.kind,
		name: manifest.name,
		...sourceOf(manifest),
		partial: partOf(manifest.partial),
		...(manifest.checkpoint && { checkpoint: true }),
		key,
		startedAt: manifest.startedAt,
		finishedAt: manifest.finishedAt,
		size: manifest.size.stored,
		tags: manifest.tags,
		pinned: manifest.pinned ?? false,
		needs: manifest.needs ?? NO_NEEDS,
		...(log && { log: { of: log, facts: log.factsOf(manifest, key) } }),
		complete: foundSize === manifest.size.stored,
		lacksNeeded: false,
		verified: state.verified,
		lockedUntil: state.lockedUntil,
		legalHold: state.legalHold ?? false,
		sharedAs: state.sharedAs,
	};
}

/** Whether it is a backup that can be relied on, as far as is known. */
export function isGood({
	complete,
	lacksNeeded,
	verified,
	checkpoint = false,
}: Pick<RetentionEntry, 'complete' | 'lacksNeeded' | 'verified' | 'checkpoint'>): boolean {
	return !checkpoint && complete && !lacksNeeded && verified !== 'failed';
}

/** Whether it is a piece of a log, which is worth something for the sake of base backups alone. */
export function isLogPiece({ kind }: Pick<RetentionEntry, 'kind'>): boolean {
	return LOG_PIECES.has(kind);
}

/** Marks the backups that cannot be restored for want of an archive that they need. @param all Everything in the storage */
export function markLacking(all: readonly RetentionEntry[]): void {
	const needing = all.filter(({ needs }) => needs.length > 0);
	if (needing.length === 0) return;
	// The backups themselves, whatever they may need in turn: each manifest names all archives that it uses.
	const usable = new Set(all.filter(({ complete, verified }) => complete && verified !== 'failed').map(({ id }) => id));
	for (const entry of needing) entry.lacksNeeded = entry.needs.some((id) => !usable.has(id));
}

/** Names what a backup may stand for another of: the same series, as much of it; weekly copies apart. */
export function policySeriesOf(
	entry: Pick<RetentionEntry, 'kind' | 'name' | 'origin' | 'system' | 'partial' | 'key'>,
): string {
	return JSON.stringify([seriesOf(entry), entry.partial, weekOfKey(entry.key) !== undefined]);
}

/** Newest first; no two entries are equal, so the order in which they were listed does not matter. */
export function newestFirst(entries: readonly RetentionEntry[]): RetentionEntry[] {
	// Outside of the heap, for an object with the times of each of a hundred thousand would take more than the entries.
	const startedAt = new Float64Array(entries.length);
	const finishedAt = new Float64Array(entries.length);
	const order = new Uint32Array(entries.length);
	for (const [index, entry] of entries.entries()) {
		startedAt[index] = Date.parse(entry.startedAt);
		finishedAt[index] = Date.parse(entry.finishedAt);
		order[index] = index;
	}
	const byTime = (a: number, b: number) => startedAt[b]! - startedAt[a]! || finishedAt[b]! - finishedAt[a]!;
	order.sort((a, b) => byTime(a, b) || byKey(entries[a]!, entries[b]!));
	// Of its length from the start: an array that grows leaves as much behind again.
	const sorted = new Array<RetentionEntry>(entries.length);
	for (const [place, index] of order.entries()) sorted[place] = entries[index]!;
	return sorted;
}

/** Of two that were made at the same time: a backup before its weekly copy. */
function byKey({ key: a }: RetentionEntry, { key: b }: RetentionEntry): number {
	const isCopy = Number(weekOfKey(a) !== undefined) - Number(weekOfKey(b) !== undefined);
	return isCopy || (a < b ? 1 : a > b ? -1 : 0);
}

/** A copy of an entry as a plain object. */
export function ownFieldsOf(entry: RetentionEntry): RetentionEntry {
	const { id, kind, name, origin, system, isSystemInferred, partial, checkpoint, key, startedAt, finishedAt } = entry;
	const { size, tags, pinned, needs, complete, lacksNeeded, verified, lockedUntil, legalHold, sharedAs } = entry;
	const { log, modifiedAt } = entry;
	return {
		id,
		kind,
		name,
		origin,
		system,
		...(isSystemInferred && { isSystemInferred }),
		partial,
		...(checkpoint && { checkpoint }),
		key,
		startedAt,
		finishedAt,
		size,
		tags,
		pinned,
		needs,
		...(log && { log }),
		complete,
		lacksNeeded,
		verified,
		lockedUntil,
		legalHold,
		sharedAs,
		...(modifiedAt !== undefined && { modifiedAt }),
	};
}
