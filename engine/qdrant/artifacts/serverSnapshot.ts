import { setTimeout as sleep } from 'node:timers/promises';

import { BackupError, cancelled, messageOf, throwIfCancelled } from '../../errors';
import type { QdrantClient } from '../client/client';
import { isOutcomeUnknown, statusOf } from '../client/failure';
import { describeScope, type SnapshotScope } from '../client/scope';
import type { SnapshotDescription } from '../client/types';
import type { SnapshotLedger } from './ledger';
import { removeOwnSnapshot } from './ownSnapshot';
import { snapshotTime } from './staleSnapshots';

const MAX_LAG_MS = 2000;
/** Attempts at making a snapshot, in all. */
const ATTEMPTS = 4;

export interface ServerSnapshotContext {
	client: QdrantClient;
	/** The peer that is asked; in the ledger it tells servers apart. */
	peerId: string;
	/** Undefined where no storage is at hand to keep one in. */
	ledger: SnapshotLedger | undefined;
	/** Goes on where the storage does not take the entry: a restore's may be one that can only be read. */
	isLedgerOptional?: boolean;
	signal?: AbortSignal;
	warn: (message: string) => void;
	log?: (line: string) => void;
}

/** A snapshot on the server, and its entry in the ledger, where it has one. */
interface Made {
	snapshot: SnapshotDescription;
	entry: string | undefined;
}

/**
 * Makes a snapshot on the server, lets `use` have it, and removes it from the server whatever happens: after success,
 * after a failure, after a cancel. It is entered in the ledger before it is asked for and removed from it once the snapshot is gone, so
 * that the next run can remove what a killed process or a server out of reach left behind.
 *
 * A cancel while the server is still making it does not wait: the snapshot is removed in the background as soon as the
 * server has reported its name.
 */
export async function withServerSnapshot<T>(
	context: ServerSnapshotContext,
	scope: SnapshotScope,
	use: (snapshot: SnapshotDescription) => Promise<T>,
): Promise<T> {
	const { ledger, signal } = context;
	const { snapshot, entry } = await make(context, scope);
	try {
		if (entry !== undefined) await ledger?.name(entry, snapshot);
		throwIfCancelled(signal);
		return await use(snapshot);
	} finally {
		await remove(context, scope, { snapshot, entry });
	}
}

/** Makes a snapshot; tries again where the server stumbled over writes that went on meanwhile. */
async function make(context: ServerSnapshotContext, scope: SnapshotScope): Promise<Made> {
	for (let attempt = 1; ; attempt++) {
		try {
			return await makeOnce(context, scope);
		} catch (error) {
			if (attempt === ATTEMPTS || !isPassing(error)) throw error;
			context.log?.(
				`${context.client.server} could not make a snapshot of ${describeScope(scope)} (attempt ${attempt} of ${ATTEMPTS}): ${reason(error)}`,
			);
			await pause(context.client.timeouts.pause * 2 ** (attempt - 1), context.signal);
		}
	}
}

/**
 * Under heavy writes a snapshot may fail with status 500, `Error while archiving WAL: No such file or directory ...
 * tmp-open-7` (1.16.3): a file of the write-ahead log was renamed while it was being read. The next one works.
 */
function isPassing(error: unknown): boolean {
	return statusOf(error) === 500 && /archiving WAL/i.test(messageOf(error));
}

async function makeOnce(context: ServerSnapshotContext, scope: SnapshotScope): Promise<Made> {
	const { client, ledger, signal, warn } = context;
	throwIfCancelled(signal);
	const entry = await enter(context, scope, await freeSecond(client, scope, signal));
	const creation = client.snapshots.create(scope).catch(async (error: unknown) => {
		if (entry === undefined) throw error;
		// A refusal made no snapshot; a lost answer may have, and the entry stays for the next runs.
		if (!isOutcomeUnknown(error)) await ledger?.remove(entry);
		else {
			await ledger?.doubt(entry);
			warn(
				`Whether ${client.server} still makes the snapshot of ${describeScope(scope)} is not known, because its answer was lost. ` +
					'Backups of the next days into the same storage tell if they find one that may be it.',
			);
		}
		throw error;
	});
	const snapshot = await orCancelled(creation, signal, async (late) => {
		await remove(context, scope, { snapshot: late, entry });
	});
	return { snapshot, entry };
}

/** Notes what is about to be asked for; returns the entry's key. */
async function enter(
	{ client, peerId, ledger, isLedgerOptional, warn, signal }: ServerSnapshotContext,
	scope: SnapshotScope,
	{ now, present }: { now: Date; present: string[] },
): Promise<string | undefined> {
	try {
		return await ledger?.enter({ server: client.server, peerId, scope, askedAt: now, present });
	} catch (error) {
		if (!isLedgerOptional || signal?.aborted) throw error;
		warn(`The storage keeps no note of the snapshot of ${describeScope(scope)} on ${client.server}: ${reason(error)}`);
		return undefined;
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
		const [{ now }, snapshots] = await Promise.all([client.version(signal), client.snapshots.list(scope, signal)]);
		const present = snapshots.map(({ name }) => name);
		if (!present.some((name) => isOfThisMoment(name, now))) return { now, present };
		await pause(client.timeouts.pause / 5, signal);
	}
}

/** The Date header may lag behind the clock that names snapshots; of a clock that was set back nothing is waited for. */
function isOfThisMoment(name: string, now: Date): boolean {
	const age = now.getTime() - (snapshotTime(name)?.getTime() ?? 0);
	return age <= 0 && age >= -MAX_LAG_MS;
}

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
	await sleep(milliseconds, undefined, { signal }).catch(() => {
		throw cancelled();
	});
}

/** Cannot be cancelled, and reports what it fails with as a warning: the run's own success or failure matters more. */
async function remove(
	{ client, ledger, warn }: ServerSnapshotContext,
	scope: SnapshotScope,
	{ snapshot, entry }: Made,
): Promise<void> {
	const { name } = snapshot;
	const later = entry === undefined ? 'remove it by hand' : 'the next backup into the same storage tries again';
	try {
		const removal = await removeOwnSnapshot(client, scope, snapshot);
		if (removal === 'replaced') warn(`${name} on ${client.server} was left: somebody else made it in the same second.`);
		if (removal === 'outOfReach') {
			if (entry !== undefined) ledger?.release(entry);
			warn(outOfReach(client, scope, name, entry !== undefined));
		} else if (entry !== undefined) await ledger?.remove(entry);
	} catch (error) {
		if (entry !== undefined) ledger?.release(entry);
		warn(`The snapshot ${name} could not be removed from ${client.server}; ${later}: ${reason(error)}`);
	}
}

function outOfReach({ server }: QdrantClient, scope: SnapshotScope, name: string, isNoted: boolean): string {
	return (
		`${describeScope(scope)} was deleted during the backup; the file ${name} of its snapshot stays on the disk of ${server}, ` +
		`in the folder ${scope.collection} of its snapshots, where no call reaches it: remove it there by hand` +
		(isNoted
			? ', or let a later backup into the same storage do it once there is a collection of that name again.'
			: '.')
	);
}

function reason(error: unknown): string {
	return error instanceof BackupError ? error.message : messageOf(error);
}

/**
 * The promise's value, or CANCELLED as soon as the signal fires; a value that comes later goes to `onLate`. For work that a
 * server does not stop when nobody listens any more.
 */
async function orCancelled<T>(
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
