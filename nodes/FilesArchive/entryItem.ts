import type { IDataObject } from 'n8n-workflow';

import type { TreeEntry } from '../../engine';
import { readableSize } from '../shared/listSearch/size';
import { itemOf } from '../shared/simplify';

/** How types are called in items. */
export const TYPE_NAMES: Record<TreeEntry['type'], string> = {
	file: 'file',
	directory: 'folder',
	symlink: 'symbolic link',
	link: 'hard link',
};

/** Nanoseconds since 1970 as ISO 8601, to the millisecond. */
function isoTime(nanoseconds: bigint): string | undefined {
	const moment = new Date(Number(nanoseconds / 1_000_000n));
	return Number.isNaN(moment.getTime()) ? undefined : moment.toISOString();
}

/** `0644` */
function octal(mode: number | undefined): string | undefined {
	return mode === undefined ? undefined : mode.toString(8).padStart(4, '0');
}

/** What an item says of an entry of a backup. */
export function describeEntry(entry: TreeEntry, isSimple: boolean): IDataObject {
	const { name, type, size, modified, mode, uid, gid, target, sha256, content, sparse, changed } = entry;
	const columns = {
		path: name,
		type: TYPE_NAMES[type],
		size: readableSize(size),
		bytes: size,
		modified: isoTime(modified),
		mode: octal(mode),
		target,
		sha256,
	};
	const details = {
		target: target ?? null,
		sha256: sha256 ?? null,
		uid: uid ?? null,
		gid: gid ?? null,
		sparse: sparse === true,
		changedWhileRead: changed === true,
		archiveId: content?.archive ?? null,
	};
	return itemOf(columns, details, isSimple);
}
