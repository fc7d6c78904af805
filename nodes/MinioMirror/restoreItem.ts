import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import type { Manifest, RestoredBucket } from '../../engine';
import { describeRestored } from '../shared/backupItem';
import { showWarnings } from '../shared/hints';
import { readableSize } from '../shared/listSearch/size';
import { inOneText, itemOf } from '../shared/simplify';

/** What a restore has done, and from what. */
export interface BucketRestore {
	restored: RestoredBucket;
	manifest: Manifest;
	/** Milliseconds. */
	duration: number;
	/** What there is to say of how the backup was chosen. */
	remark: string | undefined;
}

/** The item of a restore; its warnings are hints in the editor as well. */
export function restoreItem(
	context: IExecuteFunctions,
	{ restored, manifest, duration, remark }: BucketRestore,
	isSimple: boolean,
): IDataObject {
	const { bucket, written, bytes, same, skipped, skippedNames, overwritten, configured, isBucketCreated } = restored;
	const rest = skipped - skippedNames.length;
	const names = [...skippedNames, ...(rest > 0 ? [`${rest} more`] : [])].join(', ');
	const warnings = [
		...(remark === undefined ? [] : [remark]),
		...restored.warnings,
		...(skipped > 0 ? [`${skipped} objects are other than in the backup and were left as they are: ${names}`] : []),
	];
	showWarnings(context, warnings);
	const columns = {
		bucket,
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
	const details = { bytes, skippedNames, configured, isBucketCreated, warnings, backup: describeRestored(manifest) };
	return itemOf(columns, details, isSimple);
}
