/**
 * The calls to a Qdrant server, one method each. They are few and small, and need what the official client for Node does
 * not give: an AbortSignal for each call, limits that are not the same for all calls, and peer ids beyond 2^53. That
 * client would also bring an HTTP library and a TypeScript compiler (its peer dependency, 30 MB) into every n8n.
 */
import type { IncomingMessage } from 'node:http';

import { BackupError, cancelled } from '../errors';
import { DEFAULT_TIMEOUTS, describeUrl, type QdrantConnection } from './connection';
import { connectionFailure, explain, QdrantFailure, statusOf, type Role } from './failure';
import { open, readText, upload, type HttpRequest, type UploadBody } from './http';
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

const MAX_MESSAGE = 500;

/** Whose snapshots: the whole storage's, a collection's, or a shard's on the peer that is asked. */
export interface SnapshotScope {
	collection?: string;
	shard?: number;
}

type Call = Omit<HttpRequest, 'answerWithin'> & { answerWithin?: number };

export class QdrantClient {
	/** The address, for messages. */
	readonly server: string;
	readonly connection: QdrantConnection;
	readonly role: Role;
	readonly #timeouts: typeof DEFAULT_TIMEOUTS;

	/** @throws BackupError INVALID_INPUT for a URL that is none */
	constructor(connection: QdrantConnection, role: Role) {
		this.connection = connection;
		this.role = role;
		this.server = describeUrl(connection.url);
		this.#timeouts = { ...DEFAULT_TIMEOUTS, ...connection.timeouts };
	}

	/** The server's version, `1.16.3`, and its own idea of the time, from the Date header. Needs no API key. */
	async version(signal?: AbortSignal): Promise<{ version: string; now: Date }> {
		const what = `Could not ask ${this.server} for its version`;
		const response = await this.#open({ method: 'GET', path: '/', signal }, what);
		const { version } = this.#parse(await this.#text(response, what), what) as { version?: unknown };
		if (typeof version !== 'string') {
			throw new BackupError('INVALID_INPUT', `What answers at ${this.server} is not a Qdrant server.`, {
				hint: 'Enter the address of its HTTP interface, usually port 6333 (6334 is gRPC, 6335 between peers).',
			});
		}
		return { version, now: new Date(response.headers.date ?? Date.now()) };
	}

	async cluster(signal?: AbortSignal): Promise<ClusterStatus> {
		return await this.#result({ method: 'GET', path: '/cluster', signal }, 'Could not read the state of the cluster');
	}

	async collections(signal?: AbortSignal): Promise<string[]> {
		const what = 'Could not list the collections';
		const { collections } = await this.#result<{ collections: { name: string }[] }>(
			{ method: 'GET', path: '/collections', signal },
			what,
		);
		return collections.map(({ name }) => name).sort();
	}

	/** All aliases of the server. */
	async aliases(signal?: AbortSignal): Promise<Alias[]> {
		const what = 'Could not list the aliases';
		return (await this.#result<{ aliases: Alias[] }>({ method: 'GET', path: '/aliases', signal }, what)).aliases;
	}

	/** All changes or none. */
	async changeAliases(actions: AliasAction[], signal?: AbortSignal): Promise<void> {
		if (actions.length === 0) return;
		const call: Call = { method: 'POST', path: '/collections/aliases', json: { actions }, signal };
		await this.#result(call, 'Could not change the aliases');
	}

	async collection(name: string, signal?: AbortSignal): Promise<CollectionInfo> {
		return await this.#result(
			{ method: 'GET', path: collectionPath(name), signal },
			`Could not read the collection ${name}`,
		);
	}

	/** Whether there is a collection of that name, or one behind an alias of that name. */
	async collectionExists(name: string, signal?: AbortSignal): Promise<boolean> {
		const call: Call = { method: 'GET', path: `${collectionPath(name)}/exists`, signal };
		return (await this.#result<{ exists: boolean }>(call, `Could not look for the collection ${name}`)).exists;
	}

	async createCollection(name: string, settings: JsonObject, signal?: AbortSignal): Promise<void> {
		const call: Call = { method: 'PUT', path: collectionPath(name), json: settings, signal };
		await this.#result(call, `Could not create the collection ${name}`);
	}

	/** Fine where there is none. */
	async deleteCollection(name: string, signal?: AbortSignal): Promise<void> {
		const call: Call = { method: 'DELETE', path: collectionPath(name), signal };
		await this.#result(call, `Could not delete the collection ${name}`);
	}

	async createShardKey(name: string, settings: JsonObject, signal?: AbortSignal): Promise<void> {
		const call: Call = { method: 'PUT', path: `${collectionPath(name)}/shards`, json: settings, signal };
		await this.#result(call, `Could not create a shard key of the collection ${name}`);
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
			answerWithin: this.#timeouts.operation,
		};
		await this.#result(call, `Could not create the payload index ${field} of the collection ${name}`);
	}

	/** Where the shards of a collection are, as the peer that is asked sees it. */
	async collectionCluster(name: string, signal?: AbortSignal): Promise<CollectionCluster> {
		return await this.#result(
			{ method: 'GET', path: `${collectionPath(name)}/cluster`, signal },
			`Could not read the shards of the collection ${name}`,
		);
	}

	/** The exact number of points. */
	async count(name: string, signal?: AbortSignal): Promise<number> {
		const call: Call = {
			method: 'POST',
			path: `${collectionPath(name)}/points/count`,
			json: { exact: true },
			signal,
			answerWithin: this.#timeouts.operation,
		};
		const what = `Could not count the points of the collection ${name}`;
		return (await this.#result<{ count: number }>(call, what)).count;
	}

	/** Some point with its vectors, or undefined where there is none. */
	async anyPoint(name: string, signal?: AbortSignal): Promise<StoredPoint | undefined> {
		const call: Call = {
			method: 'POST',
			path: `${collectionPath(name)}/points/scroll`,
			json: { limit: 1, with_vector: true, with_payload: false },
			signal,
		};
		const what = `Could not read a point of the collection ${name}`;
		return (await this.#result<{ points: StoredPoint[] }>(call, what)).points[0];
	}

	async search(name: string, query: JsonObject, signal?: AbortSignal): Promise<ScoredPoint[]> {
		const call: Call = { method: 'POST', path: `${collectionPath(name)}/points/query`, json: query, signal };
		const what = `Could not search in the collection ${name}`;
		return (await this.#result<{ points: ScoredPoint[] }>(call, what)).points;
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
			answerWithin: this.#timeouts.operation,
		};
		return await this.#result(call, `Could not make a snapshot of ${describeScope(scope)}`);
	}

	async snapshots(scope: SnapshotScope, signal?: AbortSignal): Promise<SnapshotDescription[]> {
		return await this.#result(
			{ method: 'GET', path: snapshotsPath(scope), signal },
			`Could not list the snapshots of ${describeScope(scope)}`,
		);
	}

	/** Removes a snapshot from the server's disk; fine where there is none. */
	async deleteSnapshot(scope: SnapshotScope, name: string, signal?: AbortSignal): Promise<void> {
		const path = `${snapshotsPath(scope)}/${encodeURIComponent(name)}`;
		try {
			await this.#result({ method: 'DELETE', path, query: { wait: true }, signal }, `Could not delete ${name}`);
		} catch (error) {
			if (statusOf(error) !== 404) throw error;
		}
	}

	/** The body of a snapshot, whole or from a byte on; resolves with whatever answer came. Throws QdrantFailure. */
	async openSnapshot(
		scope: SnapshotScope,
		name: string,
		headers: Record<string, string>,
		signal?: AbortSignal,
	): Promise<IncomingMessage> {
		const path = `${snapshotsPath(scope)}/${encodeURIComponent(name)}`;
		return await open(this.connection, { method: 'GET', path, headers, signal, answerWithin: this.#timeouts.answer });
	}

	/**
	 * Uploads a snapshot and waits until the server has taken it in. A shard's changes the one replica that the peer holds,
	 * and no other (`no_sync`).
	 */
	async uploadSnapshot(scope: SnapshotScope, checksum: string, body: UploadBody, signal?: AbortSignal): Promise<void> {
		const what = `Could not restore the snapshot into ${describeScope(scope)}`;
		const priority = scope.shard === undefined ? 'snapshot' : 'no_sync';
		const request: HttpRequest = {
			method: 'POST',
			path: `${snapshotsPath(scope)}/upload`,
			query: { wait: true, priority, checksum },
			signal,
			answerWithin: 0,
		};
		try {
			const { status, text } = await upload(this.connection, request, body);
			if (status !== 200) throw new QdrantFailure(serverMessage(status, text), status);
		} catch (error) {
			throw this.#explain(error, what, signal);
		}
	}

	/** Lets the server fetch a snapshot by itself and waits until it has taken it in. */
	async recoverSnapshot(name: string, location: string, checksum: string, signal?: AbortSignal): Promise<void> {
		const call: Call = {
			method: 'PUT',
			path: `${collectionPath(name)}/snapshots/recover`,
			query: { wait: true },
			json: { location, checksum, priority: 'snapshot' },
			signal,
			answerWithin: this.#timeouts.operation,
		};
		await this.#result(call, `Could not restore the snapshot into the collection ${name}`);
	}

	/** Milliseconds without a byte after which a transfer counts as broken. */
	get idleTimeout(): number {
		return this.#timeouts.idle;
	}

	async #result<T>(call: Call, what: string): Promise<T> {
		const response = await this.#open(call, what);
		return (this.#parse(await this.#text(response, what, call.signal), what) as { result: T }).result;
	}

	/** The answer's head, where its status is 200. */
	async #open(call: Call, what: string): Promise<IncomingMessage> {
		try {
			const response = await open(this.connection, { answerWithin: this.#timeouts.answer, ...call });
			const status = response.statusCode ?? 0;
			if (status === 200) return response;
			throw new QdrantFailure(serverMessage(status, await readText(response)), status);
		} catch (error) {
			throw this.#explain(error, what, call.signal);
		}
	}

	async #text(response: IncomingMessage, what: string, signal?: AbortSignal): Promise<string> {
		try {
			return await readText(response);
		} catch (error) {
			throw this.#explain(error, what, signal);
		}
	}

	#parse(text: string, what: string): unknown {
		try {
			return JSON.parse(text, keepLargeIntegers);
		} catch {
			throw this.#explain(new QdrantFailure('the answer is not JSON, so it did not come from Qdrant', 200), what);
		}
	}

	#explain(error: unknown, what: string, signal?: AbortSignal): BackupError {
		if (error instanceof BackupError) return error;
		if (signal?.aborted) return cancelled();
		return explain(error instanceof QdrantFailure ? error : connectionFailure(error), this.role, this.server, what);
	}
}

/** Qdrant's ids are unsigned 64-bit integers: those that a number cannot hold, and all peers' ids, become strings. */
function keepLargeIntegers(this: unknown, key: string, value: unknown, context?: { source?: string }): unknown {
	if (typeof value !== 'number') return value;
	if (key === 'peer_id') return context?.source ?? String(value);
	return Number.isInteger(value) && !Number.isSafeInteger(value) ? (context?.source ?? value) : value;
}

/** `{"status":{"error":"..."}}`, or plain text where the request never got as far (a wrong key, a missing file). */
export function serverMessage(status: number, text: string): string {
	let message = text.trim();
	try {
		const { status: told } = JSON.parse(text) as { status?: { error?: unknown } };
		if (typeof told?.error === 'string') message = told.error;
	} catch {
		// Not JSON: the text itself.
	}
	if (message.startsWith('<') || message === '') return `the answer had the status ${status}`;
	return message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}...` : message;
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
