import { setTimeout as sleep } from 'node:timers/promises';

import { BackupError, throwIfCancelled } from '../../errors';
import type { QdrantClient } from '../client/client';
import type { CollectionInfo, JsonObject } from '../client/types';
import type { CollectionSource } from '../manifestSource';
import { countPoints, type PointCount } from '../server/collectionState';
import type { Topology } from '../server/topology';
import { bare } from './compatibility';
import { type SampleSearch, searchSample } from './sampleSearch';

export interface CheckOptions {
	/** Milliseconds to wait until the server has built its indexes (status green); 0, the default, does not wait. */
	waitForIndexes?: number;
	/** Whether a point is looked up by its own vector; by default true. */
	sampleSearch?: boolean;
	/** Roughly how many points the snapshot has by its own files, where there is no manifest. */
	roughPoints?: number | undefined;
	/** Ends the waiting alone: what has been restored over a collection stays, and is worth a report. */
	stopWaiting?: AbortSignal | undefined;
}

/** What a restored collection turned out to hold. */
export interface CollectionCheck {
	/** Exact, unless a warning says otherwise. */
	points: number;
	/** Undefined for a snapshot made by others. */
	expectedPoints?: number;
	status: CollectionInfo['status'];
	indexedVectors: number;
	sampleSearch: SampleSearch | 'off';
	/** Differences that do not make it another collection. */
	warnings: string[];
	/** Differences that do. */
	problems: string[];
}

/** Counted before and after the snapshot was made. */
interface PromisedPoints {
	before: number;
	after: number;
	/** Whether they are the server's own, rough estimate. */
	estimated?: boolean | undefined;
	/** Points that are just being moved count twice, and what was not yet in a segment does not count. */
	isRough?: boolean;
}

/** Compares a collection with the backup's manifest, where there is one. */
export async function checkCollection(
	topology: Topology,
	collection: string,
	facts: CollectionSource | undefined,
	options: CheckOptions = {},
	signal?: AbortSignal,
): Promise<CollectionCheck> {
	const { client } = topology;
	const counts = await countOnPeers(topology, collection, signal);
	const { info, waited } = await settled(client, collection, options, signal);
	const check: CollectionCheck = {
		points: counts[0]?.points ?? 0,
		...(facts && { expectedPoints: facts.points.after }),
		status: info.status,
		indexedVectors: info.indexed_vectors_count ?? 0,
		sampleSearch: 'off',
		warnings: [],
		problems: [],
	};
	if (!waited) check.warnings.push(`The server is still building indexes (status ${info.status}).`);
	if (info.status === 'red') {
		check.problems.push(`the server reports a failure: ${JSON.stringify(info.optimizer_status)}`);
	}
	const why = counts.find(({ estimatedBecause }) => estimatedBecause !== undefined)?.estimatedBecause;
	if (why !== undefined) check.warnings.push(`The number of points is the server's own estimate. ${why}`);
	const { roughPoints: rough } = options;
	const promised = facts?.points ?? (rough !== undefined && { before: rough, after: rough, isRough: true });
	if (facts) compareSettings(check, info, facts);
	if (options.sampleSearch ?? true) {
		const warn = (message: string) => void check.warnings.push(message);
		check.sampleSearch = await searchSample(client, collection, warn, signal);
	}
	if (promised) comparePoints(check, counts, promised);
	else if (check.points === 0) check.warnings.push('It is empty, and nothing says how many points it should have.');
	return check;
}

/** Throws TARGET_FAILED where the check has found that it is not what was backed up. */
export function assertPassed(check: CollectionCheck, collection: string, hint: string): void {
	if (check.problems.length === 0) return;
	throw new BackupError(
		'TARGET_FAILED',
		`The restored collection ${collection} is not what was backed up: ${check.problems.join('; ')}.`,
		{ hint, details: { problems: check.problems } },
	);
}

async function settled(
	client: QdrantClient,
	collection: string,
	{ waitForIndexes: within = 0, stopWaiting }: CheckOptions,
	signal: AbortSignal | undefined,
) {
	const deadline = Date.now() + within;
	for (;;) {
		throwIfCancelled(signal);
		const info = await client.collection(collection, signal);
		// Grey: work is due that the server begins at the next change of the collection.
		const done = info.status === 'green' || info.status === 'red' || info.status === 'grey';
		const isOver = Date.now() > deadline || stopWaiting?.aborted === true;
		if (done || within === 0 || isOver) return { info, waited: done || within === 0 };
		await sleep(client.timeouts.pause, undefined, { signal: stopWaiting ?? signal }).catch(() => {});
	}
}

/** A peer counts the replicas that it holds itself, so all peers together have counted them all. */
async function countOnPeers(
	{ client, clients }: Topology,
	collection: string,
	signal?: AbortSignal,
): Promise<PointCount[]> {
	const others = [...clients.values()].filter((other) => other !== client);
	return await Promise.all([client, ...others].map((peer) => countPoints(peer, collection, signal)));
}

/**
 * Bytes were compared with their hash on both ends, so another number of points alone is no verdict: points come and go
 * while a snapshot is made, and, over a collection in use, since. What is empty or lacks most of its points is no backup of
 * the collection all the same.
 */
function comparePoints(check: CollectionCheck, counts: PointCount[], promised: PromisedPoints): void {
	const { before, after } = promised;
	const [low, high] = [Math.min(before, after), Math.max(before, after)];
	const expected = low === high ? String(after) : `${low} to ${high}`;
	const found = counts.find(({ points }) => points < low || points > high);
	if (!found) return;
	const isExact = !promised.estimated && found.estimatedBecause === undefined;
	// An estimate of none is believed where no point can be read either.
	const isEmpty = found.points === 0 && (isExact || ['empty', 'off'].includes(check.sampleSearch));
	const isPart = found.points < low / 2 && low === high && isExact;
	if (isEmpty) check.problems.push(`it is empty, and ${expected} points were there during the backup`);
	else if (isPart) check.problems.push(`it has ${found.points} points instead of ${expected}`);
	else if (found.points < low / 2 || !promised.isRough) {
		check.warnings.push(
			`It has ${found.points} points; ${expected} were there during the backup. Points that clients write meanwhile, or since, make such a difference.`,
		);
	}
}

function compareSettings(check: CollectionCheck, info: CollectionInfo, facts: CollectionSource): void {
	for (const setting of ['vectors', 'sparse_vectors']) {
		const [found, expected] = [info.config.params[setting], facts.config.params[setting]];
		if (covers(bare(found), bare(expected))) continue;
		check.problems.push(`its ${setting} are ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`);
	}
	for (const setting of ['hnsw_config', 'quantization_config'] as const) {
		if (covers(bare(info.config[setting]), bare(facts.config[setting]))) continue;
		check.warnings.push(`Its ${setting} is the one that the collection had before, not the backup's.`);
	}
	for (const [field, schema] of Object.entries(facts.payloadSchema)) {
		const found = info.payload_schema[field];
		if (found === undefined) check.problems.push(`the payload index ${field} is missing`);
		else if (found['data_type'] !== schema['data_type'] || !covers(bare(found['params']), bare(schema['params']))) {
			check.problems.push(
				`the payload index ${field} is ${JSON.stringify(found)} instead of ${JSON.stringify(schema)}`,
			);
		}
	}
	const extra = Object.keys(info.payload_schema).filter((field) => !(field in facts.payloadSchema));
	if (extra.length > 0) check.warnings.push(`It kept payload indexes that the backup has not: ${extra.join(', ')}.`);
}

/** Whether everything that was is there; a newer server may tell of more settings. */
export function covers(found: unknown, expected: unknown): boolean {
	if (typeof expected !== 'object' || expected === null) return expected === undefined || found === expected;
	if (typeof found !== 'object' || found === null) return false;
	return Object.entries(expected).every(([key, value]) => covers((found as JsonObject)[key], value));
}
