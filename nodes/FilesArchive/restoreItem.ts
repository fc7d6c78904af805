import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import type { Manifest, RestoredTree } from '../../engine';
import { describeRestored } from '../shared/backupItem';
import { showWarnings } from '../shared/hints';
import { readableSize } from '../shared/listSearch/size';
import { inOneText, itemOf } from '../shared/simplify';

/** What a restore has done, and from what. */
export interface FilesRestore {
	/** As it was typed. */
	folder: string;
	restored: RestoredTree;
	manifest: Manifest;
	/** Milliseconds. */
	duration: number;
	/** What there is to say of how the backup was chosen. */
	remark: string | undefined;
}

/** The item of a restore; its warnings are hints in the editor as well. */
export function restoreItem(
	context: IExecuteFunctions,
	{ folder, restored, manifest, duration, remark }: FilesRestore,
	isSimple: boolean,
): IDataObject {
	const { written, bytes, same, skipped, skippedNames, overwritten } = restored;
	const rest = skipped - skippedNames.length;
	const names = [...skippedNames, ...(rest > 0 ? [`${rest} more`] : [])].join(', ');
	const warnings = [
		...(remark === undefined ? [] : [remark]),
		...(skipped > 0 ? [`${skipped} entries are other than in the backup and were left as they are: ${names}`] : []),
	];
	showWarnings(context, warnings);
	const columns = {
		folder,
		written,
		size: readableSize(bytes),
		same,
		skipped,
		overwritten,
		warning: inOneText(warnings),
		durationSeconds: duration / 1000,
		file: manifest.file,
		id: manifest.id,
	};
	const details = { bytes, skippedNames, warnings, backup: describeRestored(manifest) };
	return itemOf(columns, details, isSimple);
}
