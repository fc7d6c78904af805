import type { BackupEntry, BackupKind } from '../archive';
import { weekOfKey } from './periods';

/** What the policy looks at of a backup: small, so that a hundred thousand fit into memory. */
export interface RetentionEntry {
	id: string;
	kind: BackupKind;
	name: string;
	/** Key of the archive: tells weekly copies from their originals. */
	key: string;
	/** ISO 8601, UTC. */
	startedAt: string;
	finishedAt: string;
	/** Bytes of the archive. */
	size: number;
	tags: readonly string[];
	pinned: boolean;
	/** Id of the backup that this one cannot be restored without. */
	parent: string | undefined;
	/** Whether the storage holds the archive, in the size that the manifest states. */
	complete: boolean;
	/** What its latest verification found; undefined where there was none. */
	verified: 'passed' | 'failed' | undefined;
	/** ISO 8601; the storage itself (S3 object lock) refuses to delete it before. */
	lockedUntil: string | undefined;
}

/** What a manifest does not tell. */
export interface EntryState {
	verified?: 'passed' | 'failed' | undefined;
	lockedUntil?: string | undefined;
}

export function entryOf({ manifest, key, foundSize }: BackupEntry, state: EntryState = {}): RetentionEntry {
	return {
		id: manifest.id,
		kind: manifest.kind,
		name: manifest.name,
		key,
		startedAt: manifest.startedAt,
		finishedAt: manifest.finishedAt,
		size: manifest.size.stored,
		tags: manifest.tags,
		pinned: manifest.pinned ?? false,
		parent: manifest.parent,
		complete: foundSize === manifest.size.stored,
		verified: state.verified,
		lockedUntil: state.lockedUntil,
	};
}

/** Whether it can be relied on, as far as is known. */
export function isGood({ complete, verified }: RetentionEntry): boolean {
	return complete && verified !== 'failed';
}

/** Backups of the same thing: kind and name; the weekly copies of it stand apart. */
export function lineOf({ kind, name, key }: RetentionEntry): string {
	return JSON.stringify([kind, name, weekOfKey(key) !== undefined]);
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
			(a.entry.key < b.entry.key ? 1 : a.entry.key > b.entry.key ? -1 : 0),
	);
	return timed.map(({ entry }) => entry);
}
