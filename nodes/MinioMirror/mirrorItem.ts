import type { IDataObject } from 'n8n-workflow';

import { BackupError, type MirrorReport } from '../../engine';
import { readableSize } from '../shared/listSearch/size';
import { inOneText, itemOf } from '../shared/simplify';

import { type MirrorRun, removedBy } from './mirrorRun';
import { planText, subjectOf } from './mirrorText';

/** The item of a mirror. */
export function mirrorItem(run: MirrorRun, isSimple: boolean): IDataObject {
	const { report, duration } = run;
	const { source, target, dryRun, isFirst, sourceCount, sourceBytes, problem = null, trash = null, warnings } = report;
	const { added, changed, unchanged, adopted, extra, purged, unlisted, vanished, changing, leftOut, failed } = report;
	const removed = removedBy(run);
	const bytes = added.bytes + changed.bytes;
	const columns = {
		source,
		target,
		state: stateOf(report),
		added: added.count,
		changed: changed.count,
		removed: removed.count,
		unchanged: unchanged.count + adopted.count,
		size: readableSize(bytes),
		warning: inOneText([...(problem === null ? [] : [problem]), ...warnings]),
		durationSeconds: duration / 1000,
	};
	const tallies = {
		added,
		changed,
		removed,
		unchanged,
		adopted,
		extra,
		purged,
		unlisted,
		vanished,
		changing,
		leftOut,
		failed,
	};
	const details = {
		dryRun,
		isFirst,
		sourceCount,
		sourceBytes,
		bytes,
		failed: failed.count + changing.count,
		problem,
		trash,
		warnings,
		objects: tallies as unknown as IDataObject,
		subject: subjectOf(run),
		text: planText(run),
	};
	return itemOf(columns, details, isSimple);
}

function stateOf({ dryRun, problem, failed, changing, leftOut }: MirrorReport): string {
	if (dryRun) return problem === undefined ? 'dry run' : 'would be refused';
	if (failed.count + changing.count > 0) return 'incomplete';
	return leftOut.count > 0 ? 'without some objects' : 'complete';
}

/** The error for objects that could not be copied, once all have been tried; undefined where there are none. */
export function copyFailure({
	failed,
	changing,
	added,
	changed,
	source,
	warnings,
}: MirrorReport): BackupError | undefined {
	const count = failed.count + changing.count;
	if (count === 0) return undefined;
	const names = [...failed.names, ...changing.names].slice(0, 3);
	const rest = count > names.length ? ` and ${count - names.length} more` : '';
	const message = `${count} ${count === 1 ? 'object' : 'objects'} of the ${source} could not be copied: ${names.join(', ')}${rest}.`;
	return new BackupError(failed.count > 0 ? 'TARGET_FAILED' : 'SOURCE_FAILED', message, {
		hint: ['The others were, and the next run tries these again.', ...warnings].join('\n'),
		details: { failed: count, copied: added.count + changed.count },
	});
}
