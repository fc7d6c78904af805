import type { IDataObject } from 'n8n-workflow';

import {
	type BackupError,
	deepestLevelOf,
	type ErrorCode,
	type Finding,
	type LevelReport,
	type Manifest,
	systemOf,
	type Verdict,
	type VerificationLevel,
	type VerificationReport,
} from '../../engine';
import { rounded } from '../shared/backupItem';
import { inOneText, itemOf } from '../shared/simplify';

import type { Outcome } from '../shared/outcome';
import { placeField, placeNoun, RESTORABLE_FILES } from './systems';

const MB = 1_000_000;
const HOUR_MS = 3_600_000;

const WHAT_TO_DO = {
	failed: 'Do not rely on this backup: make a new one now, and verify it and an older one.',
	incomplete: 'This says nothing against the backup. Remove what kept it from being checked, and verify it again.',
};

/** What an item tells of a verification besides its report. */
export interface ReportFacts {
	/** What was asked for; the report may have less, where there is no way or no place to restore a backup of the kind. */
	asked: VerificationLevel;
	/** Whether it stands beside the backup now. */
	recorded: boolean;
	isSimple: boolean;
}

/** Hours since a backup was begun. */
export function ageHours({ startedAt }: Pick<Manifest, 'startedAt'>): number {
	return rounded((Date.now() - Date.parse(startedAt)) / HOUR_MS);
}

export function describeFinding({ severity, level, part, message, hint, code }: Finding): IDataObject {
	return { severity, level, part: part ?? null, message, hint: hint ?? null, code: code ?? null };
}

/** What stands first in an item that has not passed: what is wrong, and what to do about it. */
export function adviceOf(
	verdict: Verdict,
	findings: readonly Finding[],
): { problem: string | null; hint: string | null } {
	if (verdict === 'passed') return { problem: null, hint: null };
	const worst = findings.find(({ severity }) => severity !== 'warning');
	const problem = worst?.message ?? 'It was not checked as deep as was asked.';
	return { problem, hint: worst?.hint ?? WHAT_TO_DO[verdict] };
}

/**
 * The columns that tell what was found: of what has not passed `problem` and `hint`, of what has passed `warning`. There is no
 * room for all three; whatever stands behind the worst is counted.
 */
export function remarkColumns(
	verdict: Verdict,
	findings: readonly Finding[],
): { problem?: string; hint?: string; warning?: string } {
	const { problem, hint } = adviceOf(verdict, findings);
	if (problem === null) {
		const warning = inOneText(findings.map(({ message }) => message));
		return warning === undefined ? {} : { warning };
	}
	const isOneOfThem = findings.some(({ severity }) => severity !== 'warning');
	const more = findings.length - (isOneOfThem ? 1 : 0);
	const others = more > 0 ? ` (${more} more ${more === 1 ? 'finding' : 'findings'})` : '';
	return { problem: `${problem}${others}`, ...(hint !== null && { hint }) };
}

function describeLevel({ level, counts, duration, restoreDuration, findings }: LevelReport): IDataObject {
	return {
		level,
		durationSeconds: duration / 1000,
		...(restoreDuration === undefined ? {} : { restoreSeconds: restoreDuration / 1000 }),
		counts,
		findings: findings.length,
	};
}

function reductionOf(asked: VerificationLevel, { requested, manifest, system }: VerificationReport): Finding[] {
	if (asked === requested) return [];
	const what = manifest ? `Backups of the kind ${manifest.kind} were` : 'This file was';
	const restorable = manifest && deepestLevelOf(manifest.kind) === 'restore' ? systemOf(manifest.kind) : system;
	const noWay = manifest ? 'there is no way to' : `only ${RESTORABLE_FILES} can be`;
	const place = `no ${placeNoun(restorable)} is chosen for it (${placeField(restorable)})`;
	const why = restorable === undefined ? noWay : place;
	const message = `${what} not restored for a test: ${why}. The content was verified.`;
	return [{ severity: 'warning', level: asked, message }];
}

/** Whether a backup is as it was stored, and the keys do not open it. */
function isUnopened({ verdict, findings, storedBytes }: VerificationReport): boolean {
	const open = findings.filter(({ severity }) => severity !== 'warning');
	const isOfKeys = open.length > 0 && open.every(({ code }) => code === 'KEY_WRONG' || code === 'KEY_MISSING');
	return verdict === 'incomplete' && isOfKeys && storedBytes > 0;
}

/** The item of a verification. Bytes, seconds, hours, megabytes (as stored) a second; never secrets. */
export function reportOutcome(report: VerificationReport, { asked, recorded, isSimple }: ReportFacts): Outcome {
	const { verdict, manifest, key, levels, storedBytes, rawBytes, duration, format, reached } = report;
	const findings = [...report.findings, ...reductionOf(asked, report)];
	const advice = adviceOf(verdict, findings);
	const columns = {
		name: manifest?.name,
		verdict,
		kind: manifest?.kind,
		format,
		reached,
		...remarkColumns(verdict, findings),
		startedAt: manifest?.startedAt,
		durationSeconds: duration / 1000,
		key,
		id: manifest?.id,
	};
	const details: IDataObject = {
		problem: columns.problem ?? null,
		hint: advice.hint,
		requested: asked,
		reached: reached ?? null,
		kind: manifest?.kind ?? null,
		name: manifest?.name ?? null,
		id: manifest?.id ?? null,
		findings: findings.map(describeFinding),
		levels: levels.map(describeLevel),
		counts: Object.assign({}, ...levels.map(({ counts }) => counts)) as IDataObject,
		storedBytes,
		rawBytes,
		throughputMBps: duration > 0 ? rounded(storedBytes / MB / (duration / 1000)) : null,
		startedAt: manifest?.startedAt ?? null,
		ageHours: manifest ? ageHours(manifest) : null,
		verifiedAt: new Date(Date.parse(report.startedAt) + duration).toISOString(),
		recorded,
	};
	const json = itemOf(columns, details, isSimple);
	const told = `${key}: ${verdict}. ${advice.problem ?? ''}`.trim();
	const unopened = isUnopened(report) ? { unopened: key } : {};
	const about = { file: key, ...(manifest && { kind: manifest.kind, name: manifest.name, backupId: manifest.id }) };
	return { json, passed: verdict === 'passed', told, about, ...unopened, recorded: recorded ? 1 : 0 };
}

/** What says nothing against a backup, but that it is not known whose it is, or that this version cannot read it. */
export const INCONCLUSIVE: ReadonlySet<string> = new Set<ErrorCode>(['NOT_AUTHENTIC', 'KEY_WRONG', 'MANIFEST_NEWER']);

/** The item for a backup that is not there, or cannot be told among others. */
export function missingOutcome(error: BackupError, isSimple: boolean): Outcome {
	const { message, code } = error;
	const verdict = INCONCLUSIVE.has(code) ? 'incomplete' : 'failed';
	const hint = error.hint ?? WHAT_TO_DO[verdict];
	const details = { key: null, code, kind: null, name: null, id: null, findings: [], recorded: false };
	return {
		json: itemOf({ verdict, problem: message, hint }, details, isSimple),
		passed: false,
		told: message,
		about: {},
	};
}
