/** Checks a scratch collection: first as a whole, then some of its points one by one. */
import { messageOf, throwIfCancelled } from '../../errors';
import type { CheckContext } from '../../verify/types';
import type { CollectionInfo, JsonObject, PointId } from '../client/types';
import { shardIncompatibility } from '../restore/compatibility';
import { findShards } from '../server/shards';
import { findPeers } from '../server/topology';
import { compareConfig } from './compareCollection';
import { findTooFew } from './comparePoints';
import { findError, findWarning } from './findings';
import { compareWithLive } from './live';
import { conditionOf } from './payloadIndexes';
import { isRefusal, readPoint, type SampledPoint, sampleIds, withId } from './samples';
import type { Scratch } from './scratch';
import { withoutStrictMode } from './strictMode';
import { isAmongNeighbours, type NamedVector, searchItself, shapeProblem, vectorsOf } from './vectors';

const AT_ONCE = 4;
/** For so many of the points, each indexed value is tried as a filter. */
const FILTERED = 20;
/** So many points are searched for through the index. Every sampled point is compared with itself, which is cheap. */
const SEARCHES = 10;
/** The share of searches that must find their point. An approximate index may miss some. */
const LEAST_HITS = 0.5;

/**
 * Checks a scratch collection and reports what is wrong.
 * @returns counts of what was looked at
 * @throws what the server fails with
 */
export async function inspect(scratch: Scratch, context: CheckContext): Promise<Record<string, number>> {
	const { connection, client, name, facts, report } = scratch;
	const { signal } = context;
	for (const warning of report.warnings) findWarning(context, '', warning);
	if (facts) findTooFew(context, report.points, facts);
	const info = await client.collection(name, signal);
	if (facts) compareConfig(context, info.config, facts);
	const topology = await findPeers(connection, 'target', signal);
	const shards = await findShards(topology, name, signal);
	const other = facts && shardIncompatibility(shards, facts);
	if (other !== undefined) findError(context, '', `Once restored, ${other}.`);
	const counts = { points: report.points, shards: shards.length };
	if (report.points === 0) return counts;
	await withoutStrictMode(client, name, info, signal);
	try {
		return { ...counts, ...(await new PointsCheck(scratch, info, context).run()) };
	} catch (error) {
		if (!isRefusal(error)) throw error;
		const hint = 'The strict mode of the collection, or a proxy, may forbid it.';
		const message = `The server would not let its points be looked at: ${messageOf(error)}`;
		context.found({ severity: 'inconclusive', message, hint });
		return counts;
	}
}

/** Checks sampled points: whether each can be read, and is found by its vectors and by its indexed values. */
class PointsCheck {
	readonly #counts = { sampled: 0, searched: 0, filtered: 0, compared: 0 };
	#asked = 0;
	#hits = 0;

	constructor(
		private readonly scratch: Scratch,
		private readonly info: CollectionInfo,
		private readonly context: CheckContext,
	) {}

	async run(): Promise<Record<string, number>> {
		const { client, name, report } = this.scratch;
		const { signal } = this.context;
		const ids = await sampleIds(client, name, signal);
		if (ids.length === 0) findError(this.context, '', `It counts ${report.points} points, but none can be read.`);
		const waiting = ids.values();
		await Promise.all(Array.from({ length: AT_ONCE }, async () => await this.#visitAll(waiting)));
		if (this.#asked > 0 && this.#hits < this.#asked * LEAST_HITS) this.#findBlindIndex();
		const { facts, manifest } = this.scratch;
		if (facts && manifest)
			this.#counts.compared = await compareWithLive({ ...this.scratch, facts, manifest }, ids, this.context);
		return this.#counts;
	}

	/** Checks points until none is left; several such loops share the list. */
	async #visitAll(waiting: Iterable<PointId>): Promise<void> {
		const { client, name } = this.scratch;
		const { signal } = this.context;
		for (const id of waiting) {
			throwIfCancelled(signal);
			const point = await readPoint(client, name, id, signal);
			const number = ++this.#counts.sampled;
			if (!point) this.#findBad(id, 'is listed, but is not found by its id');
			else await this.#visit(point, number <= FILTERED);
		}
	}

	async #visit(point: SampledPoint, isFiltered: boolean): Promise<void> {
		for (const vector of vectorsOf(point, this.info.config.params)) {
			const part = 'unknown' in vector ? vector.unknown : vector.name;
			const which = part === '' ? 'its vector' : `its vector ${part}`;
			const problem = 'unknown' in vector ? 'is not among the settings of the collection' : shapeProblem(vector);
			if (problem !== undefined) this.#findBad(point.id, `cannot be right: ${which} ${problem}`);
			else if (!('unknown' in vector)) await this.#search(point.id, vector, which);
		}
		if (isFiltered) await this.#filter(point);
	}

	async #search(id: PointId, vector: NamedVector, which: string): Promise<void> {
		const { client, name } = this.scratch;
		const { signal } = this.context;
		const result = await searchItself(client, name, id, vector, signal);
		if (result === 'skipped') return;
		this.#counts.searched++;
		if (result === 'lost') this.#findBad(id, `is not found by ${which}`);
		if (result === 'unlike')
			this.#findBad(id, `is not like itself: the server compares ${which} as if it were another`);
		if (this.#asked >= SEARCHES) return;
		const isHit = await this.#isNear(id, vector);
		if (isHit === undefined) return;
		this.#asked++;
		if (isHit) this.#hits++;
	}

	/** Undefined where the search fails: without an index it reads every point, which may take longer than a server allows. */
	async #isNear(id: PointId, vector: NamedVector): Promise<boolean | undefined> {
		const { client, name } = this.scratch;
		try {
			return await isAmongNeighbours(client, name, id, vector, this.context.signal);
		} catch (error) {
			if (this.context.signal?.aborted) throw error;
			this.context.log(`A search in ${name} had no result: ${messageOf(error)}`);
			return undefined;
		}
	}

	async #filter(point: SampledPoint): Promise<void> {
		const { client, name } = this.scratch;
		for (const [field, schema] of Object.entries(this.info.payload_schema)) {
			const condition = conditionOf(field, schema, point);
			if (!condition) continue;
			const filter: JsonObject = { must: [withId(point.id), condition] };
			const [found] = await client.search(name, { filter, limit: 1 }, this.context.signal);
			this.#counts.filtered++;
			if (found?.id !== point.id) this.#findBad(point.id, `is not found by the value that it has in ${field}`);
		}
	}

	/** A message may show the id of a point: it is not content, and whoever repairs the collection needs it. */
	#findBad(id: PointId, what: string): void {
		findError(this.context, `point ${id}`, `Once restored, the point ${what}.`);
	}

	#findBlindIndex(): void {
		const message = `Of ${this.#asked} searches by the vectors of restored points, ${this.#hits} came to the point.`;
		if (this.#hits === 0 && this.#asked === SEARCHES) findError(this.context, '', message);
		else findWarning(this.context, '', message);
	}
}
