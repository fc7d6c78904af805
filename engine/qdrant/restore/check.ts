import { setTimeout as sleep } from 'node:timers/promises';

import { BackupError, throwIfCancelled } from '../../errors';
import type { QdrantClient } from '../client';
import type { Topology } from '../cluster';
import type { CollectionSource } from '../manifestSource';
import type { CollectionInfo, JsonObject } from '../types';
import { bare } from './compatible';

const POLL_MS = 500;

export interface CheckOptions {
	/** Milliseconds to wait until the server has built its indexes (status green); 0, the default, does not wait. */
	waitForIndexes?: number;
	/** Look a point up by its own vector; true unless told. */
	sampleSearch?: boolean;
	/** Ends the waiting alone: what has been restored over a collection stays, and is worth a report. */
	stopWaiting?: AbortSignal | undefined;
}

/** What a restored collection turned out to hold. */
export interface CollectionCheck {
	/** Exact. */
	points: number;
	/** Undefined for a snapshot made by others. */
	expectedPoints?: number;
	status: CollectionInfo['status'];
	indexedVectors: number;
	/** `passed`, `empty` (no points), `off`, or `skipped` for vectors that cannot be searched by. */
	sampleSearch: 'passed' | 'empty' | 'off' | 'skipped';
	/** Differences that do not make it another collection. */
	warnings: string[];
	/** Differences that do. */
	problems: string[];
}

/** Compares a collection with what the backup's manifest tells, as far as it tells anything. */
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
		points: counts[0] ?? 0,
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
	if (facts) {
		comparePoints(check, counts, facts);
		compareSettings(check, info, facts);
	}
	if (options.sampleSearch ?? true) check.sampleSearch = await searchSample(client, collection, check, signal);
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
		await sleep(POLL_MS, undefined, { signal: stopWaiting ?? signal }).catch(() => {});
	}
}

/** A peer counts the replicas that it holds itself, so all peers together have counted them all. */
async function countOnPeers(
	{ client, clients }: Topology,
	collection: string,
	signal?: AbortSignal,
): Promise<number[]> {
	const others = [...clients.values()].filter((other) => other !== client);
	return await Promise.all([client, ...others].map((peer) => peer.count(collection, signal)));
}

/** Where points were written during the backup, the snapshot holds some number in between. */
function comparePoints(
	check: CollectionCheck,
	counts: number[],
	{ points: { before, after } }: CollectionSource,
): void {
	const wrong = counts.find((points) => points < Math.min(before, after) || points > Math.max(before, after));
	if (wrong === undefined) return;
	if (before === after) check.problems.push(`it has ${wrong} points instead of ${after}`);
	else check.warnings.push(`It has ${wrong} points; ${before} to ${after} were there during the backup.`);
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

async function searchSample(
	client: QdrantClient,
	collection: string,
	check: CollectionCheck,
	signal: AbortSignal | undefined,
): Promise<CollectionCheck['sampleSearch']> {
	const point = await client.anyPoint(collection, signal);
	if (!point) {
		if (check.points > 0) check.problems.push('no point can be read');
		return 'empty';
	}
	const query = sampleQuery(point.vector);
	if (!query) return 'skipped';
	const found = await client.search(collection, { ...query, limit: 1 }, signal);
	if (found.length === 0) check.problems.push('a search by the vector of one of its points finds nothing');
	return 'passed';
}

/** A search by a point's own vector: the only one, or the first of the named ones. */
function sampleQuery(vector: unknown): JsonObject | undefined {
	if (Array.isArray(vector)) return vector.length > 0 ? { query: vector } : undefined;
	if (typeof vector !== 'object' || vector === null) return undefined;
	const [first] = Object.entries(vector as JsonObject);
	return first && { query: first[1] as JsonObject, using: first[0] };
}
