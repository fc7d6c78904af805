/**
 * The calls to a Qdrant server, one method each; those about snapshots are in snapshotCalls.ts.
 *
 * How a call is made: a method names one of the calls of Qdrant's own client library, which writes the request and parses the
 * answer (caller.ts). The library's fetch passes the request to a dispatcher of ours (dispatcher.ts), which sends it over Node's
 * HTTP client (http.ts). The answer is checked against the shape that it must have at least (answer.ts), and whatever fails
 * becomes an error that says what to do (failure.ts).
 */
import type { Schemas } from '@qdrant/js-client-rest';

import { BackupError } from '../../errors';
import { plain } from './answer';
import { Caller, exactIntegers } from './caller';
import type { QdrantConnection, QdrantTimeouts } from './connection';
import { ADDRESS_HINT, isFromUnexpectedServer, statusOf, type QdrantFailure, type Role } from './failure';
import { SnapshotCalls } from './snapshotCalls';
import type {
	Alias,
	AliasAction,
	ClusterStatus,
	CollectionCluster,
	CollectionInfo,
	JsonObject,
	ScoredPoint,
	StoredPoint,
} from './types';

export class QdrantClient {
	/** The calls about snapshots. */
	readonly snapshots: SnapshotCalls;
	readonly #caller: Caller;

	/** @throws BackupError INVALID_INPUT for a URL, an API key or a time-out that is none */
	constructor(connection: QdrantConnection, role: Role) {
		this.#caller = new Caller(connection, role);
		this.snapshots = new SnapshotCalls(this.#caller, (name, signal) => this.collectionExists(name, signal));
	}

	/** The address, for messages. */
	get server(): string {
		return this.#caller.server;
	}

	get role(): Role {
		return this.#caller.role;
	}

	get timeouts(): Required<QdrantTimeouts> {
		return this.#caller.timeouts;
	}

	/**
	 * The server's version, `1.16.3`, and its own idea of the time, from the Date header. Needs no API key.
	 * @throws BackupError INVALID_INPUT where something else than Qdrant answers
	 */
	async version(signal?: AbortSignal): Promise<{ version: string; now: Date }> {
		const what = `Could not ask ${this.server} for its version`;
		const { data, date } = await this.#caller
			.whole(what, (api, init) => api.root({}, init), { signal })
			.catch((error: unknown) => {
				// Where a proxy cannot reach Qdrant, its answer does not tell what stands behind it.
				throw isFromUnexpectedServer(error) && (statusOf(error) ?? 0) < 500 ? this.#notQdrant(error) : error;
			});
		const version = (data as { version?: unknown } | null)?.version;
		if (typeof version !== 'string') throw this.#notQdrant();
		const now = new Date(date ?? Date.now());
		return { version, now: Number.isNaN(now.getTime()) ? new Date() : now };
	}

	#notQdrant(cause?: unknown): BackupError {
		const reason = cause instanceof BackupError ? (cause.cause as QdrantFailure).message : 'it tells no version';
		return new BackupError('INVALID_INPUT', `What answers at ${this.server} is not a Qdrant server: ${reason}.`, {
			cause,
			hint: ADDRESS_HINT,
		});
	}

	async cluster(signal?: AbortSignal): Promise<ClusterStatus> {
		const what = 'Could not read the state of the cluster';
		const status = await this.#caller.result(what, 'cluster', (api, init) => api.clusterStatus({}, init), { signal });
		return plain(status) as ClusterStatus;
	}

	/** Sizes of collections, and of the machine. Undefined where the server tells it to nobody, or not to this key. */
	async telemetry(signal?: AbortSignal): Promise<unknown> {
		const ask = this.#caller.result(
			'Could not ask for the telemetry',
			'telemetry',
			(api, init) => api.telemetry({ details_level: 3 }, init),
			{ signal, withoutRetries: true },
		);
		return await ask.catch((error: unknown) => {
			if (statusOf(error) === undefined) throw error;
			return undefined;
		});
	}

	async collections(signal?: AbortSignal): Promise<string[]> {
		const what = 'Could not list the collections';
		const { collections } = await this.#caller.result(
			what,
			'collections',
			(api, init) => api.getCollections({}, init),
			{ signal },
		);
		return collections.map(({ name }) => name).sort();
	}

	/** All aliases of the server. */
	async aliases(signal?: AbortSignal): Promise<Alias[]> {
		const what = 'Could not list the aliases';
		const ask = this.#caller.result(what, 'aliases', (api, init) => api.getCollectionsAliases({}, init), { signal });
		return (await ask).aliases;
	}

	/** Clients see all changes at once. Where the server refuses one of them, those before it stay (1.16.3). */
	async changeAliases(actions: AliasAction[], signal?: AbortSignal): Promise<void> {
		if (actions.length === 0) return;
		await this.#caller.done(
			'Could not change the aliases',
			(api, init) => api.updateAliases({ actions }, init),
			signal,
		);
	}

	async collection(name: string, signal?: AbortSignal): Promise<CollectionInfo> {
		const info = await this.#caller.result(
			`Could not read the collection ${name}`,
			'collection',
			(api, init) => api.getCollection({ collection_name: name }, init),
			{ signal },
		);
		return plain(info) as CollectionInfo;
	}

	/** Whether there is a collection of that name, or one behind an alias of that name. */
	async collectionExists(name: string, signal?: AbortSignal): Promise<boolean> {
		const { exists } = await this.#caller.result(
			`Could not look for the collection ${name}`,
			'exists',
			(api, init) => api.collectionExists({ collection_name: name }, init),
			{ signal },
		);
		return exists;
	}

	async createCollection(name: string, settings: JsonObject, signal?: AbortSignal): Promise<void> {
		const body = exactIntegers(settings) as Schemas['CreateCollection'];
		const what = `Could not create the collection ${name}`;
		await this.#caller.done(
			what,
			(api, init) => api.createCollection({ collection_name: name, ...body }, init),
			signal,
		);
	}

	/** Changes the settings that are given. Of the metadata it changes the keys that are given; null removes a key. */
	async updateCollection(name: string, settings: JsonObject, signal?: AbortSignal): Promise<void> {
		const body = exactIntegers(settings) as Schemas['UpdateCollection'];
		const what = `Could not change the collection ${name}`;
		await this.#caller.done(
			what,
			(api, init) => api.updateCollection({ collection_name: name, ...body }, init),
			signal,
		);
	}

	/** Deletes a collection; does nothing where there is none of that name. */
	async deleteCollection(name: string, signal?: AbortSignal): Promise<void> {
		const what = `Could not delete the collection ${name}`;
		await this.#caller.done(what, (api, init) => api.deleteCollection({ collection_name: name }, init), signal);
	}

	async createShardKey(
		name: string,
		settings: { shard_key: string | number; shards_number: number },
		signal?: AbortSignal,
	): Promise<void> {
		const what = `Could not create a shard key of the collection ${name}`;
		await this.#caller.done(
			what,
			(api, init) => api.createShardKey({ collection_name: name, ...settings }, init),
			signal,
		);
	}

	async createPayloadIndex(
		name: string,
		field: string,
		schema: JsonObject | string,
		signal?: AbortSignal,
	): Promise<void> {
		const index = { field_name: field, field_schema: schema as Schemas['PayloadFieldSchema'] };
		await this.#caller.result(
			`Could not create the payload index ${field} of the collection ${name}`,
			'done',
			(api, init) => api.createFieldIndex({ collection_name: name, wait: true, ...index }, init),
			{ signal, answerWithin: this.#caller.timeouts.operation },
		);
	}

	/** Tells where the shards of a collection are, as the peer that is asked sees it. */
	async collectionCluster(name: string, signal?: AbortSignal): Promise<CollectionCluster> {
		const shards = await this.#caller.result(
			`Could not read the shards of the collection ${name}`,
			'shards',
			(api, init) => api.collectionClusterInfo({ collection_name: name }, init),
			{ signal },
		);
		return plain(shards) as CollectionCluster;
	}

	/** The exact number of points. */
	async count(name: string, signal?: AbortSignal): Promise<number> {
		const { count } = await this.#caller.result(
			`Could not count the points of the collection ${name}`,
			'count',
			(api, init) => api.countPoints({ collection_name: name, exact: true }, init),
			{ signal, answerWithin: this.#caller.timeouts.operation, withoutRetries: true },
		);
		return count;
	}

	/** Some points with their vectors. */
	async somePoints(name: string, limit: number, signal?: AbortSignal): Promise<StoredPoint[]> {
		const wanted = { limit, with_vector: true, with_payload: false };
		const { points } = await this.#caller.result(
			`Could not read points of the collection ${name}`,
			'points',
			(api, init) => api.scrollPoints({ collection_name: name, ...wanted }, init),
			{ signal, withoutRetries: true },
		);
		return points as StoredPoint[];
	}

	async search(name: string, query: JsonObject, signal?: AbortSignal): Promise<ScoredPoint[]> {
		const body = exactIntegers(query) as Schemas['QueryRequest'];
		const { points } = await this.#caller.result(
			`Could not search in the collection ${name}`,
			'points',
			(api, init) => api.queryPoints({ collection_name: name, ...body }, init),
			{ signal, withoutRetries: true },
		);
		return points;
	}

	/** Waits where the server limits how often it is asked; see RetryBudget. */
	async withRetries<T>(ask: () => Promise<T>, signal?: AbortSignal): Promise<T> {
		return await this.#caller.retries.during(ask, signal);
	}
}
