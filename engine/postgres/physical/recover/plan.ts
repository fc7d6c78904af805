/** What a recovery would read and where it would end, found out without writing anything. */
import {
	listManifests,
	openArchive,
	type ArchiveReader,
	type DecryptionKeys,
	type ManifestSummary,
} from '../../../archive';
import { BackupError, listed } from '../../../errors';
import type { Storage } from '../../../storage';
import {
	allHistories,
	clustersIn,
	coverageOf,
	historiesOf,
	reachingTo,
	readReached,
	type Ancestor,
	type BaseFacts,
	type ClusterFacts,
	type Coverage,
	type StretchFacts,
	type Window,
} from '../coverage';
import { formatLsn, type Lsn } from '../lsn';
import { locate, type Located, type Place } from './locate';
import { between, chainOf, logOf } from './route';
import { parseTime, readableTime, targetText, type RecoveryAction, type RecoveryTarget } from './target';

export interface PlanRecoveryOptions {
	storage: Storage;
	keys?: DecryptionKeys | undefined;
	target: RecoveryTarget;
	/** What happens when it is reached. */
	action: RecoveryAction;
	/** What the backups are called, or PostgreSQL's system identifier; needed where there are those of several clusters. */
	cluster?: string | undefined;
	/** Of the log that is followed; by default the newest that the target lies in. */
	timeline?: number | undefined;
	/** The id of the base backup to begin from; by default the newest that ends before the target. */
	base?: string | undefined;
	signal?: AbortSignal | undefined;
}

/** From when to when a cluster can be recovered. */
export interface RecoverableWindow {
	timeline: number;
	startLsn: Lsn;
	endLsn: Lsn;
	/** ISO 8601. */
	startTime: string;
	endTime: string | undefined;
}

export interface RecoveryPlan {
	/** What the backups are called. */
	name: string;
	systemIdentifier: string;
	timeline: number;
	/** What the server is told. */
	target: RecoveryTarget;
	/** The base backup, the whole one first, then its increments. */
	bases: ArchiveReader[];
	/** The stretches of the log, in the order in which they are read. */
	log: { stretch: StretchFacts; reader: ArchiveReader }[];
	/** The ancestors of every timeline that the storage tells of, whether the server comes by it or not. */
	histories: ReadonlyMap<number, readonly Ancestor[]>;
	/** The log that the server needs. */
	fromLsn: Lsn;
	toLsn: Lsn;
	/** When the last transaction that comes back ended, in microseconds since 1970; undefined where nothing tells. */
	lastTransaction: number | undefined;
	/** Bytes that the data directory takes while it is put together, as far as is known. */
	bytes: number;
	windows: RecoverableWindow[];
}

/**
 * @throws BackupError ARCHIVE_INCOMPLETE (the target cannot be reached; `details.windows` tells what can), INVALID_INPUT (which cluster),
 * ARCHIVE_CORRUPT, STORAGE_MISSING (nothing is there), KEY_MISSING, KEY_WRONG, NOT_AUTHENTIC, CANCELLED, and what the storage throws
 */
export async function planRecovery(options: PlanRecoveryOptions): Promise<RecoveryPlan> {
	const { storage, keys, signal, target, timeline } = options;
	const kind = ['postgres-base', 'postgres-wal'] as const;
	const { backups } = await listManifests(storage, '', { kind }, signal, keys);
	const cluster = chosenCluster(clustersIn(backups), backups, options.cluster);
	const coverage = reachingTo(coverageOf(cluster), [await readReached(storage, cluster.systemIdentifier, signal)]);
	const readers = new Map<string, Promise<ArchiveReader>>();
	const open = async ({ key }: { key: string }) => {
		let reader = readers.get(key);
		if (!reader) {
			reader = openArchive(storage, `${key}.manifest.json`, keys);
			readers.set(key, reader);
		}
		return await reader;
	};
	const answers: Located[] = [];
	for (const window of candidates(coverage, timeline)) {
		const log = logOf(window, cluster);
		const { systemIdentifier } = cluster;
		const place = await locate(target, { systemIdentifier, window, log, open, action: options.action, signal });
		answers.push(place);
		if (typeof place === 'string') continue;
		const base = chosenBase(window, place, options.base);
		const chain = base && chainOf(base, cluster);
		if (!chain) continue;
		return await planned(cluster, { backups, coverage, window, log, place, chain, open });
	}
	throw unreachable(options, coverage, answers);
}

/** The windows that are looked into: those of the newest timeline first, for that is the one that people went on with. */
function candidates({ windows }: Coverage, timeline: number | undefined): Window[] {
	const wanted = windows.filter((window) => timeline === undefined || window.timeline === timeline);
	return wanted.sort((a, b) => b.timeline - a.timeline || (a.startLsn < b.startLsn ? 1 : -1));
}

function chosenBase({ bases }: Window, { baseBefore }: Place, id: string | undefined): BaseFacts | undefined {
	const fitting = bases.filter((base) => base.endLsn <= baseBefore && (id === undefined || base.id === id));
	return fitting.reduce<BaseFacts | undefined>(
		(best, one) => (!best || one.endLsn > best.endLsn ? one : best),
		undefined,
	);
}

interface Chosen {
	backups: readonly { manifest: ManifestSummary; key: string }[];
	coverage: Coverage;
	window: Window;
	log: readonly StretchFacts[];
	place: Place;
	chain: readonly BaseFacts[];
	open: (archive: { key: string }) => Promise<ArchiveReader>;
}

async function planned(
	{ systemIdentifier, stretches: all }: ClusterFacts,
	{ coverage, window, log, place, chain, open }: Chosen,
): Promise<RecoveryPlan> {
	const newest = chain.at(-1)!;
	const { target } = place;
	const toLsn = place.toLsn > newest.endLsn ? place.toLsn : newest.endLsn;
	const stretches = between(log, newest.startLsn, toLsn);
	const bases = await Promise.all(chain.map(open));
	const read = await Promise.all(stretches.map(async (stretch) => ({ stretch, reader: await open(stretch) })));
	const whole = bases[0]!.manifest.size.raw;
	return {
		name: bases.at(-1)!.manifest.name,
		systemIdentifier,
		timeline: window.timeline,
		target,
		bases,
		log: read,
		histories: allHistories(historiesOf(all)),
		fromLsn: newest.startLsn,
		toLsn,
		lastTransaction: place.lastTransaction,
		bytes: read.reduce((sum, { reader }) => sum + reader.manifest.size.raw, whole),
		windows: coverage.windows.map(recoverable),
	};
}

function recoverable({ timeline, startLsn, endLsn, startTime, endTime }: Window): RecoverableWindow {
	return { timeline, startLsn, endLsn, startTime, endTime };
}

function chosenCluster(
	clusters: ReadonlyMap<string, ClusterFacts>,
	backups: readonly { manifest: ManifestSummary }[],
	wanted: string | undefined,
): ClusterFacts {
	const named = backups
		.filter(({ manifest }) => manifest.name === wanted)
		.map(({ manifest }) => manifest.source['systemIdentifier']);
	const fitting = [...clusters.values()].filter(
		({ systemIdentifier }) => wanted === undefined || systemIdentifier === wanted || named.includes(systemIdentifier),
	);
	if (fitting.length === 1) return fitting[0]!;
	const names = [
		...new Set(backups.map(({ manifest }) => `${manifest.name} (${String(manifest.source['systemIdentifier'])})`)),
	];
	if (fitting.length === 0) {
		const what = wanted === undefined ? 'of PostgreSQL' : `of the cluster ${JSON.stringify(wanted)}`;
		throw new BackupError('STORAGE_MISSING', `The storage holds no physical backups ${what}.`, {
			hint:
				names.length > 0 ? `It holds those of ${listed(names)}.` : 'Make a base backup, and archive the WAL, first.',
		});
	}
	throw new BackupError(
		'INVALID_INPUT',
		`The storage holds physical backups of ${fitting.length} clusters${wanted === undefined ? '' : ` called ${JSON.stringify(wanted)}`}.`,
		{
			hint: `Name one, by its name or by its system identifier: ${listed(names)}.`,
		},
	);
}

/** Tells what can be had instead. */
function unreachable(
	{ target, timeline, base }: PlanRecoveryOptions,
	{ windows, gaps, useless }: Coverage,
	answers: readonly Located[],
): BackupError {
	const wanted = windows.filter((window) => timeline === undefined || window.timeline === timeline);
	const details = { windows: windows.map(describeWindow) };
	const what = targetText(target);
	if (windows.length === 0) {
		const why = useless.some(({ lacks }) => lacks === 'wal')
			? 'the WAL from the start of a base backup to its end is missing'
			: useless.length > 0
				? 'base backups lack those that they are increments of'
				: 'there is no base backup';
		return new BackupError('ARCHIVE_INCOMPLETE', `Nothing can be recovered: ${why}.`, {
			details,
			hint: 'Archive the WAL, then make a base backup; List Backups tells what is there.',
		});
	}
	const gap =
		gaps.length > 0
			? ` WAL is missing from ${formatLsn(gaps[0]!.startLsn)} to ${formatLsn(gaps[0]!.endLsn)}${gaps.length > 1 ? `, and in ${gaps.length - 1} more places` : ''}.`
			: '';
	const nearest =
		wanted.length > 0 ? ` ${listed(wanted.map(windowText), 3)}.` : ` There is no WAL of timeline ${timeline}.`;
	const hasPlace = answers.some((answer) => typeof answer !== 'string');
	const why = hasPlace
		? base === undefined
			? 'no base backup ends before it'
			: 'the base backup that was chosen does not end before it, or needs another one that is missing'
		: answers.includes('unknown')
			? 'it is not in the WAL that is there'
			: answers.includes('late')
				? 'the WAL does not reach so far'
				: 'no base backup ends before it';
	return new BackupError(
		'ARCHIVE_INCOMPLETE',
		`${what.charAt(0).toUpperCase()}${what.slice(1)} cannot be reached: ${why}.`,
		{
			details,
			hint: `What can be recovered:${nearest}${gap}`,
		},
	);
}

function windowText({ startTime, endTime, startLsn, endLsn, timeline }: Window): string {
	const until = endTime === undefined ? 'where the WAL ends' : readableTime(parseTime(endTime));
	return `from ${readableTime(parseTime(startTime))} to ${until} (${formatLsn(startLsn)} to ${formatLsn(endLsn)}, timeline ${timeline})`;
}

function describeWindow({ startTime, endTime, startLsn, endLsn, timeline }: Window): Record<string, unknown> {
	return { startTime, endTime: endTime ?? null, startLsn: formatLsn(startLsn), endLsn: formatLsn(endLsn), timeline };
}
