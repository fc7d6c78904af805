import type { IDataObject } from 'n8n-workflow';

import type { TreeEntry } from '../../engine';
import { entryItem } from '../shared/tree/entryItem';

/** How types are called in items. */
export const TYPE_NAMES: Record<TreeEntry['type'], string> = {
	file: 'file',
	directory: 'folder',
	symlink: 'symbolic link',
	link: 'hard link',
};

/** `0644` */
function octal(mode: number | undefined): string | undefined {
	return mode === undefined ? undefined : mode.toString(8).padStart(4, '0');
}

/** What an item says of an entry of a backup. */
export function describeEntry(entry: TreeEntry, isSimple: boolean): IDataObject {
	const { name, type, mode, uid, gid, target, sparse } = entry;
	const content = {
		name: { path: name, type: TYPE_NAMES[type] },
		columns: { mode: octal(mode), target },
		details: { target: target ?? null, uid: uid ?? null, gid: gid ?? null, sparse: sparse === true },
	};
	return entryItem(entry, content, isSimple);
}
