import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import type { ApplyGlobalsReport, RestoreReport } from '../../engine';
import type { RestoredBackup } from '../shared/backupItem';
import { showWarnings } from '../shared/hints';
import { inOneText, itemOf } from '../shared/simplify';

/** What a restore read: a backup of ours, or a dump made by others, which is but a file. */
export type RestoredFrom = RestoredBackup | { file: string };

interface Failure {
	object: string;
	message: string;
}

/** The item of a restore, and a hint in the editor where something could not be restored. */
export function restoreItem(
	context: IExecuteFunctions,
	report: RestoreReport,
	from: RestoredFrom,
	isSimple: boolean,
): IDataObject {
	const { database, previousDatabase, objects, rows, warnings } = report;
	const failures = report.failures.map(({ object, message }) => ({ object, message }));
	const plural = failures.length === 1 ? 'object' : 'objects';
	const problem = problemOf(failures);
	const hints = problem ? [`${failures.length} ${plural} could not be restored: ${problem}`] : [];
	showWarnings(context, [...hints, ...warnings]);
	const durationSeconds = report.duration / 1000;
	const columns = {
		database,
		state: problem ? `restored without ${failures.length} ${plural}` : 'restored',
		rows,
		problem,
		warning: inOneText(warnings),
		durationSeconds,
		previousDatabase,
		...columnsOf(from),
	};
	const details = {
		previousDatabase: previousDatabase ?? null,
		objects,
		tables: report.tables.map(({ expected, ...table }) => ({ ...table, expected: expected ?? null })),
		failures,
		warnings,
		...detailsOf(from),
	};
	return itemOf(columns, details, isSimple);
}

/** The same for roles and globals. `duration`: milliseconds. */
export function globalsItem(
	context: IExecuteFunctions,
	{ created, updated, skipped, failed, warnings }: ApplyGlobalsReport,
	{ duration, from }: { duration: number; from: RestoredFrom },
	isSimple: boolean,
): IDataObject {
	const problem = problemOf(failed);
	const hints = problem ? [`${failed.length} roles or globals could not be restored: ${problem}`] : [];
	showWarnings(context, [...hints, ...warnings]);
	const left = skipped.length > 0 ? [`${skipped.length} left as they were`] : [];
	const columns = {
		state: [`${created.length} created`, `${updated.length} updated`, ...left].join(', '),
		problem,
		warning: inOneText(warnings),
		durationSeconds: duration / 1000,
		...columnsOf(from),
	};
	return itemOf(columns, { created, updated, skipped, failures: failed, warnings, ...detailsOf(from) }, isSimple);
}

function problemOf(failures: readonly Failure[]): string | undefined {
	return inOneText(failures.map(({ object, message }) => `${object}: ${message}`));
}

function columnsOf(from: RestoredFrom) {
	return 'id' in from ? { file: from.file, startedAt: from.startedAt, id: from.id } : from;
}

function detailsOf(from: RestoredFrom): IDataObject {
	return 'id' in from ? { backup: from } : {};
}
