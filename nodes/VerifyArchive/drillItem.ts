import type { IDataObject } from 'n8n-workflow';

import type { DrilledBackup, DrillGap, DrillReport, DrillVerdict } from '../../engine';
import { rounded } from '../shared/backupItem';
import { itemOf } from '../shared/simplify';

import type { Outcome } from '../shared/outcome';
import { leftOut, whyLeftOut, whyNotRestored } from './notRestored';
import { adviceOf, describeFinding } from './reportItem';

const HOUR_MS = 3_600_000;

const WHAT_TO_DO = {
	failed: 'Until this is mended, do not rely on being able to bring everything back.',
	incomplete: 'This says nothing against the backups. Remove what kept them from being tried, and run the drill again.',
};

const WORDS: Record<DrillVerdict, string> = {
	passed: 'passed',
	passedInPart: 'passed in part',
	failed: 'failed',
	incomplete: 'incomplete',
};

const seconds = (milliseconds: number | null) => (milliseconds === null ? null : milliseconds / 1000);
const hours = (milliseconds: number | null) => (milliseconds === null ? null : rounded(milliseconds / HOUR_MS));

/** What is missing, as a sentence. */
export function gapMessage({ reason, kind, name, origin, key, startedAt, problem }: DrillGap): string {
	const thing = `${name} (${kind}${origin === null ? '' : ` of ${origin}`})`;
	switch (reason) {
		case 'none':
			return kind === null ? 'There is no backup.' : `There is no backup of the kind ${kind}.`;
		case 'notWhole':
			return `There is no whole backup of ${thing}: ${key} holds only a part.`;
		case 'part':
			return `Of ${thing} there are only backups of a part, by patterns or names, which a drill leaves out: ${key}.`;
		case 'outdated':
			return `The newest whole backup of ${thing} is of ${startedAt}, which is too old.`;
		case 'damaged':
		case 'newer':
			return problem ?? `The manifest ${key} cannot be read.`;
		case 'unknown':
			return `How to try a backup of the kind ${kind} is not known (${name}).`;
	}
}

/** One line for a subject: `Drill passed in part: 2 of 3 backups, back in 12.3 s, data 5.2 hours old`. */
function subjectOf({ verdict, backups, gaps, recoveryTime, recoveryPoint }: DrillReport): string {
	const tried = backups.filter(({ notRestored }) => notRestored === null).length;
	const facts = [
		`${tried < backups.length ? `${tried} of ` : ''}${backups.length} backup${backups.length === 1 ? '' : 's'}`,
		...(recoveryTime.sequential === null ? [] : [`back in ${rounded(recoveryTime.sequential / 1000)} s`]),
		...(recoveryPoint === null ? [] : [`data ${hours(recoveryPoint)} hours old`]),
		...(gaps.length === 0 ? [] : [gaps.length === 1 ? '1 gap' : `${gaps.length} gaps`]),
	];
	return `Drill ${WORDS[verdict]}: ${facts.join(', ')}`;
}

/** The report for people to read, in plain text. */
function drillText(report: DrillReport): string {
	const lines = report.backups.map((backup) => {
		const { kind, name, verdict, age, findings } = backup;
		const { problem, hint } = adviceOf(verdict, findings);
		const details = [problem, hint].filter((line) => line !== null).map((line) => `    ${line}`);
		return [`- ${name} (${kind}): ${fateOf(backup)}, ${hours(age)} hours old`, ...details].join('\n');
	});
	const gaps = report.gaps.map((gap) => `- ${gapMessage(gap)}`);
	const { sequential, parallel } = report.recoveryTime;
	const without = leftOut(report) ? ', without what was not restored' : '';
	const time =
		sequential === null
			? 'Recovery time: not known, since not everything was restored.'
			: `Recovery time: ${seconds(sequential)} s one after the other, ${seconds(parallel)} s with all systems at once${without}.`;
	const point = report.recoveryPoint === null ? [] : [`Recovery point: ${hours(report.recoveryPoint)} hours.`];
	const missing = gaps.length === 0 ? [] : ['', 'Missing:', ...gaps];
	return [`${subjectOf(report)}.`, '', time, ...point, '', ...lines, ...missing].join('\n').trim();
}

function fateOf(backup: DrilledBackup): string {
	const { verdict, restoreTime } = backup;
	const why = whyLeftOut(backup);
	if (why !== null) return `${verdict === 'passed' ? 'content verified' : verdict}, not restored (${why})`;
	return `${verdict}, ${restoreTime === null ? 'not restored' : `restored in ${seconds(restoreTime)} s`}`;
}

/** The item of a drill; seconds and hours. @param recorded results that stand beside their backups now */
export function drillOutcome(report: DrillReport, recorded: number, isSimple: boolean): Outcome {
	const { verdict, backups, systems, gaps, recoveryTime, recoveryPoint, spread, startedAt, runId } = report;
	const subject = subjectOf(report);
	const { problem, hint } = worstOf(report);
	const columns = {
		verdict,
		subject,
		problem,
		hint,
		recoveryTimeSeconds: seconds(recoveryTime.sequential),
		recoveryPointHours: hours(recoveryPoint),
		startedAt,
		durationSeconds: report.duration / 1000,
		runId,
		// For mails: people who look at the table get it last.
		text: drillText(report),
	};
	const details: IDataObject = {
		problem,
		hint,
		recoveryTimeSeconds: columns.recoveryTimeSeconds,
		parallelRecoveryTimeSeconds: seconds(recoveryTime.parallel),
		recoveryPointHours: columns.recoveryPointHours,
		spreadSeconds: seconds(spread),
		backups: backups.map(({ restoreTime, age, findings, notRestored, ...facts }) => ({
			...facts,
			...adviceOf(facts.verdict, findings),
			notRestored: whyNotRestored({ notRestored, ...facts }),
			restoreSeconds: seconds(restoreTime),
			ageHours: hours(age),
			findings: findings.map(describeFinding),
		})),
		systems: systems.map((system) => ({
			kind: system.kind,
			backups: system.backups,
			verdict: system.verdict,
			recoveryTimeSeconds: seconds(system.recoveryTime),
			recoveryPointHours: hours(system.recoveryPoint),
		})),
		gaps: gaps.map((gap) => ({ ...gap, message: gapMessage(gap) })),
		recorded,
	};
	const json = itemOf(columns, details, isSimple);
	const passed = verdict === 'passed' || verdict === 'passedInPart';
	return { json, passed, told: problem === null ? subject : `${subject}. ${problem}`, about: {}, recorded };
}

function worstOf(report: DrillReport): { problem: string | null; hint: string | null } {
	const { verdict, backups, gaps } = report;
	if (verdict === 'passed') return { problem: null, hint: null };
	if (verdict === 'passedInPart') return inPart(report);
	const worst = backups.find((backup) => backup.verdict === verdict);
	const gap = gaps.find(({ reason }) => reason !== 'part') ?? gaps[0];
	if (worst) {
		const { problem, hint } = adviceOf(worst.verdict, worst.findings);
		return { problem: `${worst.name}: ${problem}`, hint };
	}
	if (gap) return { problem: gapMessage(gap), hint: WHAT_TO_DO[verdict] };
	return leftOut(report) ?? { problem: null, hint: WHAT_TO_DO[verdict] };
}

/** What a drill that found nothing bad has left out. */
function inPart(report: DrillReport): { problem: string; hint: string } {
	const notRestored = leftOut(report);
	const parts = report.gaps.map(gapMessage);
	return {
		problem: [...(notRestored ? [notRestored.problem] : []), ...parts].join(' '),
		hint: [...(notRestored ? [notRestored.hint] : []), ...(parts.length > 0 ? [PARTS_HINT] : [])].join(' '),
	};
}

const PARTS_HINT = 'Parts are tried by Verify. For a drill, back up the whole as well.';
