import { partOf, seriesOf, sourceOf, type BackupKind, type ListedBackup } from '../archive';
import type { StoredObject } from '../storage/storage';
import { weekOfKey } from './policy/periods';

const NO_NEEDS: readonly string[] = [];

/** What the policy looks at of a backup: small, so that a hundred thousand fit into memory. */
export interface RetentionEntry {
	/** The manifest's id; for a foreign file, its key. A weekly copy has the id of its original. */
	id: string;
	/** `foreign` for files that somebody else made and a pattern of the policy brings under it. */
	kind: BackupKind | 'foreign';
	/** The database, collection or bucket; for foreign files what their names have in common. */
	name: string;
	/** The server that was backed up, where the manifest says so: `db.example.com:5432`. Several may have a database of one name. */
	origin?: string | undefined;
	/** What that server calls itself, where the manifest says so: PostgreSQL's system identifier. */
	system?: string | undefined;
	/** Whether the manifest does not say it, and other backups do: see completeSources. */
	isSystemInferred?: boolean;
	/** What a partial backup was limited to, `schema`, `all --table=public.users`; undefined for a whole one. */
	partial?: string | undefined;
	/** Whether it is no backup, but holds content for others: what a large backup has committed on its way. */
	checkpoint?: boolean;
	/** Key of the archive. By it weekly copies are distinguished from their originals. */
	key: string;
	/** ISO 8601, UTC. */
	startedAt: string;
	finishedAt: string;
	/** Bytes of the archive. */
	size: number;
	tags: readonly string[];
	pinned: boolean;
	/** Ids of the archives that this one cannot be restored without. */
	needs: readonly string[];
	/** Whether the storage holds the archive, in the size that the manifest states. */
	complete: boolean;
	/** Whether one of the archives that it needs is missing or known to be damaged; see markLacking. */
	lacksNeeded: boolean;
	/** What its latest verification found; undefined where there was none. */
	verified: 'passed' | 'failed' | undefined;
	/** ISO 8601; the storage itself (S3 object lock) refuses to delete it before. */
	lockedUntil: string | undefined;
	/** Whether it refuses until somebody lifts a legal hold. */
	legalHold: boolean;
	/** Where its bytes take up room together with other objects' (hard links): what names them. */
	sharedAs: string | undefined;
	/** When a foreign file was last changed, ISO 8601; backups of ours have none. */
	modifiedAt?: string;
}

/** What is known about a backup and does not stand in its manifest. */
export interface EntryState {
	verified?: 'passed' | 'failed' | undefined;
	lockedUntil?: string | undefined;
	legalHold?: boolean;
}

export function entryOf(
	{ manifest, key, foundSize }: Pick<ListedBackup, 'manifest' | 'key' | 'foundSize'>,
	state: EntryState & Pick<StoredObject, 'sharedAs'> = {},
): RetentionEntry {
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
		complete: foundSize === manifest.size.stored,
		lacksNeeded: false,
		verified: state.verified,
		lockedUntil: state.lockedUntil,
		legalHold: state.legalHold ?? false,
		sharedAs: state.sharedAs,
	};
}

/** Whether it is a backup that can be relied on, as far as is known. */
export function isGood({ complete, lacksNeeded, verified, checkpoint = false }: RetentionEntry): boolean {
	return !checkpoint && complete && !lacksNeeded && verified !== 'failed';
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
export function policySeriesOf(entry: RetentionEntry): string {
	return JSON.stringify([seriesOf(entry), entry.partial, weekOfKey(entry.key) !== undefined]);
}

/** Newest first; no two entries are equal, so the order in which they were listed does not matter. */
export function newestFirst(entries: readonly RetentionEntry[]): RetentionEntry[] {
	const timed = entries.map((entry) => ({
		entry,
		startedAt: Date.parse(entry.startedAt),
		finishedAt: Date.parse(entry.finishedAt),
	}));
	timed.sort(
		(a, b) =>
			b.startedAt - a.startedAt ||
			b.finishedAt - a.finishedAt ||
			// A backup before its weekly copy.
			Number(isWeeklyCopy(a.entry)) - Number(isWeeklyCopy(b.entry)) ||
			(a.entry.key < b.entry.key ? 1 : a.entry.key > b.entry.key ? -1 : 0),
	);
	return timed.map(({ entry }) => entry);
}

function isWeeklyCopy({ key }: RetentionEntry): boolean {
	return weekOfKey(key) !== undefined;
}
