import { setTimeout as sleep } from 'node:timers/promises';

import { BackupError, cancelled, messageOf } from '../../../errors';
import { uploadName } from '../../artifacts/uploads';
import type { QdrantClient } from '../../client/client';
import { isOutcomeUnknown, statusOf } from '../../client/failure';
import { snapshotForm } from '../../client/multipart';
import { UNKNOWN_PEER } from '../../server/topology';
import { leave, type RestoreContext } from '../context';
import type { SnapshotPiece } from '../source';
import { discard } from './claim';

/** How fast a server stores and hashes what has arrived; it gets a fifth of the time to settle in addition. */
const HASHED_BYTES_PER_MS = 100_000;

/** A piece as a request's body. */
function snapshotBody({ onProgress, signal }: RestoreContext, piece: SnapshotPiece, name: string, onSent: () => void) {
	const content = async function* () {
		let bytes = 0;
		for await (const chunk of piece.open(signal)) {
			bytes += chunk.length;
			onProgress?.({ bytes, totalBytes: piece.size });
			yield chunk;
		}
		onSent();
	};
	return snapshotForm(name, piece.size, content());
}

/** Sends a collection's snapshot and waits until it is in place. */
export async function uploadWhole(context: RestoreContext, collection: string, piece: SnapshotPiece): Promise<void> {
	const { topology, signal, log, made } = context;
	const { client } = topology;
	const name = uploadName();
	let isSent = false;
	log(`Uploading ${piece.size} bytes to ${client.server} for the collection ${collection}`);
	const body = snapshotBody(context, piece, name, () => void (isSent = true));
	const note = await recordUpload(context, collection, name);
	const taken = client.snapshots.upload({ collection }, piece.sha256, body, signal);
	const cleanUp = async () => note.settle(await removeUpload(context, collection, name));
	try {
		await serverDone(context, { collection, work: taken, isSent: () => isSent, cleanUp });
	} catch (error) {
		const own = made.get(collection);
		if (isCancel(error)) {
			// What was not sent to its end the server drops; otherwise it is cleaned up once the server has finished.
			if (own?.busy !== 'late') await note.settle(true);
			throw error;
		}
		if (own && isSent && isOutcomeUnknown(error) && (await mayHaveArrived(context, collection, name, piece.size))) {
			own.busy = 'lost';
		}
		const isGone = !mayHaveStored(error) || (await removeUpload(context, collection, name));
		// An answer that was lost may hide a file that is still to come.
		await note.settle(isGone && !(isSent && isOutcomeUnknown(error)));
		throw error;
	}
	await cleanUp();
}

/** Sends a shard's snapshot to a peer and waits until it is in place; a cancel after all of it was sent waits for the peer. */
export async function uploadShard(
	context: RestoreContext,
	{ client, collection, shard }: { client: QdrantClient; collection: string; shard: number },
	piece: SnapshotPiece,
): Promise<void> {
	let isSent = false;
	const body = snapshotBody(context, piece, 'shard.snapshot', () => void (isSent = true));
	try {
		await client.snapshots.upload({ collection, shard }, piece.sha256, body, context.signal);
	} catch (error) {
		const own = context.made.get(collection);
		if (own && isSent && isOutcomeUnknown(error)) own.busy = 'lost';
		throw error;
	}
}

/**
 * Whether the server has got all of an upload whose answer was lost, and may be at work on it: it then shows the file. A look
 * that fails is repeated, and where the last one fails too, nobody knows.
 */
async function mayHaveArrived(
	{ topology: { client } }: RestoreContext,
	collection: string,
	name: string,
	size: number,
): Promise<boolean> {
	const deadline = Date.now() + client.timeouts.settle / 5 + size / HASHED_BYTES_PER_MS;
	for (;;) {
		const isLast = Date.now() > deadline;
		const files = await client.snapshots.list({ collection }).catch(() => undefined);
		if (files?.some((file) => file.name === name)) return true;
		if (isLast) return files === undefined;
		await sleep(client.timeouts.pause / 2);
	}
}

/**
 * A refused key or form comes before the file is stored. A 400 may come before (a wrong checksum) or after (a snapshot that
 * does not fit), and so may what the server fails with.
 */
function mayHaveStored(error: unknown): boolean {
	return (statusOf(error) ?? 500) >= 500 || statusOf(error) === 400;
}

/** Records an upload in the ledger, so that the next run removes the file from the server's disk if this one is killed. */
async function recordUpload(
	{ topology, ledger, log }: RestoreContext,
	collection: string,
	upload: string,
): Promise<{ settle: (isGone: boolean) => Promise<void> }> {
	const peerId = topology.peers[0]?.id ?? UNKNOWN_PEER;
	const entry = { server: topology.client.server, peerId, scope: { collection }, askedAt: new Date(), present: [] };
	try {
		const key = await ledger?.enter({ ...entry, upload });
		const settle = async (isGone: boolean) => {
			if (key === undefined) return;
			if (!isGone) return ledger?.release(key);
			await ledger?.remove(key).catch((error: unknown) => {
				log(`The note of the upload ${upload} could not be removed: ${messageOf(error)}`);
			});
		};
		return { settle };
	} catch (error) {
		log(`The storage keeps no note of the upload ${upload}: ${messageOf(error)}`);
		return { settle: async () => {} };
	}
}

/** Removes the uploaded file from the server's disk. Returns whether it is gone. */
async function removeUpload(context: RestoreContext, collection: string, name: string): Promise<boolean> {
	const { client } = context.topology;
	const what = `The uploaded file ${name} could not be removed from ${client.server}`;
	try {
		if (await client.collectionExists(collection)) return await client.snapshots.delete({ collection }, name);
		leave(context, `${what}: it lies in the folder of the snapshots of ${collection}, which does not exist.`);
	} catch (error) {
		leave(context, `${what}: ${messageOf(error)}`);
	}
	return false;
}

interface ServerWork {
	collection: string;
	work: Promise<void>;
	/** Whether the server has got all that it needs to go on by itself. */
	isSent: () => boolean;
	/** What is to be done once it has finished. */
	cleanUp: () => Promise<void>;
}

/**
 * Waits for a server, which goes on whether we listen or not. Where it fills a collection of our own, a cancel ends the
 * waiting, and the collection is removed in the background when the server is done with it. Where an existing collection
 * changes, its outcome matters more than the cancel.
 */
async function serverDone(context: RestoreContext, { collection, work, isSent, cleanUp }: ServerWork): Promise<void> {
	const { signal, untilDone, made } = context;
	const own = made.get(collection);
	if (!signal || !own || untilDone) return await work;
	const ended = new AbortController();
	const isDone = await Promise.race([work.then(() => true), aborted(signal, ended.signal)]).finally(() =>
		ended.abort(),
	);
	if (isDone) return;
	// Until everything was sent, the cancel ends the upload itself.
	if (!isSent()) return await work;
	own.busy = 'late';
	const finish = async () => {
		const lost = await work.then(
			() => false,
			(error: unknown) => !isCancel(error) && isOutcomeUnknown(error),
		);
		await cleanUp();
		if (lost) return context.log(`The connection was lost, and the collection ${collection} may be left.`);
		delete own.busy;
		await discard(context, collection);
	};
	void finish();
	throw cancelled();
}

/** False as soon as the signal fires; listens until the other one does. */
async function aborted(signal: AbortSignal, listening: AbortSignal): Promise<false> {
	if (signal.aborted) return false;
	return await new Promise((resolve) => {
		signal.addEventListener('abort', () => resolve(false), { once: true, signal: listening });
	});
}

function isCancel(error: unknown): boolean {
	return error instanceof BackupError && error.code === 'CANCELLED';
}

/** Lets the server fetch a collection's snapshot, and waits until it is in place. */
export async function fetchByServer(
	context: RestoreContext,
	collection: string,
	{ url, sha256 }: { url: string; sha256: string },
): Promise<void> {
	const { client } = context.topology;
	context.log(`${client.server} fetches the snapshot for the collection ${collection} by itself`);
	const work = client.snapshots.recover(collection, url, sha256);
	try {
		await serverDone(context, { collection, work, isSent: () => true, cleanUp: async () => {} });
	} catch (error) {
		const own = context.made.get(collection);
		if (own && !isCancel(error) && isOutcomeUnknown(error)) own.busy = 'lost';
		throw withUrlHint(error);
	}
}

function withUrlHint(error: unknown): unknown {
	if (!(error instanceof BackupError) || isCancel(error) || isOutcomeUnknown(error)) return error;
	return new BackupError(error.code, error.message, {
		cause: error.cause,
		hint: 'The server must be able to reach the URL, which may have expired.',
		...(error.details && { details: error.details }),
	});
}
