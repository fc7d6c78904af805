/** What the manifests of base backups and of WAL say that coverage goes by. They come from a storage, so they may say anything. */
import { z } from 'zod';

import type { ManifestSummary } from '../../../archive';
import { isSegmentSize, parseLsn, type Lsn } from '../lsn';
import type { Ancestor } from './timelines';

const lsn = z.string().transform((text, context) => {
	try {
		return parseLsn(text);
	} catch {
		context.addIssue({ code: 'custom', message: 'is no position' });
		return z.NEVER;
	}
});
const timeline = z.number().int().positive().max(0xffff_ffff);
const time = z.string().datetime().nullish();
const ofAll = {
	systemIdentifier: z.string().regex(/^\d{1,20}$/),
	timeline,
	startLsn: lsn,
	endLsn: lsn,
	segmentBytes: z.number().int().refine(isSegmentSize),
};

const baseSource = z.object({ ...ofAll, startTime: time, endTime: time, incremental: z.boolean().default(false) });
const walSource = z.object({
	...ofAll,
	firstTime: time,
	lastTime: time,
	endTime: time,
	partialSegment: z.boolean(),
	history: z.array(z.object({ timeline, endLsn: lsn })).default([]),
});

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
	const read = baseSource.safeParse(source);
	if (!read.success) return undefined;
	const { systemIdentifier, timeline, startLsn, endLsn, endTime, incremental } = read.data;
	const facts = { id, key, timeline, startLsn, endLsn, finishedAt: endTime ?? finishedAt, needs, isIncremental: incremental };
	return { systemIdentifier, facts };
}

/** Undefined where the manifest does not say what such a one has to say. */
export function stretchFacts(
	{ id, source }: Pick<ManifestSummary, 'id' | 'source'>,
	key: string,
): { systemIdentifier: string; facts: StretchFacts } | undefined {
	const read = walSource.safeParse(source);
	if (!read.success) return undefined;
	const { systemIdentifier, firstTime, lastTime, endTime, partialSegment, ...rest } = read.data;
	const facts = {
		...rest,
		id,
		key,
		firstTime: firstTime ?? undefined,
		lastTime: lastTime ?? undefined,
		endTime: endTime ?? undefined,
		isPartial: partialSegment,
	};
	return { systemIdentifier, facts };
}
