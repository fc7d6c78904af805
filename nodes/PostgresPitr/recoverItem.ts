import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import {
	formatLsn,
	readableRecoveryTime,
	recoveryTargetText,
	type RecoveredCluster,
	type RecoveryPlan,
	type RecoveryPreview,
	type RecoveryTarget,
} from '../../engine';
import { showWarnings } from '../shared/hints';
import { readableSize } from '../shared/listSearch/size';
import { type Columns, inOneText, itemOf } from '../shared/simplify';
import { placeText, type RecoverPlace } from './recoverSettings';

/** What the item of a recovery tells of its plan. */
function planned(plan: RecoveryPlan): { columns: Columns; details: IDataObject } {
	const { bases, log, lastTransaction, fromLsn, toLsn, timeline, windows, systemIdentifier, name } = plan;
	const newest = bases.at(-1)!.manifest;
	const read = [...bases, ...log.map(({ reader }) => reader)].reduce(
		(sum, { manifest }) => sum + manifest.size.stored,
		0,
	);
	return {
		columns: {
			lastTransaction: lastTransaction === undefined ? undefined : readableRecoveryTime(lastTransaction),
			base: newest.startedAt,
			increments: bases.length - 1,
			walArchives: log.length,
			size: readableSize(read),
			file: newest.file,
		},
		details: {
			cluster: name,
			systemIdentifier,
			timeline,
			bases: bases.map(({ manifest: { id, file, startedAt, size } }) => ({
				id,
				file,
				startedAt,
				storedBytes: size.stored,
			})),
			wal: {
				archives: log.map(({ reader }) => reader.key),
				from: formatLsn(fromLsn),
				to: formatLsn(toLsn),
			},
			target: recoveryTargetText(plan.target),
			bytes: plan.bytes,
			windows: windows.map((window) => ({
				...window,
				startLsn: formatLsn(window.startLsn),
				endLsn: formatLsn(window.endLsn),
				endTime: window.endTime ?? null,
			})),
		},
	};
}

/** What was recovered. */
export function recoveredItem(
	context: IExecuteFunctions,
	{ plan, segments, serverVersion, tarBytes, warnings }: RecoveredCluster,
	{ place, target, duration }: { place: RecoverPlace; target: RecoveryTarget; duration: number },
	isSimple: boolean,
): IDataObject {
	const start =
		place.type === 'tar'
			? `Unpack the tar into an empty folder, as the user whom the server will run as, and start PostgreSQL ${serverVersion} from it: postgres -D <folder>. It recovers by itself.`
			: `Start a PostgreSQL ${serverVersion} server from it, as the user whom the folder belongs to: postgres -D ${place.path}. It recovers by itself.`;
	showWarnings(context, [start, ...warnings]);
	const { columns, details } = planned(plan);
	const { walArchives: _, ...shown } = columns;
	return itemOf(
		{
			...(place.type === 'tar' ? { tarFile: place.path } : { folder: place.path }),
			recoverTo: recoveryTargetText(target),
			...shown,
			segments,
			serverVersion,
			warning: inOneText(warnings),
		},
		{ ...details, ...(tarBytes !== undefined && { tarBytes }), warnings, duration },
		isSimple,
	);
}

/** What a recovery would do, and why it could not be done. */
export function previewItem(
	context: IExecuteFunctions,
	{ plan, problems }: RecoveryPreview,
	{ place, target }: { place: RecoverPlace; target: RecoveryTarget },
	isSimple: boolean,
): IDataObject {
	const { columns, details } = plan ? planned(plan) : { columns: {}, details: {} };
	const texts = problems.map(({ message, hint = '' }) => `${message} ${hint}`.trim());
	showWarnings(context, texts);
	const about = { ready: problems.length === 0, recoverTo: recoveryTargetText(target), into: placeText(place) };
	const told = problems.map(({ code, message, hint }) => ({ code, message, hint: hint ?? null }));
	const [first] = problems;
	return itemOf(
		{ ...about, problem: inOneText(texts), ...columns },
		{ dryRun: true, ...details, ...first?.details, problems: told },
		isSimple,
	);
}
