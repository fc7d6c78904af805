import type { IDataObject, INodeExecutionData } from 'n8n-workflow';

import { BackupError, type PruneReport, type PruneRow, weekOfKey, type WeeklyCopyReport } from '../../engine';
import { readableSize } from '../shared/listSearch/size';
import { inOneText, itemOf } from '../shared/simplify';

import { idleRules } from './policySettings';
import { reasonWords } from './reasonWords';
import type { RunSettings } from './runSettings';
import type { Summary } from './summary';

/** What became of a backup, or would. */
type Outcome = 'kept' | 'deleted' | 'wouldBeDeleted' | 'failed' | 'refused';

/** What the summary is made of besides the report. */
export interface SummaryParts {
	settings: RunSettings;
	summary: Summary;
	warnings: string[];
}

/** The item of the run; the policy and the settings in it are for the run that follows a dry run. */
export function summaryItem(
	report: PruneReport,
	{ settings, summary, warnings }: SummaryParts,
	isSimple: boolean,
): INodeExecutionData {
	const { dryRun, totals, refusal, weeklyCopies, wal, swept, orphans, unproven, removedOrphans, damaged, newer } =
		report;
	const { subject, text, html } = summary;
	const { deleted, kept, freedBytes, walDeleted } = totals;
	const columns = {
		subject,
		dryRun,
		deleted,
		kept,
		freed: readableSize(freedBytes),
		walDeleted,
		problem: refusal && `${refusal.message} ${refusal.hint}`,
		warning: inOneText(warnings),
		// For mails: people who look at the table get them last.
		text,
		html,
	};
	const details: IDataObject = {
		refusal: refusal && { ...refusal },
		totals: { ...totals },
		weeklyCopies: weeklyCopies.map(({ error, ...copy }) => ({ ...copy, error: described(error) })),
		wal: wal.map(({ error, ...archive }) => ({ ...archive, error: described(error) })),
		logs: report.logs.map((one) => ({ ...one })),
		failed: report.failed.map(({ entry, error }) => ({ id: entry.id, key: entry.key, ...described(error) })),
		swept,
		orphans,
		unproven,
		removedOrphans,
		damaged,
		newer,
		stuck: report.stuck.map(({ what, error }) => ({ what, ...described(error) })),
		notes: report.notes,
		unused: report.unused,
		...settings,
	};
	return { json: itemOf(columns, details, isSimple) };
}

/** One item for each backup, newest first. */
export function backupItems(report: PruneReport, isSimple: boolean): INodeExecutionData[] {
	const { dryRun, refusal } = report;
	const errors = new Map(report.failed.map(({ entry, error }) => [entry.key, error]));
	const copies = new Map(report.weeklyCopies.map((copy) => [copy.from, copy]));
	const copied = new Set(
		report.rows.filter(({ key, verdict }) => verdict === 'keep' && weekOfKey(key) !== undefined).map(({ id }) => id),
	);
	return report.rows.map((row) => {
		const error = errors.get(row.key);
		const copy = copies.get(row.key);
		const { id, kind, name, key, date, size, reasons, rules: _rules, ...others } = row;
		const columns = {
			outcome: outcomeOf(row, report, error !== undefined),
			name,
			reasons: reasonWords(row),
			startedAt: date,
			size: readableSize(size),
			kind,
			weeklyCopy: weeklyCopyOf(row, copy, copied.has(id), report),
			problem: problemOf(error, copy),
			key,
			id,
		};
		const details = {
			...others,
			explanations: reasons,
			weeklyCopyKey: copy?.to ?? null,
			storedBytes: size,
			error: described(error),
			dryRun,
			refusal: refusal?.message ?? null,
		};
		return { json: itemOf(columns, details, isSimple) };
	});
}

/** Whether there is or will be a copy of it among the weekly ones, or it is one. */
function weeklyCopyOf(
	{ key }: PruneRow,
	copy: WeeklyCopyReport | undefined,
	isCopied: boolean,
	{ dryRun }: PruneReport,
): string {
	if (weekOfKey(key) !== undefined) return 'is one';
	if (!copy) return isCopied ? 'there' : 'none';
	if (copy.error) return 'failed';
	return dryRun ? 'planned' : 'made';
}

function problemOf(error: BackupError | undefined, copy: WeeklyCopyReport | undefined): string | undefined {
	const messages = [
		...(error ? [`It could not be deleted: ${error.message}`] : []),
		...(copy?.error ? [`The weekly copy could not be made: ${copy.error.message}`] : []),
	];
	return inOneText(messages);
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

/** That nothing was done. */
export function refusalWarnings({ refusal, dryRun }: PruneReport): string[] {
	return refusal ? [`Nothing ${dryRun ? 'would be' : 'was'} deleted: ${refusal.message} ${refusal.hint}`] : [];
}

/** What else the user has to see although the run went on. */
export function warningsOf(report: PruneReport, settings: RunSettings): string[] {
	const { failed, weeklyCopies, wal, damaged, newer, stuck, notes, unused, rows } = report;
	const places = [...rows.map(({ key }) => key), ...wal.map(({ folder }) => folder)];
	const empty = settings.folders.filter((folder) => folder !== '/' && !places.some((key) => key.startsWith(folder)));
	return [
		...failed.map(({ entry, error }) => `${entry.key} could not be deleted: ${error.message}`),
		...weeklyCopies.flatMap(({ to, error }) => (error ? [`${to} could not be made: ${error.message}`] : [])),
		...wal.flatMap(({ folder, refusal: why, error }) => [
			...(why ? [`WAL in ${folder}: ${why}`] : []),
			...(error ? [`WAL in ${folder}: ${error.message}`] : []),
		]),
		...damaged.map(({ manifestKey, message }) => `${manifestKey} was left alone, and so was its archive: ${message}`),
		...newer.map(({ message }) => `${message} It was left alone.`),
		...stuck.map(({ what, error }) => `${what} stays as it is: ${error.message}`),
		...notes,
		...unused.names.map((name) => `There is no backup of ${name}, which a separate policy names.`),
		...unused.patterns.map((pattern) => `No file fits the pattern ${pattern}.`),
		...empty.map((folder) => `There is no backup in the folder ${folder}.`),
		...idleRules(settings.policy).map(
			(place) =>
				`No rule in ${place} of the policy lets a backup go, so all that go by it stay for ever. If that is meant, write "last": "all" there.`,
		),
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
