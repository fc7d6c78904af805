import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import type { CollectionRestoreReport } from '../../engine';
import { describeRestored } from '../shared/backupItem';
import { showWarnings } from '../shared/hints';
import { inOneText, itemOf } from '../shared/simplify';

import type { OpenSource } from './restoreSource';

/** The item of a restore; its warnings are hints in the editor as well. */
export function restoreItem(
	context: IExecuteFunctions,
	report: CollectionRestoreReport,
	{ source, manifest, remark }: OpenSource,
	isSimple: boolean,
): IDataObject {
	const { collection, previous, points, expectedPoints, status, indexedVectors, sampleSearch } = report;
	const warnings = [...(remark ? [remark] : []), ...report.warnings];
	showWarnings(context, warnings);
	const columns = {
		collection,
		points,
		status,
		sampleSearch,
		warning: inOneText(warnings),
		durationSeconds: report.duration / 1000,
		previous,
		file: manifest?.file ?? source.description,
		startedAt: manifest?.startedAt,
		id: manifest?.id,
	};
	const details = {
		previous: previous ?? null,
		expectedPoints: expectedPoints ?? null,
		indexedVectors,
		aliases: report.aliases,
		warnings,
		serverVersion: report.serverVersion,
		...(manifest && { backup: describeRestored(manifest) }),
	};
	return itemOf(columns, details, isSimple);
}
