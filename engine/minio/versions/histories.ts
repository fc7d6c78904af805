/**
 * The history of each key in a backup: its versions and delete markers, the oldest first, and the current object at their end. In the
 * index all current objects come before all versions, both in the order of keys, so it is read twice at the same time.
 */
import type { ArchiveReader } from '../../archive';
import { BackupError } from '../../errors';
import { compareNames, readIndex, shownName, type EntrySelection, type TreeEntry } from '../../tree';
import { MOST_VERSIONS } from '../client';
import { versionIn } from './entries';
import { isVersionName } from './names';

export interface HistoryItem {
	/** Under the key as its name. */
	entry: TreeEntry;
	isDeleteMarker: boolean;
	isCurrent: boolean;
}

export interface KeyHistory {
	key: string;
	items: readonly HistoryItem[];
}

/** The histories of the selected keys, in their order. @throws BackupError as readIndex does; ARCHIVE_CORRUPT */
export async function* historiesIn(
	reader: ArchiveReader,
	selection: EntrySelection,
	signal: AbortSignal,
): AsyncGenerator<KeyHistory> {
	const current = currentIn(reader, signal);
	const older = olderIn(reader, signal);
	try {
		let object = await nextOf(current);
		let versions = await nextOf(older);
		while (object || versions) {
			const order = !object ? 1 : !versions ? -1 : compareNames(object.name, versions.key);
			const key = order <= 0 ? object!.name : versions!.key;
			const items = [
				...(order >= 0 ? olderThan(versions!.items, object && order === 0 ? object : undefined) : []),
				...(order <= 0 ? [{ entry: object!, isDeleteMarker: false, isCurrent: true }] : []),
			];
			if (order <= 0) object = await nextOf(current);
			if (order >= 0) versions = await nextOf(older);
			if (selection.takes(key)) yield { key, items };
		}
	} finally {
		await Promise.all([current.return(undefined), older.return(undefined)]);
	}
}

/**
 * What was overwritten while the backup ran is there twice: as the current object, and, as versions are listed later, as an older one, with
 * those that came after it. The backup is of the moment when it was current.
 */
function olderThan(items: HistoryItem[], object: TreeEntry | undefined): HistoryItem[] {
	const id = object?.attributes?.['versionId'];
	const at = id === undefined ? -1 : items.findIndex(({ entry }) => entry.attributes?.['versionId'] === id);
	return at < 0 ? items : items.slice(0, at);
}

async function* currentIn(reader: ArchiveReader, signal: AbortSignal): AsyncGenerator<TreeEntry> {
	for await (const entry of readIndex(reader, signal)) {
		if (isVersionName(entry.name)) return;
		yield entry;
	}
}

async function* olderIn(
	reader: ArchiveReader,
	signal: AbortSignal,
): AsyncGenerator<{ key: string; items: HistoryItem[] }> {
	let open: { key: string; items: HistoryItem[] } | undefined;
	for await (const entry of readIndex(reader, signal)) {
		if (!isVersionName(entry.name)) continue;
		const version = versionIn(entry);
		if (!version) throw corrupt(reader, `${shownName(entry.name)} is neither an object nor a version of one`);
		const { key, isDeleteMarker } = version;
		if (open && open.key !== key) {
			yield open;
			open = undefined;
		}
		open ??= { key, items: [] };
		const item = { entry: { ...entry, name: key }, isDeleteMarker, isCurrent: false };
		if (open.items.push(item) > MOST_VERSIONS) throw corrupt(reader, `${shownName(key)} has too many versions`);
	}
	if (open) yield open;
}

async function nextOf<T>(stream: AsyncGenerator<T>): Promise<T | undefined> {
	const next = await stream.next();
	return next.done ? undefined : next.value;
}

function corrupt({ key }: ArchiveReader, what: string): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', `The index of ${key} cannot be right: ${what}.`, {
		hint: 'Choose another backup, or a copy of this one.',
	});
}
