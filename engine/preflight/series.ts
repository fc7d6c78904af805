/** What the backups that there are tell: of a schedule that stopped, of room for the next ones, of keys that do not open them. */
import {
	type BackupKind,
	type DecryptionKeys,
	type ListedBackup,
	listManifests,
	openArchive,
	readManifest,
	seriesIn,
} from '../archive';
import { BackupError } from '../errors';
import type { Storage } from '../storage';

import { finder, type SetupFinding } from './finding';

const HOUR_MS = 3_600_000;

/** Fewer do not make a schedule. */
const FEWEST = 4;
/** How many intervals may pass before one is missed. */
const LATE = 2;
/** Of so many backups of a series, intervals are looked at. */
const LOOKED_AT = 30;
/** What opens with a credential is tried on so many backups. */
const TRIED = 10;

export interface Series {
	/** Newest first. */
	backups: ListedBackup[];
}

/** The series in a storage, that of the newest backup first. @throws BackupError as listing does */
export async function readSeries(
	storage: Storage,
	kinds: readonly BackupKind[] | undefined,
	signal?: AbortSignal,
): Promise<Series[]> {
	const { backups } = await listManifests(storage, '', {}, signal);
	const wanted = backups.filter(
		({ manifest, folder }) => (!kinds || kinds.includes(manifest.kind)) && !folder.startsWith('weekly/'),
	);
	const names = seriesIn(backups);
	const found = new Map<string, ListedBackup[]>();
	for (const backup of wanted) {
		const name = names.get(backup) ?? '';
		found.set(name, [...(found.get(name) ?? []), backup]);
	}
	return [...found.values()].map((all) => ({ backups: all }));
}

/** Series that have had a rhythm, and lost it. A series of which the last backup is a year old was given up. */
export function scheduleFindings(series: readonly Series[], now: Date): SetupFinding[] {
	return series.flatMap(({ backups }) => {
		const [newest] = backups as [ListedBackup, ...ListedBackup[]];
		const { name, kind, startedAt } = newest.manifest;
		const interval = usualInterval(backups);
		if (interval === undefined) return [];
		const { ok, warning } = finder('Schedule', name, 'backup');
		const passed = now.getTime() - Date.parse(startedAt);
		const usual = `every ${inWords(interval)}`;
		if (passed <= LATE * interval) return [ok(`Backups (${kind}) are made ${usual}, as they were.`)];
		return [
			warning(
				`Backups (${kind}) were made ${usual}, and there is none since ${startedAt}.`,
				'Open the workflow that makes them: see that it is published, its Schedule Trigger switched on, and what its last executions say. If they are not to be made any more, delete them, or give Ignored Names in Backup Report.',
			),
		];
	});
}

/** After how many seconds executions are ended, and what to do about that. */
export interface ExecutionLimit {
	seconds: number;
	remedy: string;
}

/** Whether back ups have come so near to what an execution may take that one that takes a little longer is ended. */
export function durationFindings(series: readonly Series[], limit: ExecutionLimit | undefined): SetupFinding[] {
	if (!limit) return [];
	return series.flatMap(({ backups }) => {
		const taken = backups.slice(0, LOOKED_AT).map(({ manifest }) => {
			return (Date.parse(manifest.finishedAt) - Date.parse(manifest.startedAt)) / 1000;
		});
		const longest = Math.max(...taken);
		const [newest] = backups as [ListedBackup, ...ListedBackup[]];
		const { problem, warning } = finder('Execution Timeout', newest.manifest.name, 'backup');
		const what = `A backup (${newest.manifest.kind}) has taken ${Math.round(longest)} s, and n8n ends each execution after ${limit.seconds} s.`;
		if (longest >= limit.seconds) return [problem(what, limit.remedy)];
		return 2 * longest >= limit.seconds ? [warning(what, limit.remedy)] : [];
	});
}

/** The median of the time between two backups, in milliseconds. */
function usualInterval(backups: readonly ListedBackup[]): number | undefined {
	const times = backups.slice(0, LOOKED_AT).map(({ manifest }) => Date.parse(manifest.startedAt));
	if (times.length < FEWEST) return undefined;
	const intervals = times.slice(1).map((time, index) => (times[index] ?? time) - time);
	const median = intervals.toSorted((a, b) => a - b)[Math.floor(intervals.length / 2)] ?? 0;
	// Somebody who tries something out makes no schedule.
	return median >= HOUR_MS / 4 ? median : undefined;
}

function inWords(milliseconds: number): string {
	const hours = milliseconds / HOUR_MS;
	if (hours < 1) return `${Math.round(hours * 60)} minutes`;
	if (hours < 36) return Math.round(hours) === 1 ? 'hour' : `${Math.round(hours)} hours`;
	return `${Math.round(hours / 24)} days`;
}

/**
 * Whether the next backup of each series has room.
 * @param sourceBytes of what was never backed up, on its server
 */
export async function roomFindings(
	storage: Storage,
	series: readonly Series[],
	sourceBytes = 0,
): Promise<SetupFinding[]> {
	const free = await storage.freeBytes();
	if (free === undefined) return [];
	const { ok, warning, problem } = finder('Room', storage.description, 'backup');
	const last = series.reduce((sum, { backups }) => sum + (backups[0]?.manifest.size.stored ?? 0), 0);
	const remedy = 'Run Prune Retention (its dry run says what would go), or choose a folder on a larger disk.';
	if (last > free) {
		return [problem(`${size(free)} are free, and the last backup of everything took ${size(last)}.`, remedy)];
	}
	if (series.length === 0 && sourceBytes > free) {
		return [
			warning(`${size(free)} are free, and what is to be backed up takes ${size(sourceBytes)} on its server.`, remedy),
		];
	}
	if (2 * last > free) {
		return [
			warning(
				`${size(free)} are free, and the last backup of everything took ${size(last)}: soon there is no room.`,
				remedy,
			),
		];
	}
	return [ok(`${size(free)} are free${last > 0 ? `, and the last backup of everything took ${size(last)}` : ''}.`)];
}

function size(bytes: number): string {
	const units: Array<[string, number]> = [
		['TB', 1e12],
		['GB', 1e9],
		['MB', 1e6],
		['kB', 1e3],
	];
	const [unit, one] = units.find(([, each]) => bytes >= each) ?? ['bytes', 1];
	return `${one === 1 ? bytes : (bytes / one).toFixed(1)} ${unit}`;
}

/** Whether the keys open the newest backup of each series. @param keys undefined where no credential is selected */
export async function openingFindings(
	storage: Storage,
	series: readonly Series[],
	keys: DecryptionKeys | undefined,
	signal?: AbortSignal,
): Promise<SetupFinding[]> {
	const encrypted = series.flatMap(({ backups: [newest] }) => (newest?.manifest.encryption ? [newest] : []));
	const findings: SetupFinding[] = [];
	for (const backup of encrypted.slice(0, TRIED)) {
		const { ok, problem } = finder('Opens Backups', backup.manifest.name, 'restore');
		if (!keys) {
			findings.push(
				finder('Opens Backups', backup.manifest.name, 'restore').warning(
					`The newest backup (${backup.key}) is encrypted, and no credential is selected that would open it.`,
					'Select the Backup Encryption credential that it was made with.',
				),
			);
			continue;
		}
		const failure = await opens(storage, backup, keys, signal);
		if (!failure) findings.push(ok(`The credential opens the newest backup (${backup.key}).`));
		else {
			findings.push(
				problem(
					`The credential does not open the newest backup (${backup.key}): ${failure.message}`,
					failure.hint ?? 'Select the Backup Encryption credential that it was made with.',
				),
			);
		}
	}
	return findings;
}

/** Reads the smallest part, which takes the keys and some kilobytes at most for nearly all. @throws BackupError CANCELLED */
async function opens(
	storage: Storage,
	{ manifestKey }: ListedBackup,
	keys: DecryptionKeys,
	signal: AbortSignal | undefined,
): Promise<BackupError | undefined> {
	try {
		const read = await readManifest(storage, manifestKey, signal);
		const reader = await openArchive(storage, read, keys);
		const { parts } = read.manifest;
		const smallest = parts.reduce(
			(least, part, index) => (part.length < (parts[least]?.length ?? 0) ? index : least),
			0,
		);
		for await (const { raw } of reader.parts((_part, index) => index === smallest, signal)) {
			if (!(raw instanceof Uint8Array)) raw.destroy();
		}
		return undefined;
	} catch (error) {
		if (!(error instanceof BackupError) || error.code === 'CANCELLED') throw error;
		return error;
	}
}
