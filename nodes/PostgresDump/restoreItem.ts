import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import type { ApplyGlobalsReport, RestoreReport } from '../../engine';
import { showWarnings } from '../shared/hints';

/** What an item says of a restore, and a hint in the editor where something could not be restored. */
export function describeRestore(context: IExecuteFunctions, report: RestoreReport): IDataObject {
	const { failures, warnings } = report;
	const plural = failures.length === 1 ? 'object' : 'objects';
	const hints = failures.length > 0 ? [`${failures.length} ${plural} could not be restored; see failures.`] : [];
	showWarnings(context, [...hints, ...warnings]);
	return {
		database: report.database,
		previousDatabase: report.previousDatabase ?? null,
		objects: report.objects,
		rows: report.rows,
		tables: report.tables.map(({ expected, ...table }) => ({ ...table, expected: expected ?? null })),
		failures: failures.map(({ object, message }) => ({ object, message })),
		warnings,
		durationSeconds: report.duration / 1000,
	};
}

/** The same for roles and globals. `startedAt`: when the restore began, as Date.now gives it. */
export function describeGlobals(
	context: IExecuteFunctions,
	{ created, updated, skipped, failed, warnings }: ApplyGlobalsReport,
	startedAt: number,
): IDataObject {
	const hints = failed.length > 0 ? [`${failed.length} roles or globals could not be restored; see failures.`] : [];
	showWarnings(context, [...hints, ...warnings]);
	const durationSeconds = (Date.now() - startedAt) / 1000;
	return { created, updated, skipped, failures: failed, warnings, durationSeconds };
}
