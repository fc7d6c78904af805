import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import type { CollectionRestoreReport } from '../../engine';
import { describeRestored } from '../shared/backupItem';
import { showWarnings } from '../shared/hints';

import type { OpenSource } from './restoreSource';

/** What an item says of a restore; its warnings are hints in the editor as well. */
export function describeRestore(
	context: IExecuteFunctions,
	report: CollectionRestoreReport,
	{ source, manifest, remark }: OpenSource,
): IDataObject {
	const { collection, previous, points, expectedPoints, status, indexedVectors, sampleSearch } = report;
	const warnings = [...(remark ? [remark] : []), ...report.warnings];
	showWarnings(context, warnings);
	return {
		collection,
		previous: previous ?? null,
		points,
		expectedPoints: expectedPoints ?? null,
		status,
		indexedVectors,
		sampleSearch,
		aliases: report.aliases,
		warnings,
		serverVersion: report.serverVersion,
		durationSeconds: report.duration / 1000,
		...(manifest ? { backup: describeRestored(manifest) } : { file: source.description }),
	};
}
