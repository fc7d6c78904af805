import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import type { Manifest, RestoredTree } from '../../../engine';
import { describeRestored } from '../backupItem';
import { showWarnings } from '../hints';
import { readableSize } from '../listSearch/size';
import { type Columns, inOneText, itemOf } from '../simplify';

/** What was restored: a backup, or a file of others. */
export type RestoredFrom = Manifest | { file: string };

/** What a restore has done, and from what. */
export interface TreeRestore {
	/** Where to: `{ folder: '/data' }`. */
	into: Columns;
	/** What entries are called: `objects`. */
	entries: string;
	restored: RestoredTree;
	from: RestoredFrom;
	/** Milliseconds. */
	duration: number;
	/** What there is to say of how the backup was chosen. */
	remark: string | undefined;
	/** What the target has to say. */
	warnings?: readonly string[];
	/** What only this kind of target tells. */
	details?: IDataObject;
}

/** The item of a restore; its warnings are hints in the editor as well. */
export function restoredItem(context: IExecuteFunctions, restore: TreeRestore, isSimple: boolean): IDataObject {
	const { into, entries, restored, from, duration, remark, details = {} } = restore;
	const manifest = 'id' in from ? from : undefined;
	const { written, bytes, same, skipped, skippedNames, overwritten } = restored;
	const rest = skipped - skippedNames.length;
	const names = [...skippedNames, ...(rest > 0 ? [`${rest} more`] : [])].join(', ');
	const warnings = [
		...(remark === undefined ? [] : [remark]),
		...(restore.warnings ?? []),
		...(skipped > 0 ? [`${skipped} ${entries} are other than in the backup and were left as they are: ${names}`] : []),
	];
	showWarnings(context, warnings);
	const columns = {
		...into,
		written,
		size: readableSize(bytes),
		same,
		skipped,
		overwritten,
		warning: inOneText(warnings),
		durationSeconds: duration / 1000,
		file: from.file,
		id: manifest?.id,
	};
	const backup = manifest ? describeRestored(manifest) : null;
	return itemOf(columns, { id: manifest?.id ?? null, bytes, skippedNames, ...details, warnings, backup }, isSimple);
}
