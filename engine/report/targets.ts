import { type BackupSystem, deepestLevelOf } from '../verify';
import { type HeldBackup, type SeriesState, isReliable } from './held';
import type { StorageState } from './state';
import { hoursBehind, isJudged } from './windows';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What people want of their backups. */
export interface Targets {
	/** How old the newest good backup of each thing may be, in hours: whatever was written since would be lost. */
	rpoHours: number;
	/** How long restoring everything may take, in hours, as test restores measured it. */
	rtoHours: number;
	/** Which share of the backups has to be good: 0.99. */
	successRate: number;
	/** Of which share of all things a backup has to have passed a verification in the last days. */
	verifiedShare: number;
	/** How long ago the last moment may be to which a server can be recovered, in minutes: the RPO of point-in-time recovery. */
	windowMinutes: number;
}

export const DEFAULT_TARGETS: Targets = {
	rpoHours: 24,
	rtoHours: 1,
	successRate: 0.99,
	verifiedShare: 1,
	windowMinutes: 60,
};

/** Days that the success rate looks back. */
export const RATE_DAYS = 30;
/** Days that verifications count: a week, and a day for a run that came late. */
export const VERIFIED_DAYS = 8;

export interface TargetResult {
	target: keyof Targets;
	wanted: number;
	/** In the unit of the target; undefined where nothing is known, as before any test restore. */
	actual: number | undefined;
	/** Undefined where nothing is known. */
	isMet: boolean | undefined;
}

/**
 * Each target and what the storage's state comes to.
 * @param systems what each system brings; engine/systems.ts has the list
 */
export function resultsOf(
	systems: readonly BackupSystem[],
	state: StorageState,
	targets: Targets = DEFAULT_TARGETS,
): TargetResult[] {
	const now = Date.parse(state.at);
	const { series } = state;
	const ages = series.map((one) => ageHours(one, now) ?? Infinity);
	const behind = (state.logs ?? []).filter(isJudged).map((logged) => hoursBehind(logged, now) * 60);
	const rates = successOf(series, now);
	const verified = series.filter((one) => isVerifiedSince(one, now - VERIFIED_DAYS * DAY_MS));
	return [
		atMost('rpoHours', targets, ages.length > 0 ? Math.max(...ages) : undefined),
		atMost('rtoHours', targets, recoveryHours(systems, series)),
		atLeast('successRate', targets, rates.all > 0 ? rates.good / rates.all : undefined),
		atLeast('verifiedShare', targets, series.length > 0 ? verified.length / series.length : undefined),
		...(behind.length > 0 ? [atMost('windowMinutes', targets, Math.max(...behind))] : []),
	];
}

/**
 * Whether a backup of the series that can be relied on has passed a verification since then. Pieces of a log are read by test restores of base
 * backups as well.
 */
export function isVerifiedSince({ newest, recorded = [], readAt }: SeriesState, since: number): boolean {
	if (readAt !== undefined && Date.parse(readAt) >= since) return true;
	return [...newest, ...recorded].some(
		(backup) =>
			isReliable(backup) && backup.verification?.verdict === 'passed' && Date.parse(backup.verification.at) >= since,
	);
}

/**
 * Hours from the beginning of the newest good backup: what was written since is not in it. Base backups and the log that follows count by the
 * moment up to which they bring everything back: an idle server writes no log. Undefined where there is no good backup.
 */
export function ageHours({ lastGood, reachesTo }: SeriesState, now: number): number | undefined {
	if (!lastGood) return undefined;
	return Math.max(0, now - goodUntil(lastGood, reachesTo)) / HOUR_MS;
}

/** The moment up to which a series brings everything back, in milliseconds since 1970. */
export function goodUntil({ facts }: HeldBackup, reachesTo: string | undefined): number {
	const startedAt = Date.parse(facts.startedAt);
	return reachesTo === undefined ? startedAt : Math.max(startedAt, Date.parse(reachesTo));
}

/**
 * Hours that restoring everything takes, one after the other, by the newest test restore of each thing; undefined where
 * something was never restored for a test. What cannot be, such as an export of workflows, is not counted.
 */
export function recoveryHours(systems: readonly BackupSystem[], series: readonly SeriesState[]): number | undefined {
	const restorable = series.filter(({ kind }) => deepestLevelOf(systems, kind) === 'restore');
	if (restorable.length === 0) return undefined;
	let sum = 0;
	for (const { lastRestored } of restorable) {
		if (!lastRestored?.restored) return undefined;
		sum += lastRestored.restored.duration;
	}
	return sum / HOUR_MS;
}

/** How many of the backups of the last days there are, and how many can be relied on. */
export function successOf(series: readonly SeriesState[], now: number): { good: number; all: number } {
	const recent = series
		.flatMap(({ newest }) => newest)
		.filter(({ facts }) => now - Date.parse(facts.startedAt) <= RATE_DAYS * DAY_MS);
	return { good: recent.filter(isReliable).length, all: recent.length };
}

function atMost(target: keyof Targets, targets: Targets, actual: number | undefined): TargetResult {
	const wanted = targets[target];
	return { target, wanted, actual, isMet: actual === undefined ? undefined : actual <= wanted };
}

function atLeast(target: keyof Targets, targets: Targets, actual: number | undefined): TargetResult {
	const wanted = targets[target];
	return { target, wanted, actual, isMet: actual === undefined ? undefined : actual >= wanted };
}
