import type { IDataObject, INodeExecutionData } from 'n8n-workflow';

import { BackupError, type PruneReport, type PruneRow } from '../../engine';

import type { RunSettings } from './runSettings';
import type { Summary } from './summary';

/** What became of a backup, or would. */
type Outcome = 'kept' | 'deleted' | 'wouldBeDeleted' | 'failed' | 'refused';

/** One item with everything; its policy and settings are for the run that follows a dry run. */
export function summaryItem(report: PruneReport, settings: RunSettings, summary: Summary): INodeExecutionData {
	const { dryRun, totals, refusal, weeklyCopies, wal, swept, orphans, unproven, removedOrphans, damaged } = report;
	const { subject, text, html } = summary;
	return {
		json: {
			subject,
			dryRun,
			refusal,
			totals,
			text,
			backups: describedRows(report),
			weeklyCopies: weeklyCopies.map(({ error, ...copy }) => ({ ...copy, error: described(error) })),
			wal: wal.map(({ error, ...archive }) => ({ ...archive, error: described(error) })),
			failed: report.failed.map(({ entry, error }) => ({ id: entry.id, key: entry.key, ...described(error) })),
			swept,
			orphans,
			unproven,
			removedOrphans,
			damaged,
			stuck: report.stuck.map(({ what, error }) => ({ what, ...described(error) })),
			notes: report.notes,
			unused: report.unused,
			...settings,
			// For mails: people who look at the table get it last.
			html,
		},
	};
}

/** One item for each backup, newest first. */
export function backupItems(report: PruneReport): INodeExecutionData[] {
	const { dryRun, refusal } = report;
	return describedRows(report).map((row) => ({ json: { ...row, dryRun, refusal: refusal?.message ?? null } }));
}

function describedRows(report: PruneReport): IDataObject[] {
	const errors = new Map(report.failed.map(({ entry, error }) => [entry.key, error]));
	return report.rows.map((row) => {
		const error = described(errors.get(row.key));
		const { name, date, reasons, kind, size, key, ...others } = row;
		// What a table shows without scrolling: what would be deleted, and why.
		return {
			outcome: outcomeOf(row, report, error !== null),
			name,
			date,
			reasons,
			kind,
			size,
			key,
			...others,
			error,
		};
	});
}

function outcomeOf({ verdict }: PruneRow, { dryRun, refusal }: PruneReport, hasFailed: boolean): Outcome {
	if (verdict === 'keep') return 'kept';
	if (refusal) return 'refused';
	if (hasFailed) return 'failed';
	return dryRun ? 'wouldBeDeleted' : 'deleted';
}

function described(
	error: BackupError | null | undefined,
): { message: string; code: string; hint: string | null } | null {
	return error ? { message: error.message, code: error.code, hint: error.hint ?? null } : null;
}

/** What the user has to see although the run went on. */
export function warningsOf(report: PruneReport, settings: RunSettings): string[] {
	const { refusal, failed, weeklyCopies, wal, damaged, stuck, notes, unused, rows } = report;
	const places = [...rows.map(({ key }) => key), ...wal.map(({ folder }) => folder)];
	const empty = settings.folders.filter((folder) => folder !== '/' && !places.some((key) => key.startsWith(folder)));
	return [
		...(refusal ? [`Nothing ${report.dryRun ? 'would be' : 'was'} deleted: ${refusal.message} ${refusal.hint}`] : []),
		...failed.map(({ entry, error }) => `${entry.key} could not be deleted: ${error.message}`),
		...weeklyCopies.flatMap(({ to, error }) => (error ? [`${to} could not be made: ${error.message}`] : [])),
		...wal.flatMap(({ folder, refusal: why, error }) => [
			...(why ? [`WAL in ${folder}: ${why}`] : []),
			...(error ? [`WAL in ${folder}: ${error.message}`] : []),
		]),
		...damaged.map(({ manifestKey, message }) => `${manifestKey} was left alone, and so was its archive: ${message}`),
		...stuck.map(({ what, error }) => `${what} stays as it is: ${error.message}`),
		...notes,
		...unused.names.map((name) => `There is no backup of ${name}, which a separate policy names.`),
		...unused.patterns.map((pattern) => `No file fits the pattern ${pattern}.`),
		...empty.map((folder) => `There is no backup in the folder ${folder}.`),
	];
}

/** The error that a run ends with in which something was refused: WAL may be, although the backups were not. */
export function refusalError({ refusal, totals, wal }: PruneReport, summary: Summary): BackupError | undefined {
	const refusedWal = wal.find((archive) => archive.refusal !== null);
	if (!refusal && refusedWal) {
		return new BackupError('NOT_CONFIRMED', `No WAL was deleted in ${refusedWal.folder}: ${refusedWal.refusal}`, {
			hint: 'Look at the dry run. If it is what you want, allow a larger share for one run. The rest of the run is done.',
			details: { refusal: 'wal', totals, ...summary },
		});
	}
	if (!refusal) return undefined;
	return new BackupError('NOT_CONFIRMED', `Nothing was deleted: ${refusal.message}`, {
		hint: refusal.hint,
		details: { refusal: refusal.reason, totals, ...summary },
	});
}

/** The error of a run of which every deletion failed. */
export function allFailedError({ failed, deleted }: PruneReport, summary: Summary): BackupError | undefined {
	const [first] = failed;
	if (!first || deleted.length > 0) return undefined;
	return new BackupError(
		first.error.code,
		`None of ${failed.length} backups could be deleted: ${first.error.message}`,
		{
			hint: failed
				.map(({ entry, error }) => `${entry.key}: ${error.message}`)
				.slice(0, 10)
				.join('\n'),
			cause: first.error,
			details: { ...summary },
		},
	);
}
