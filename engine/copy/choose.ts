import { isFileOf, seriesIn, type BackupKind, type ListedBackup } from '../archive';
import { newestFirst } from '../archive/catalog/list';
import { mayBeOfKind } from '../archive/manifest/newer';
import type { BackupError } from '../errors';
import { isComplete, type Side } from './side';

/** Which backups are meant. What is left out narrows nothing down. */
export interface CopyFilters {
	kinds?: readonly BackupKind[];
	/** Names of databases, collections, buckets and folders, as they are called there. */
	names?: readonly string[];
	/** Backups that have at least one of these. */
	tags?: readonly string[];
	/** Only backups that began after this moment. */
	since?: Date;
}

/**
 * What is asked for: what the target lacks and never had, the latest of each series, all, or some by their ids.
 */
export type WhichBackups = { type: 'new' | 'latest' | 'all' } | { type: 'picked'; ids: readonly string[] };

/**
 * The backups of a storage that are asked for, each once although it may have weekly copies; the oldest first, so that what a
 * broken run has copied is what others go on from.
 */
export function chosenFrom(side: Side, which: WhichBackups, filters: CopyFilters): ListedBackup[] {
	const backups = [...side.byId.values()].map(bestOf).filter(({ manifest }) => !manifest.checkpoint);
	if (which.type === 'picked') {
		const ids = new Set(which.ids);
		return backups.filter(({ manifest }) => ids.has(manifest.id)).sort(oldestFirst);
	}
	const wanted = backups.filter((backup) => isWanted(backup, filters));
	return (which.type === 'latest' ? latestOfEach(side, wanted) : wanted).sort(oldestFirst);
}

/** Of a backup and its weekly copies, the first that is complete; the first of all where none is. */
export function bestOf(copies: readonly ListedBackup[]): ListedBackup {
	return copies.find(isComplete) ?? copies[0]!;
}

/**
 * All archives that something needs, and what these need in turn, by id; undefined for one that is not there. Backups name all
 * of them themselves: but what is forged, or made by a later version, need not.
 */
export function allNeeded({ byId }: Side, needs: readonly string[] = []): Map<string, ListedBackup | undefined> {
	const found = new Map<string, ListedBackup | undefined>();
	const open = [...needs];
	for (let id = open.pop(); id !== undefined; id = open.pop()) {
		if (found.has(id)) continue;
		const copies = byId.get(id);
		const best = copies && bestOf(copies);
		found.set(id, best);
		open.push(...(best?.manifest.needs ?? []));
	}
	return found;
}

/** A manifest that cannot be read, or is not to be believed. */
export interface UnreadableBackup {
	/** Of the archive. */
	key: string;
	modifiedAt: Date;
	error: BackupError;
}

/** Those that may be of backups that are asked for: nobody knows, so they must be told. */
export function unreadableIn(side: Side, which: WhichBackups, { kinds, names }: CopyFilters): UnreadableBackup[] {
	if (which.type === 'picked') return [];
	const found: UnreadableBackup[] = [];
	for (const [key, { modifiedAt, error }] of side.damaged) {
		const file = key.slice(key.lastIndexOf('/') + 1);
		if (names && !names.some((name) => isFileOf(name, file))) continue;
		if (mayBeOfKind(error, kinds)) found.push({ key, modifiedAt, error });
	}
	return found;
}

function isWanted({ manifest }: ListedBackup, { kinds, names, tags, since }: CopyFilters): boolean {
	return (
		(!kinds || kinds.includes(manifest.kind)) &&
		(!names || names.includes(manifest.name)) &&
		(!tags || tags.some((tag) => manifest.tags.includes(tag))) &&
		(!since || Date.parse(manifest.startedAt) > since.getTime())
	);
}

/**
 * Of each series the newest whole backup, or the newest of all where none is whole. Where that one is not complete, it is among
 * them all the same, to be told, and the newest complete one with it.
 */
function latestOfEach(side: Side, wanted: readonly ListedBackup[]): ListedBackup[] {
	const all = [...side.byId.values()].flat();
	const seriesOf = seriesIn(all);
	const bySeries = new Map<string, ListedBackup[]>();
	for (const backup of wanted) {
		const series = seriesOf.get(backup)!;
		bySeries.set(series, [...(bySeries.get(series) ?? []), backup]);
	}
	return [...bySeries.values()].flatMap((backups) => {
		const whole = backups.filter(({ manifest }) => !manifest.partial);
		const ordered = (whole.length > 0 ? whole : backups).sort(newestFirst);
		const end = ordered.findIndex(isComplete);
		return ordered.slice(0, end < 0 ? undefined : end + 1);
	});
}

function oldestFirst(a: ListedBackup, b: ListedBackup): number {
	return newestFirst(b, a);
}
