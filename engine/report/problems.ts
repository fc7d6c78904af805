/** What is wrong with the backups that a storage holds, as conditions that can be alerted on. */
import { findAnomalies, type Anomaly, type BackupSystem } from '../verify';
import type { HeldBackup, SeriesState } from './held';
import type { StorageState } from './state';
import { ageHours, DEFAULT_TARGETS, isVerifiedSince, recoveryHours, VERIFIED_DAYS, type Targets } from './targets';
import type { Problem, ProblemKind } from './problem';
import { slotProblems } from './slots';
import { subjectOf } from './subject';
import { uncovered, type ServerContent } from './uncovered';
import { windowProblems } from './window-problems';
import { readableHours, readableMinute, readableShare, readableSize } from './words';

export type { Problem, ProblemKind };

export interface Conditions {
	targets?: Targets;
	/** Hours after which the newest good backup is too old; the target unless set. */
	staleHours?: number;
	/** A newest backup that no verification of at most so many days ago has passed is told; 0 for never. */
	unverifiedDays?: number;
	/** Less room than this share of the storage's whole is low. Only where the storage tells what is free. */
	lowShare?: number;
	/** Less room than so many bytes is low. */
	lowBytes?: number;
	/** What there must be a good backup of, by name; what the storage holds is looked at in any case. */
	expected?: readonly { kind?: string; name: string }[];
	/** A base backup that is older than so many days is told; 0 for never. */
	baseDays?: number;
	/** A replication slot for which a server keeps more than so many bytes is told. */
	slotBytes?: number;
	/** What servers hold: what of it has no backup is told. */
	servers?: readonly ServerContent[];
	/** What of that is not looked at. */
	isIgnored?: (name: string) => boolean;
}

export const DEFAULT_CONDITIONS = {
	unverifiedDays: VERIFIED_DAYS,
	lowShare: 0.2,
	baseDays: 8,
	slotBytes: 10e9,
} as const;

const DAY_MS = 24 * 3_600_000;
const ANOMALIES_OF_ONE = 3;
/** Characters; the note is the storage's, and may hold anything. */
const LONGEST_REFUSAL = 500;

/**
 * All that is wrong, the worst first.
 * @param systems what each system brings; engine/systems.ts has the list
 */
export function findProblems(
	systems: readonly BackupSystem[],
	state: StorageState,
	conditions: Conditions = {},
): Problem[] {
	const { targets = DEFAULT_TARGETS, expected = [], servers = [], isIgnored = () => false } = conditions;
	const { baseDays = DEFAULT_CONDITIONS.baseDays, slotBytes = DEFAULT_CONDITIONS.slotBytes } = conditions;
	const { series, logs = [], serverLogs = [] } = state;
	const ofLogs = windowProblems(state, { windowMinutes: targets.windowMinutes, baseDays });
	const told = new Set<string | undefined>(
		ofLogs.flatMap(({ severity, logId }) => (severity === 'critical' ? (logId ?? []) : [])),
	);
	const found = [
		...(series.length === 0 && !state.ignored?.length && state.unreadCount === 0 ? [emptyStorage(state)] : []),
		...series.flatMap((one) => {
			const found = problemsOf(systems, one, state, conditions);
			// That it cannot be recovered up to now says why its backups are old.
			return told.has(one.system) ? found.filter(({ kind }) => kind !== 'stale') : found;
		}),
		...expected.filter((wanted) => !isHeld(series, wanted)).map(missing),
		...ofLogs,
		...slotProblems(serverLogs, { slotBytes, isIgnored }),
		...uncovered({ series, logs }, servers, isIgnored),
		...unreadable(state),
		...lowStorage(state, conditions),
		...slowRestore(systems, series, targets),
		...retentionBlocked(state),
	];
	return found.sort((a, b) => Number(a.severity === 'warning') - Number(b.severity === 'warning'));
}

function problemsOf(
	systems: readonly BackupSystem[],
	series: SeriesState,
	state: StorageState,
	{ targets = DEFAULT_TARGETS, staleHours = targets.rpoHours, unverifiedDays }: Conditions,
): Problem[] {
	const subject = subjectOf(series, state.series);
	const now = Date.parse(state.at);
	const problem = (kind: ProblemKind, severity: Problem['severity'], message: string, hint: string): Problem => ({
		id: `${kind}:${series.id}`,
		kind,
		severity,
		subject,
		message,
		hint,
		seriesId: series.id,
	});
	const { newest, lastGood } = series;
	const [last] = newest;
	const age = ageHours(series, now);
	const found: Problem[] = [];
	const badness = last && damageOf(last);
	if (last && badness) {
		found.push(
			problem(
				'damaged',
				lastGood ? 'warning' : 'critical',
				`The newest backup of ${subject} (${last.key}) ${badness}.`,
				'Make a new backup, then verify it. Look at what the storage did to the file.',
			),
		);
	}
	if (age === undefined) {
		found.push(problem('stale', 'critical', `There is no good backup of ${subject}.`, 'Run a back up now.'));
	} else if (age > staleHours) {
		found.push(
			problem(
				'stale',
				'critical',
				`The newest good backup of ${subject} is ${readableHours(age)} old; ${readableHours(staleHours)} are allowed.`,
				'Look at the runs of its workflow since then. What does not exist any more is left out by its name.',
			),
		);
	}
	const days = unverifiedDays ?? DEFAULT_CONDITIONS.unverifiedDays;
	if (lastGood && days > 0 && !isVerifiedSince(series, now - days * DAY_MS)) {
		const { lastVerified } = series;
		const since = lastVerified?.verification
			? `The last that passed ended ${readableHours((now - Date.parse(lastVerified.verification.at)) / 3_600_000)} ago.`
			: 'None ever passed.';
		found.push(
			problem(
				'unverified',
				'warning',
				`No backup of ${subject} was verified in the last ${days} days. ${since}`,
				'Run Verify Archive, best every week, with a test restore.',
			),
		);
	}
	for (const { measure, message } of anomaliesOf(systems, newest)) {
		const found1 = problem('anomaly', 'warning', `${subject}: ${message}`, 'See whether the source changed that much.');
		found.push({ ...found1, id: `anomaly:${measure}:${series.id}`, measure });
	}
	return found;
}

function damageOf({ isComplete, lacksNeeded, isFromFuture, verification }: HeldBackup): string | undefined {
	if (!isComplete) return 'is missing, or has another size than its manifest states';
	if (lacksNeeded) return 'needs an archive that is missing or damaged';
	if (isFromFuture) return 'says that it begins in the future: a clock was wrong, or somebody made it up';
	return verification?.verdict === 'failed' ? 'failed its verification' : undefined;
}

/** Of the newest backup that is there. */
function anomaliesOf(systems: readonly BackupSystem[], newest: readonly HeldBackup[]): Anomaly[] {
	const [last, ...earlier] = newest;
	if (!last) return [];
	const before = earlier.map(({ facts }) => facts);
	return findAnomalies(systems, last.facts, before).slice(0, ANOMALIES_OF_ONE);
}

function emptyStorage({ storage }: StorageState): Problem {
	return {
		id: 'empty',
		kind: 'empty',
		severity: 'critical',
		subject: storage,
		message: `There is no backup at all in ${storage}.`,
		hint: 'See whether the Backup Storage credential names the place that the back up nodes write to, then run a back up.',
	};
}

function isHeld(series: readonly SeriesState[], { kind, name }: { kind?: string; name: string }): boolean {
	return series.some((one) => one.name === name && (kind === undefined || one.kind === kind));
}

function missing({ kind, name }: { kind?: string; name: string }): Problem {
	const subject = kind === undefined ? name : `${kind} ${name}`;
	return {
		id: `missing:${JSON.stringify([kind, name])}`,
		kind: 'missing',
		severity: 'critical',
		subject,
		message: `There is no backup of ${subject}.`,
		hint: 'Add it to the selection of its back up node, or correct the name.',
	};
}

function unreadable({ unread, unreadCount, storage }: StorageState): Problem[] {
	const damaged = unread.filter(({ isNewer }) => !isNewer);
	if (damaged.length === 0) return [];
	const [first] = damaged;
	const count = unreadCount - (unread.length - damaged.length);
	return [
		{
			id: 'unreadable',
			kind: 'unreadable',
			severity: 'warning',
			subject: storage,
			message: `${count === 1 ? 'A manifest' : `${count} manifests`} cannot be read: ${first?.message ?? ''}`,
			hint: 'What belongs to it is no backup any more. Verify the others, and look at what the storage did to the file.',
		},
	];
}

function lowStorage(state: StorageState, conditions: Conditions): Problem[] {
	const { freeBytes, totalBytes, storedBytes, storage } = state;
	if (freeBytes === undefined) return [];
	const { lowShare = DEFAULT_CONDITIONS.lowShare, lowBytes = 0 } = conditions;
	const share = totalBytes === undefined ? undefined : freeBytes / Math.max(1, totalBytes);
	const isLow = freeBytes < lowBytes || (share !== undefined && share < lowShare);
	if (!isLow) return [];
	const ofAll = share === undefined ? '' : ` (${readableShare(share)})`;
	return [
		{
			id: 'storageLow',
			kind: 'storageLow',
			severity: 'warning',
			subject: storage,
			message: `${readableSize(freeBytes)} are free in ${storage}${ofAll}; its backups take ${readableSize(storedBytes)}.`,
			hint: 'Add room, or let retention keep fewer backups.',
		},
	];
}

function slowRestore(
	systems: readonly BackupSystem[],
	series: readonly SeriesState[],
	{ rtoHours }: Targets,
): Problem[] {
	const hours = recoveryHours(systems, series);
	if (hours === undefined || hours <= rtoHours) return [];
	return [
		{
			id: 'slowRestore',
			kind: 'slowRestore',
			severity: 'warning',
			subject: 'all',
			message: `Restoring everything took ${readableHours(hours)} in test restores; ${readableHours(rtoHours)} are allowed.`,
			hint: 'Restore in parallel, on a faster machine or from a nearer storage, or allow more time.',
		},
	];
}

/** By what the last prunes noted: where nothing is deleted any more, the storage fills up. One that went well makes no other one good. */
function retentionBlocked({ lastPrunes = [], storage }: StorageState): Problem[] {
	const blocked = lastPrunes.find(({ refusal, failed = 0 }) => refusal !== null || failed > 0);
	if (!blocked) return [];
	const { at, refusal, failed = 0 } = blocked;
	const backups = failed === 1 ? 'a backup' : `${failed} backups`;
	return [
		{
			id: 'retentionBlocked',
			kind: 'retentionBlocked',
			severity: 'warning',
			subject: storage,
			message:
				refusal === null
					? `The prune of ${readableMinute(at)} could not delete ${backups}.`
					: `The prune of ${readableMinute(at)} was refused: ${refusal.slice(0, LONGEST_REFUSAL)}`,
			hint: 'Look at the run of Prune Retention: until the next one that succeeds, the storage fills up.',
		},
	];
}
