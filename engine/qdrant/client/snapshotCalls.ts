/**
 * The calls about snapshots, which a server keeps as files on its disk. Making, listing and deleting them are quick questions in
 * JSON and go through Qdrant's client library, as all calls in client.ts do.
 *
 * Their content, which may have hundreds of gigabytes, does not. It is downloaded in blocks of 1 MiB past Node's HTTP parser
 * (blockSocket.ts, blockBody.ts, download.ts), and uploaded as a multipart form of known length (multipart.ts), both as streams.
 */
import type { Caller } from './caller';
import { isFromUnexpectedServer, statusOf, type QdrantFailure } from './failure';
import { openLong, type LongAnswer, type UploadBody, type WholeAnswer } from './http';
import { describeScope, snapshotPath, snapshotsPath, type SnapshotScope } from './scope';
import type { SnapshotDescription } from './types';

/** Whether a server has a collection of that name. */
type CollectionExists = (name: string, signal?: AbortSignal) => Promise<boolean>;

/** The calls about the snapshots of one server: of a collection, of a shard, or of the whole storage. */
export class SnapshotCalls {
	readonly #caller: Caller;
	readonly #collectionExists: CollectionExists;

	constructor(caller: Caller, collectionExists: CollectionExists) {
		this.#caller = caller;
		this.#collectionExists = collectionExists;
	}

	/**
	 * Makes a snapshot on the server's disk and waits until it is done. Facts of 1.16.3: the name holds the time in
	 * seconds, so that two snapshots of a collection in one second overwrite each other; a snapshot asked for by an alias
	 * is one of the collection behind it; the server goes on when the client goes away.
	 */
	async create(scope: SnapshotScope, signal?: AbortSignal): Promise<SnapshotDescription> {
		const what = `Could not make a snapshot of ${describeScope(scope)}`;
		const options = { signal, answerWithin: this.#caller.timeouts.operation };
		return (await this.#caller.result<SnapshotDescription | null>(
			what,
			'snapshot',
			(api, init) => {
				const { collection: collection_name, shard: shard_id } = scope;
				if (collection_name === undefined) return api.createFullSnapshot({ wait: true }, init);
				if (shard_id === undefined) return api.createSnapshot({ collection_name, wait: true }, init);
				return api.createShardSnapshot({ collection_name, shard_id, wait: true }, init);
			},
			options,
		)) as SnapshotDescription;
	}

	async list(scope: SnapshotScope, signal?: AbortSignal): Promise<SnapshotDescription[]> {
		const what = `Could not list the snapshots of ${describeScope(scope)}`;
		return await this.#caller.result<SnapshotDescription[]>(
			what,
			'snapshots',
			(api, init) => {
				const { collection: collection_name, shard: shard_id } = scope;
				if (collection_name === undefined) return api.listFullSnapshots({}, init);
				if (shard_id === undefined) return api.listSnapshots({ collection_name }, init);
				return api.listShardSnapshots({ collection_name, shard_id }, init);
			},
			{ signal },
		);
	}

	/**
	 * Removes a snapshot from the server's disk; does nothing where there is none. The snapshots of a deleted collection stay on the
	 * disk, out of reach of every call until there is a collection of that name again (1.16.3).
	 * @returns whether the snapshot is gone; false where its collection is gone
	 */
	async delete(scope: SnapshotScope, name: string, signal?: AbortSignal): Promise<boolean> {
		const file = { snapshot_name: name, wait: true };
		try {
			await this.#caller.done(
				`Could not delete ${name}`,
				(api, init) => {
					const { collection: collection_name, shard: shard_id } = scope;
					if (collection_name === undefined) return api.deleteFullSnapshot(file, init);
					if (shard_id === undefined) return api.deleteSnapshot({ collection_name, ...file }, init);
					return api.deleteShardSnapshot({ collection_name, shard_id, ...file }, init);
				},
				signal,
			);
			return true;
		} catch (error) {
			if (statusOf(error) !== 404 || isFromUnexpectedServer(error)) throw error;
			return scope.collection === undefined || (await this.#collectionExists(scope.collection, signal));
		}
	}

	/** The address of a snapshot on this server. */
	url(scope: SnapshotScope, name: string): string {
		return `${this.#caller.server.replace(/\/+$/, '')}${snapshotPath(scope, name)}`;
	}

	/**
	 * Opens the content of a snapshot, whole or from a byte on. Resolves with whatever answer came.
	 * @throws QdrantFailure
	 */
	async open(
		scope: SnapshotScope,
		name: string,
		headers: Record<string, string>,
		signal?: AbortSignal,
	): Promise<LongAnswer> {
		const path = snapshotPath(scope, name);
		const { connection, timeouts } = this.#caller;
		return await openLong(connection, { method: 'GET', path, headers, signal, answerWithin: timeouts.answer });
	}

	/** Makes the failure for an answer of `open` that is not a snapshot. */
	refusal(answer: WholeAnswer): QdrantFailure {
		return this.#caller.refusal(answer);
	}

	/**
	 * Uploads a snapshot and waits until the server has restored it. The snapshot of a shard changes only the replica on the peer
	 * that is asked, and no other one (`no_sync`).
	 */
	async upload(scope: SnapshotScope, checksum: string, body: UploadBody, signal?: AbortSignal): Promise<void> {
		const request = {
			path: `${snapshotsPath(scope)}/upload`,
			query: { wait: true, priority: scope.shard === undefined ? 'snapshot' : 'no_sync', checksum },
			signal,
		};
		await this.#caller.upload(`Could not restore the snapshot into ${describeScope(scope)}`, request, body);
	}

	/** Lets the server fetch a snapshot by itself and waits until it has restored it. */
	async recover(name: string, location: string, checksum: string, signal?: AbortSignal): Promise<void> {
		const snapshot = { location, checksum, priority: 'snapshot' } as const;
		await this.#caller.result(
			`Could not restore the snapshot into the collection ${name}`,
			'done',
			(api, init) => api.recoverFromSnapshot({ collection_name: name, wait: true, ...snapshot }, init),
			{ secrets: [location], signal, answerWithin: this.#caller.timeouts.operation },
		);
	}
}
