import { setTimeout as sleep } from 'node:timers/promises';

import { BackupError, cancelled, messageOf, throwIfCancelled } from '../errors';
import type { QdrantClient, SnapshotScope } from './client';
import { isOutcomeUnknown } from './failure';
import type { SnapshotLedger } from './ledger';
import { snapshotTime } from './leftovers';
import type { SnapshotDescription } from './types';

const RETRY_MS = 100;

export interface ServerSnapshotContext {
	client: QdrantClient;
	/** The peer that is asked; in the ledger it tells servers apart. */
	peerId: string;
	ledger: SnapshotLedger;
	signal?: AbortSignal;
	warn: (message: string) => void;
}

/**
 * Makes a snapshot on the server, lets `use` have it, and removes it from the server whatever happens: after success,
 * after a failure, after a cancel. It is entered in the ledger before it is asked for and struck off once it is gone, so
 * that the next run can remove what a killed process or a server out of reach left behind.
 *
 * A cancel while the server is still making it does not wait: the snapshot is removed in the background as soon as the
 * server has told its name.
 */
export async function withServerSnapshot<T>(
	context: ServerSnapshotContext,
	scope: SnapshotScope,
	use: (snapshot: SnapshotDescription) => Promise<T>,
): Promise<T> {
	const { client, peerId, ledger, signal } = context;
	throwIfCancelled(signal);
	const { now, present } = await freeSecond(client, scope, signal);
	const entry = await ledger.enter({
		server: client.server,
		peerId,
		scope,
		askedAt: now,
		present,
	});
	const creation = client.createSnapshot(scope).catch(async (error: unknown) => {
		// A refusal made no snapshot; a lost answer may have, and the entry stays for the next run.
		if (!isOutcomeUnknown(error)) await ledger.strike(entry);
		else ledger.release(entry);
		throw error;
	});
	const snapshot = await orCancelled(creation, signal, async (late) => {
		await remove(context, scope, late.name, entry);
	});
	try {
		await ledger.name(entry, snapshot.name);
		throwIfCancelled(signal);
		return await use(snapshot);
	} finally {
		await remove(context, scope, snapshot.name, entry);
	}
}

/**
 * The server's time and the names of the snapshots that are there. A snapshot of the same second would be overwritten by
 * ours and go with it, so where there is one, the next second is waited for.
 */
async function freeSecond(
	client: QdrantClient,
	scope: SnapshotScope,
	signal: AbortSignal | undefined,
): Promise<{ now: Date; present: string[] }> {
	for (;;) {
		const [{ now }, snapshots] = await Promise.all([client.version(signal), client.snapshots(scope, signal)]);
		const present = snapshots.map(({ name }) => name);
		if (!present.some((name) => (snapshotTime(name)?.getTime() ?? 0) === now.getTime())) return { now, present };
		await sleep(RETRY_MS, undefined, { signal }).catch(() => {
			throw cancelled();
		});
	}
}

/** Not abortable, and never an error: the backup's own success or failure is what is to be told. */
async function remove(
	{ client, ledger, warn }: ServerSnapshotContext,
	scope: SnapshotScope,
	name: string,
	entry: string,
): Promise<void> {
	try {
		await client.deleteSnapshot(scope, name);
		await ledger.strike(entry);
	} catch (error) {
		ledger.release(entry);
		warn(`The snapshot ${name} could not be removed from ${client.server}; the next run tries again: ${reason(error)}`);
	}
}

function reason(error: unknown): string {
	return error instanceof BackupError ? error.message : messageOf(error);
}

/**
 * The promise's value, or CANCELLED as soon as the signal fires; a value that comes later goes to `onLate`. For work that a
 * server does not stop when nobody listens any more.
 */
export async function orCancelled<T>(
	promise: Promise<T>,
	signal: AbortSignal | undefined,
	onLate: (value: T) => Promise<void>,
): Promise<T> {
	if (!signal) return await promise;
	let onAbort = () => {};
	const aborted = new Promise<never>((_resolve, reject) => {
		onAbort = () => reject(cancelled());
		if (signal.aborted) onAbort();
		else signal.addEventListener('abort', onAbort, { once: true });
	});
	try {
		return await Promise.race([promise, aborted]);
	} catch (error) {
		if (signal.aborted) promise.then(onLate).catch(() => {});
		throw error;
	} finally {
		signal.removeEventListener('abort', onAbort);
	}
}
