/** What the manifests of base backups and of WAL say that coverage goes by. They come from a storage, so they may say anything. */
import type { ManifestSummary } from '../../../archive';
import { isSegmentSize, parseLsn, type Lsn } from '../lsn';
import type { Ancestor } from './timelines';

/** A base backup. */
export interface BaseFacts {
	id: string;
	key: string;
	timeline: number;
	/** Recovery reads the log from here, and may stop anywhere from `endLsn` on. */
	startLsn: Lsn;
	endLsn: Lsn;
	/** By the server's clock where the manifest has it. ISO 8601, UTC. */
	finishedAt: string;
	/** The other base backups that an increment needs. */
	needs: readonly string[];
	isIncremental: boolean;
}

/** A stretch of the log. */
export interface StretchFacts {
	id: string;
	key: string;
	timeline: number;
	startLsn: Lsn;
	endLsn: Lsn;
	segmentBytes: number;
	/** Of the first and the last transaction that ended in it. ISO 8601, UTC; undefined where none did. */
	firstTime: string | undefined;
	lastTime: string | undefined;
	/** When it reached to its end, by the server's clock: where that is later than `lastTime`, nothing happened in between. */
	endTime: string | undefined;
	/** Whether its last segment goes on: then it has only this one. */
	isPartial: boolean;
	/** The timelines that came before this one. */
	history: readonly Ancestor[];
}

/** What is there of one cluster. */
export interface ClusterFacts {
	systemIdentifier: string;
	bases: BaseFacts[];
	stretches: StretchFacts[];
}

/** A backup, as lists have it. */
export interface ListedFacts {
	manifest: ManifestSummary;
	key: string;
	/** Undefined where the archive is gone. */
	foundSize: number | undefined;
}

/**
 * The base backups and the WAL of each cluster, by system identifier. What is of another kind is passed over, and so is what has no
 * archive any more.
 */
export function clustersIn(backups: Iterable<ListedFacts>): Map<string, ClusterFacts> {
	const clusters = new Map<string, ClusterFacts>();
	const clusterOf = (systemIdentifier: string) => {
		const cluster = clusters.get(systemIdentifier) ?? { systemIdentifier, bases: [], stretches: [] };
		clusters.set(systemIdentifier, cluster);
		return cluster;
	};
	for (const { manifest, key, foundSize } of backups) {
		if (foundSize === undefined) continue;
		if (manifest.kind === 'postgres-base') {
			const base = baseFacts(manifest, key);
			if (base) clusterOf(base.systemIdentifier).bases.push(base.facts);
		} else if (manifest.kind === 'postgres-wal') {
			const stretch = stretchFacts(manifest, key);
			if (stretch) clusterOf(stretch.systemIdentifier).stretches.push(stretch.facts);
		}
	}
	return clusters;
}

/** Undefined where the manifest does not say what such a one has to say. */
export function baseFacts(
	{ id, source, finishedAt, needs = [] }: Pick<ManifestSummary, 'id' | 'source' | 'finishedAt' | 'needs'>,
	key: string,
): { systemIdentifier: string; facts: BaseFacts } | undefined {
	const place = placeIn(source);
	const { incremental = false } = source;
	const startTime = timeIn(source['startTime']);
	const endTime = timeIn(source['endTime']);
	if (!place || typeof incremental !== 'boolean' || startTime === NO_TIME || endTime === NO_TIME) return undefined;
	const { systemIdentifier, timeline, startLsn, endLsn } = place;
	const facts = {
		id,
		key,
		timeline,
		startLsn,
		endLsn,
		finishedAt: endTime ?? finishedAt,
		needs,
		isIncremental: incremental,
	};
	return { systemIdentifier, facts };
}

/** Undefined where the manifest does not say what such a one has to say. */
export function stretchFacts(
	{ id, source }: Pick<ManifestSummary, 'id' | 'source'>,
	key: string,
): { systemIdentifier: string; facts: StretchFacts } | undefined {
	const place = placeIn(source);
	const history = historyIn(source['history']);
	const { partialSegment: isPartial } = source;
	if (!place || !history || typeof isPartial !== 'boolean') return undefined;
	const firstTime = timeIn(source['firstTime']);
	const lastTime = timeIn(source['lastTime']);
	const endTime = timeIn(source['endTime']);
	if (firstTime === NO_TIME || lastTime === NO_TIME || endTime === NO_TIME) return undefined;
	const { systemIdentifier, ...rest } = place;
	return { systemIdentifier, facts: { ...rest, id, key, firstTime, lastTime, endTime, isPartial, history } };
}

// Read by hand, field by field: a report reads a hundred thousand of them, and a schema takes nine times as long.

interface PlaceFacts {
	systemIdentifier: string;
	timeline: number;
	startLsn: Lsn;
	endLsn: Lsn;
	segmentBytes: number;
}

const SYSTEM = /^\d{1,20}$/;
const LSN = /^[0-9A-Fa-f]{1,8}\/[0-9A-Fa-f]{1,8}$/;
const UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
/** What stands for a time that is none. */
const NO_TIME = Symbol('no time');
const NO_HISTORY: readonly Ancestor[] = [];

function placeIn(source: ManifestSummary['source']): PlaceFacts | undefined {
	const { systemIdentifier, segmentBytes } = source;
	const timeline = timelineIn(source['timeline']);
	const startLsn = lsnIn(source['startLsn']);
	const endLsn = lsnIn(source['endLsn']);
	if (typeof systemIdentifier !== 'string' || !SYSTEM.test(systemIdentifier)) return undefined;
	if (typeof segmentBytes !== 'number' || !Number.isInteger(segmentBytes) || !isSegmentSize(segmentBytes))
		return undefined;
	if (timeline === undefined || startLsn === undefined || endLsn === undefined) return undefined;
	return { systemIdentifier, timeline, startLsn, endLsn, segmentBytes };
}

function timelineIn(value: unknown): number | undefined {
	return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 0xffff_ffff ? value : undefined;
}

function lsnIn(value: unknown): Lsn | undefined {
	return typeof value === 'string' && LSN.test(value) ? parseLsn(value) : undefined;
}

function timeIn(value: unknown): string | undefined | typeof NO_TIME {
	if (value === undefined || value === null) return undefined;
	return typeof value === 'string' && UTC.test(value) && !Number.isNaN(Date.parse(value)) ? value : NO_TIME;
}

function historyIn(value: unknown): readonly Ancestor[] | undefined {
	if (value === undefined) return NO_HISTORY;
	if (!Array.isArray(value)) return undefined;
	const history: Ancestor[] = [];
	for (const one of value as unknown[]) {
		const { timeline: told, endLsn: end } = Object(one) as { timeline?: unknown; endLsn?: unknown };
		const timeline = timelineIn(told);
		const endLsn = lsnIn(end);
		if (timeline === undefined || endLsn === undefined) return undefined;
		history.push({ timeline, endLsn });
	}
	return history;
}
