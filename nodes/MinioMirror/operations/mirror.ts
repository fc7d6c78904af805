import type { INodeExecutionData } from 'n8n-workflow';

import { mirror as mirrorPlaces } from '../../../engine';
import { bandwidthIn } from '../../shared/bandwidth';
import { errorItem } from '../../shared/errors';
import { showWarnings } from '../../shared/hints';
import { eventOf } from '../../shared/journal';
import { lockOwner } from '../../shared/lockOwner';
import type { Operation } from '../../shared/operation';
import { progressLog } from '../../shared/progress';
import { mirrorWait } from '../../shared/runControl';
import { isSimplified } from '../../shared/simplify';
import { mirrorFields } from '../descriptions/mirror';
import { copyFailure, mirrorItem } from '../mirrorItem';
import { withPlaces } from '../mirrorPlaces';
import { type BucketEnd, type FolderEnd, mirrorSettings } from '../mirrorSettings';
import { subjectOf } from '../mirrorText';

const nameOfEnd = (end: BucketEnd | FolderEnd) =>
	end.type === 'bucket' ? `bucket ${end.bucket}` : `folder ${end.path}`;

/** Makes a bucket or a folder hold what another one holds: one item with the report. */
export const mirror: Operation = {
	description: mirrorFields,
	journal: { action: 'mirror', kind: 'minio', isDryRun: (context, item) => mirrorSettings(context, item).dryRun },
	async execute(context, item) {
		const { logger } = context;
		const begun = performance.now();
		const settings = mirrorSettings(context, item);
		const isSimple = isSimplified(context, item);
		const { choices, removal, dryRun } = settings;
		const event = eventOf(context, item);
		event.tell({ from: nameOfEnd(settings.from), to: nameOfEnd(settings.to) });
		const signal = context.getExecutionCancelSignal() ?? new AbortController().signal;
		const gate = bandwidthIn(settings.options);
		const progress = progressLog((line) => logger.info(`MinIO Mirror: ${line}`));
		const report = await withPlaces(context, item, settings, signal, async ({ source, target }) => {
			const onProgress = ({ copied, bytes }: { copied: number; bytes: number }) =>
				progress(`mirroring the ${source.description}, ${copied} objects copied`, bytes);
			const owner = lockOwner(context);
			return await mirrorPlaces({
				source,
				target,
				choices,
				...(removal && { removal }),
				dryRun,
				owner,
				signal,
				...(gate && { gate }),
				wait: mirrorWait(context, settings.options),
				onProgress,
			});
		});
		event.tell({ from: report.source, to: report.target });
		const run = { report, removes: removal !== undefined, duration: Math.round(performance.now() - begun) };
		logger.info(`MinIO Mirror: ${subjectOf(run)}`);
		event.tell({ summary: subjectOf(run) });
		showWarnings(context, [...(report.problem === undefined ? [] : [report.problem]), ...report.warnings]);
		const made: INodeExecutionData = { json: mirrorItem(run, isSimple) };
		const failure = copyFailure(report);
		if (!failure) return [made];
		if (!context.continueOnFail()) throw failure;
		event.failed({}, failure);
		return [made, errorItem(failure, item)];
	},
};
