import type { IExecuteFunctions } from 'n8n-workflow';

import {
	BackupError,
	type DecryptionKeys,
	type Manifest,
	type Storage,
	throwIfCancelled,
	verifyBackup,
	verifyFile,
	type VerificationReport,
} from '../../engine';
import { showWarnings } from '../shared/hints';

import type { Outcome } from '../shared/outcome';
import { recordResult } from './record';
import { missingOutcome, reportOutcome } from './reportItem';
import type { Scratch } from './scratch';
import type { Subject } from './subjects';
import { fileLevelFor, levelFor, type VerifySettings } from './verifySettings';

/** What all verifications of one incoming item share. */
export interface VerifyRun {
	context: IExecuteFunctions;
	settings: VerifySettings;
	storage: Storage;
	/** Whether results can be written there. */
	keepsRecords: boolean;
	keys: DecryptionKeys | undefined;
	scratch: Scratch | undefined;
	isSimple: boolean;
}

/**
 * Verifies one after the other. What the limits of the run leave over is told: a hint, and each item in full, has the
 * number of those that remain.
 * @throws BackupError CANCELLED, INVALID_INPUT, STORAGE_UNREACHABLE where not even the first could be looked at
 */
export async function verifySubjects(run: VerifyRun, subjects: readonly Subject[]): Promise<Outcome[]> {
	const { context, settings } = run;
	const begun = performance.now();
	const outcomes: Outcome[] = [];
	let isReachable = true;
	for (const subject of subjects) {
		throwIfCancelled(context.getExecutionCancelSignal());
		const isOver = outcomes.length > 0 && performance.now() - begun >= settings.stopAfter;
		if (isOver || !isReachable || outcomes.length >= settings.maxBackups) break;
		if ('missing' in subject) {
			outcomes.push(missingOutcome(subject.missing, run.isSimple));
			continue;
		}
		const { outcome, unreachable } = await verifyOne(run, subject);
		if (unreachable && outcomes.length === 0) throw unreachable;
		isReachable = unreachable === undefined;
		outcomes.push(outcome);
	}
	const remaining = subjects.length - outcomes.length;
	if (!run.isSimple) for (const { json } of outcomes) json['remaining'] = remaining;
	if (remaining > 0) tellRemaining(context, remaining, isReachable);
	return outcomes;
}

interface Verified {
	outcome: Outcome;
	/** That the storage could not be reached, which the next backups would only tell again. */
	unreachable: BackupError | undefined;
}

async function verifyOne(run: VerifyRun, subject: Exclude<Subject, { missing: BackupError }>): Promise<Verified> {
	const { context, settings, storage, isSimple } = run;
	const report = 'file' in subject ? await checkFile(run, subject.file) : await checkBackup(run, subject);
	const recorded = run.keepsRecords && settings.records && (await recordResult(context, storage, report));
	const outcome = reportOutcome(report, { asked: settings.level, recorded, isSimple });
	context.logger.info(`Verify Archive: ${outcome.told}`, { level: report.reached, seconds: report.duration / 1000 });
	if ('entry' in subject && subject.entry.remark) showWarnings(context, [subject.entry.remark]);
	return { outcome, unreachable: unreachableIn(report) };
}

async function checkBackup(run: VerifyRun, subject: Exclude<Subject, { missing: BackupError } | { file: string }>) {
	const { settings, storage, scratch } = run;
	if ('key' in subject)
		return await verifyBackup({ storage, key: subject.key, level: settings.level, ...commonOf(run) });
	const { manifest, key } = 'entry' in subject ? subject.entry : subject.incoming;
	const level = levelFor(manifest.kind, settings);
	return await verifyBackup({
		storage,
		// The manifest of a backup in the storage is read again: what is known of it may come from the catalogue.
		...('entry' in subject ? { key } : { manifest: subject.incoming.manifest, folder: undefined }),
		level,
		...(level === 'restore' && scratch && { scratch: scratch.targetsFor(manifest) }),
		...commonOf(run),
	});
}

async function checkFile(run: VerifyRun, key: string): Promise<VerificationReport> {
	const { storage, settings, scratch } = run;
	return await verifyFile({
		storage,
		key,
		level: settings.level,
		levelFor: (system) => fileLevelFor(system, settings),
		...(scratch && { scratch: scratch.targetsFor(undefined) }),
		...commonOf(run),
	});
}

function commonOf({ context, keys }: VerifyRun) {
	const { logger } = context;
	const signal = context.getExecutionCancelSignal();
	return {
		...(keys && { keys }),
		...(signal && { signal }),
		log: (line: string) => logger.debug(`Verify Archive: ${line}`),
	};
}

function unreachableIn({ findings }: VerificationReport): BackupError | undefined {
	const found = findings.find(({ code }) => code === 'STORAGE_UNREACHABLE');
	return found && new BackupError('STORAGE_UNREACHABLE', found.message, found.hint ? { hint: found.hint } : {});
}

function tellRemaining(context: IExecuteFunctions, remaining: number, isReachable: boolean): void {
	const why = isReachable ? '' : ' The storage could no longer be reached.';
	const what = remaining === 1 ? '1 backup was' : `${remaining} backups were`;
	const warning = `${what} not verified in this run.${why}`;
	context.logger.warn(`Verify Archive: ${warning}`);
	showWarnings(context, [warning]);
}

/** A manifest that came in by itself, as the backups of a storage have it. */
export function incomingSubject(key: string, manifest: Manifest | undefined): Subject {
	if (!manifest) return { file: key };
	return { incoming: { manifest, key } };
}
