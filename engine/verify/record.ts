import { BackupError, type ErrorCode } from '../errors';
import type { BackupSystem } from './system';
import type { Finding, LevelReport, Verdict, VerificationLevel, VerificationReport } from './types';

export const LEVELS: readonly VerificationLevel[] = ['integrity', 'content', 'restore'];

const SEVERITIES: readonly Finding['severity'][] = ['error', 'inconclusive', 'warning'];

/** A backup can be damaged in a million places; the first findings are enough to know it. */
const MAX_FINDINGS = 100;

/** Errors with these codes mean that the backup is bad. All others only mean that it could not be checked. */
const BAD: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
	'ARCHIVE_CORRUPT',
	'ARCHIVE_INCOMPLETE',
	'MANIFEST_INVALID',
	'STORAGE_MISSING',
]);

/**
 * Turns an error into a finding. An error that is no BackupError is reported by its name alone, because its message may quote
 * the content of the backup.
 */
export function findingOf(error: unknown): Omit<Finding, 'level'> {
	if (!(error instanceof BackupError)) {
		const name = error instanceof Error ? error.name : typeof error;
		const code = (error as { code?: unknown } | null)?.code;
		return {
			severity: 'inconclusive',
			message: `The check itself stopped with ${name}${typeof code === 'string' ? ` ${code}` : ''}.`,
			hint: 'This is a fault of this package and says nothing of the backup. Please report it.',
		};
	}
	const { code, message, hint } = error;
	return { severity: BAD.has(code) ? 'error' : 'inconclusive', message, ...(hint === undefined ? {} : { hint }), code };
}

/** The finding for a test restore without a scratch target of the system. */
export function noPlace({ name, title }: Pick<BackupSystem, 'name' | 'title'>): Omit<Finding, 'level'> {
	return {
		severity: 'inconclusive',
		message: `There is no place for a test restore of ${title}.`,
		hint: `Give a scratch target for it ("${name}"): what is restored there is removed afterwards.`,
		code: 'INVALID_INPUT',
	};
}

interface Level {
	report: LevelReport;
	/** How many findings were left out of the report, by severity. */
	dropped: Record<Finding['severity'], number>;
}

/** Gathers the findings of a verification, level by level, and makes the report. */
export class VerificationRecord {
	storedBytes = 0;
	rawBytes = 0;
	readonly #levels: Level[] = [];
	readonly #startedAt = new Date();
	readonly #begun = performance.now();

	/** @param requested may be changed once more is known of what is verified */
	constructor(public requested: VerificationLevel) {}

	/** Begins a level; all findings from now on belong to it. */
	begin(level: VerificationLevel): void {
		const report: LevelReport = { level, findings: [], counts: {}, duration: 0 };
		this.#levels.push({ report, dropped: { error: 0, inconclusive: 0, warning: 0 } });
	}

	/** The level that is being verified. */
	get current(): LevelReport {
		return this.#current.report;
	}

	get #current(): Level {
		const last = this.#levels.at(-1);
		if (!last) throw new Error('No level has begun.');
		return last;
	}

	/** Adds a finding to a level, by default to the current one. The limit is by severity, so warnings never displace an error. */
	found(finding: Omit<Finding, 'level'>, level?: VerificationLevel): void {
		const { report, dropped } = this.#levels.find((begun) => begun.report.level === level) ?? this.#current;
		const alike = report.findings.filter(({ severity }) => severity === finding.severity).length;
		if (alike < MAX_FINDINGS) report.findings.push({ ...finding, level: report.level });
		else dropped[finding.severity]++;
	}

	/** Removes the current level and all its findings. */
	discard(): void {
		this.#levels.pop();
	}

	/** Whether every level that was begun has passed. */
	get passed(): boolean {
		return this.#levels.length > 0 && this.#levels.every(({ report }) => hasPassed(report));
	}

	report(subject: Pick<VerificationReport, 'key' | 'manifest' | 'format' | 'system'>): VerificationReport {
		for (const { report, dropped } of this.#levels) {
			for (const severity of SEVERITIES) {
				if (dropped[severity] === 0) continue;
				report.findings.push({ severity, level: report.level, message: `And ${dropped[severity]} more of this sort.` });
				dropped[severity] = 0;
			}
		}
		const levels = this.#levels.map(({ report }) => report);
		const findings = SEVERITIES.flatMap((severity) =>
			levels.flatMap((level) => level.findings.filter((finding) => finding.severity === severity)),
		);
		return {
			verdict: verdictOf(findings, this.requested, levels),
			requested: this.requested,
			reached: reachedBy(levels),
			...subject,
			levels,
			findings,
			storedBytes: this.storedBytes,
			rawBytes: this.rawBytes,
			startedAt: this.#startedAt.toISOString(),
			duration: Math.round(performance.now() - this.#begun),
		};
	}
}

function hasPassed({ findings }: LevelReport): boolean {
	return findings.every(({ severity }) => severity === 'warning');
}

function reachedBy(levels: LevelReport[]): VerificationLevel | undefined {
	const stopped = levels.findIndex((level) => !hasPassed(level));
	return (stopped < 0 ? levels : levels.slice(0, stopped)).at(-1)?.level;
}

/** A verification has passed only where every level that was asked for was begun and none has an error or was inconclusive. */
function verdictOf(findings: Finding[], requested: VerificationLevel, levels: LevelReport[]): Verdict {
	if (findings.some(({ severity }) => severity === 'error')) return 'failed';
	const isWhole = levels.length === LEVELS.indexOf(requested) + 1;
	return isWhole && !findings.some(({ severity }) => severity === 'inconclusive') ? 'passed' : 'incomplete';
}
