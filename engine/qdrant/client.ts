/**
 * The calls to a Qdrant server, one method each. They are few and small, and need what the official client for Node does
 * not give: an AbortSignal for each call, limits that are not the same for all calls, and peer ids beyond 2^53. That
 * client would also bring an HTTP library and a TypeScript compiler (its peer dependency, 30 MB) into every n8n.
 */
import { BackupError } from '../errors';
import { Caller, type Call } from './caller';
import type { QdrantConnection } from './connection';
import { ADDRESS_HINT, isForeign, statusOf, type QdrantFailure, type Role } from './failure';
import { openLong, type LongAnswer, type UploadBody } from './http';
import type {
	Alias,
	AliasAction,
	ClusterStatus,
	CollectionCluster,
	CollectionInfo,
	JsonObject,
	ScoredPoint,
	SnapshotDescription,
	StoredPoint,
} from './types';

/** Whose snapshots: the whole storage's, a collection's, or a shard's on the peer that is asked. */
export interface SnapshotScope {
	collection?: string;
	shard?: number;
}

export class QdrantClient {
	readonly #caller: Caller;

	/** @throws BackupError INVALID_INPUT for a URL, an API key or a time-out that is none */
	constructor(connection: QdrantConnection, role: Role) {
		this.#caller = new Caller(connection, role);
	}

	/** The address, for messages. */
	get server(): string {
		return this.#caller.server;
	}

	get role(): Role {
		return this.#caller.role;
	}

	/** Milliseconds without a byte after which a transfer counts as broken. */
	get idleTimeout(): number {
		return this.#caller.timeouts.idle;
	}

	/**
	 * The server's version, `1.16.3`, and its own idea of the time, from the Date header. Needs no API key.
	 * @throws BackupError INVALID_INPUT where something else than Qdrant answers
	 */
	async version(signal?: AbortSignal): Promise<{ version: string; now: Date }> {
		const call: Call = { method: 'GET', path: '/', signal };
		const { answer, headers } = await this.#caller
			.whole(call, `Could not ask ${this.server} for its version`)
			.catch((error: unknown) => {
				throw isForeign(error) ? this.#notQdrant(error) : error;
			});
		const version = (answer as { version?: unknown } | null)?.version;
		if (typeof version !== 'string') throw this.#notQdrant();
		const now = new Date(headers.date ?? Date.now());
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
		return await this.#caller.result(
			{ method: 'GET', path: '/cluster', signal },
			'Could not read the state of the cluster',
			'cluster',
		);
	}

	async collections(signal?: AbortSignal): Promise<string[]> {
		const what = 'Could not list the collections';
		const { collections } = await this.#caller.result<{ collections: { name: string }[] }>(
			{ method: 'GET', path: '/collections', signal },
			what,
			'collections',
		);
		return collections.map(({ name }) => name).sort();
	}

	/** All aliases of the server. */
	async aliases(signal?: AbortSignal): Promise<Alias[]> {
		const what = 'Could not list the aliases';
		return (
			await this.#caller.result<{ aliases: Alias[] }>({ method: 'GET', path: '/aliases', signal }, what, 'aliases')
		).aliases;
	}

	/** All changes are seen at once; where one is refused, those before it stay (1.16.3). */
	async changeAliases(actions: AliasAction[], signal?: AbortSignal): Promise<void> {
		if (actions.length === 0) return;
		const call: Call = { method: 'POST', path: '/collections/aliases', json: { actions }, signal };
		await this.#caller.result(call, 'Could not change the aliases', 'done');
	}

	async collection(name: string, signal?: AbortSignal): Promise<CollectionInfo> {
		return await this.#caller.result(
			{ method: 'GET', path: collectionPath(name), signal },
			`Could not read the collection ${name}`,
			'collection',
		);
	}

	/** Whether there is a collection of that name, or one behind an alias of that name. */
	async collectionExists(name: string, signal?: AbortSignal): Promise<boolean> {
		const call: Call = { method: 'GET', path: `${collectionPath(name)}/exists`, signal };
		return (await this.#caller.result<{ exists: boolean }>(call, `Could not look for the collection ${name}`, 'exists'))
			.exists;
	}

	async createCollection(name: string, settings: JsonObject, signal?: AbortSignal): Promise<void> {
		const call: Call = { method: 'PUT', path: collectionPath(name), json: settings, signal };
		await this.#caller.result(call, `Could not create the collection ${name}`, 'done');
	}

	/** Changes what settings are given: of its metadata those keys, where null removes one. */
	async updateCollection(name: string, settings: JsonObject, signal?: AbortSignal): Promise<void> {
		const call: Call = { method: 'PATCH', path: collectionPath(name), json: settings, signal };
		await this.#caller.result(call, `Could not change the collection ${name}`, 'done');
	}

	/** Fine where there is none. */
	async deleteCollection(name: string, signal?: AbortSignal): Promise<void> {
		const call: Call = { method: 'DELETE', path: collectionPath(name), signal };
		await this.#caller.result(call, `Could not delete the collection ${name}`, 'done');
	}

	async createShardKey(name: string, settings: JsonObject, signal?: AbortSignal): Promise<void> {
		const call: Call = { method: 'PUT', path: `${collectionPath(name)}/shards`, json: settings, signal };
		await this.#caller.result(call, `Could not create a shard key of the collection ${name}`, 'done');
	}

	async createPayloadIndex(
		name: string,
		field: string,
		schema: JsonObject | string,
		signal?: AbortSignal,
	): Promise<void> {
		const call: Call = {
			method: 'PUT',
			path: `${collectionPath(name)}/index`,
			query: { wait: true },
			json: { field_name: field, field_schema: schema },
			signal,
			answerWithin: this.#caller.timeouts.operation,
		};
		await this.#caller.result(call, `Could not create the payload index ${field} of the collection ${name}`, 'done');
	}

	/** Where the shards of a collection are, as the peer that is asked sees it. */
	async collectionCluster(name: string, signal?: AbortSignal): Promise<CollectionCluster> {
		return await this.#caller.result(
			{ method: 'GET', path: `${collectionPath(name)}/cluster`, signal },
			`Could not read the shards of the collection ${name}`,
			'shards',
		);
	}

	/** The exact number of points. */
	async count(name: string, signal?: AbortSignal): Promise<number> {
		const call: Call = {
			method: 'POST',
			path: `${collectionPath(name)}/points/count`,
			json: { exact: true },
			signal,
			answerWithin: this.#caller.timeouts.operation,
		};
		const what = `Could not count the points of the collection ${name}`;
		return (await this.#caller.result<{ count: number }>(call, what, 'count')).count;
	}

	/** Some points with their vectors. */
	async somePoints(name: string, limit: number, signal?: AbortSignal): Promise<StoredPoint[]> {
		const call: Call = {
			method: 'POST',
			path: `${collectionPath(name)}/points/scroll`,
			json: { limit, with_vector: true, with_payload: false },
			signal,
		};
		const what = `Could not read points of the collection ${name}`;
		return (await this.#caller.result<{ points: StoredPoint[] }>(call, what, 'points')).points;
	}

	async search(name: string, query: JsonObject, signal?: AbortSignal): Promise<ScoredPoint[]> {
		const call: Call = { method: 'POST', path: `${collectionPath(name)}/points/query`, json: query, signal };
		const what = `Could not search in the collection ${name}`;
		return (await this.#caller.result<{ points: ScoredPoint[] }>(call, what, 'points')).points;
	}

	/**
	 * Makes a snapshot on the server's disk and waits until it is done. Facts of 1.16.3: the name holds the time in
	 * seconds, so that two snapshots of a collection in one second overwrite each other; a snapshot asked for by an alias
	 * is one of the collection behind it; the server goes on when the client goes away.
	 */
	async createSnapshot(scope: SnapshotScope, signal?: AbortSignal): Promise<SnapshotDescription> {
		const call: Call = {
			method: 'POST',
			path: snapshotsPath(scope),
			query: { wait: true },
			signal,
			answerWithin: this.#caller.timeouts.operation,
		};
		return await this.#caller.result(call, `Could not make a snapshot of ${describeScope(scope)}`, 'snapshot');
	}

	async snapshots(scope: SnapshotScope, signal?: AbortSignal): Promise<SnapshotDescription[]> {
		return await this.#caller.result(
			{ method: 'GET', path: snapshotsPath(scope), signal },
			`Could not list the snapshots of ${describeScope(scope)}`,
			'snapshots',
		);
	}

	/**
	 * Removes a snapshot from the server's disk; fine where there is none. Of a deleted collection the snapshots stay on the
	 * disk, out of reach of every call until there is a collection of that name again (1.16.3).
	 * @returns Whether it is gone; false where the collection is.
	 */
	async deleteSnapshot(scope: SnapshotScope, name: string, signal?: AbortSignal): Promise<boolean> {
		const path = `${snapshotsPath(scope)}/${encodeURIComponent(name)}`;
		const call: Call = { method: 'DELETE', path, query: { wait: true }, signal };
		try {
			await this.#caller.result(call, `Could not delete ${name}`, 'done');
			return true;
		} catch (error) {
			if (statusOf(error) !== 404 || isForeign(error)) throw error;
			return scope.collection === undefined || (await this.collectionExists(scope.collection, signal));
		}
	}

	/** The body of a snapshot, whole or from a byte on; resolves with whatever answer came. Throws QdrantFailure. */
	async openSnapshot(
		scope: SnapshotScope,
		name: string,
		headers: Record<string, string>,
		signal?: AbortSignal,
	): Promise<LongAnswer> {
		const path = `${snapshotsPath(scope)}/${encodeURIComponent(name)}`;
		const { connection, timeouts } = this.#caller;
		return await openLong(connection, { method: 'GET', path, headers, signal, answerWithin: timeouts.answer });
	}

	/** What an answer stands for that openSnapshot resolved with. */
	refusal(status: number, text: string): QdrantFailure {
		return this.#caller.refusal(status, text);
	}

	/**
	 * Uploads a snapshot and waits until the server has taken it in. A shard's changes the one replica that the peer holds,
	 * and no other (`no_sync`).
	 */
	async uploadSnapshot(scope: SnapshotScope, checksum: string, body: UploadBody, signal?: AbortSignal): Promise<void> {
		const call: Call = {
			method: 'POST',
			path: `${snapshotsPath(scope)}/upload`,
			query: { wait: true, priority: scope.shard === undefined ? 'snapshot' : 'no_sync', checksum },
			signal,
		};
		await this.#caller.upload(call, `Could not restore the snapshot into ${describeScope(scope)}`, body);
	}

	/** Lets the server fetch a snapshot by itself and waits until it has taken it in. */
	async recoverSnapshot(name: string, location: string, checksum: string, signal?: AbortSignal): Promise<void> {
		const call: Call = {
			method: 'PUT',
			path: `${collectionPath(name)}/snapshots/recover`,
			query: { wait: true },
			json: { location, checksum, priority: 'snapshot' },
			secrets: [location],
			signal,
			answerWithin: this.#caller.timeouts.operation,
		};
		await this.#caller.result(call, `Could not restore the snapshot into the collection ${name}`, 'done');
	}
}

function collectionPath(name: string): string {
	return `/collections/${encodeURIComponent(name)}`;
}

function snapshotsPath({ collection, shard }: SnapshotScope): string {
	if (collection === undefined) return '/snapshots';
	return `${collectionPath(collection)}${shard === undefined ? '' : `/shards/${shard}`}/snapshots`;
}

/** For messages: `the collection docs`, `shard 2 of the collection docs`, `the whole storage`. */
export function describeScope({ collection, shard }: SnapshotScope): string {
	if (collection === undefined) return 'the whole storage';
	return `${shard === undefined ? '' : `shard ${shard} of `}the collection ${collection}`;
}
