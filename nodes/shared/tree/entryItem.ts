import type { IDataObject } from 'n8n-workflow';

import type { TreeEntry } from '../../../engine';
import { readableSize } from '../listSearch/size';
import { type Columns, itemOf } from '../simplify';

/** What only one kind of set has: the name and what stands beside it, what follows, and what the full form has besides. */
export interface EntryContent {
	name: Columns;
	columns: Columns;
	details: IDataObject;
}

/** When an entry was changed, by nanoseconds since 1970; undefined for a time that no calendar has. */
export function momentOf({ modified }: Pick<TreeEntry, 'modified'>): Date | undefined {
	const moment = new Date(Number(modified / 1_000_000n));
	return Number.isNaN(moment.getTime()) ? undefined : moment;
}

/** What an item says of an entry of a backup. */
export function entryItem(entry: TreeEntry, { name, columns, details }: EntryContent, isSimple: boolean): IDataObject {
	const { size, sha256, content, changed } = entry;
	const known = {
		...name,
		size: readableSize(size),
		bytes: size,
		modified: momentOf(entry)?.toISOString(),
		...columns,
		sha256,
	};
	const more = {
		...details,
		sha256: sha256 ?? null,
		changedWhileRead: changed === true,
		archiveId: content?.archive ?? null,
	};
	return itemOf(known, more, isSimple);
}
