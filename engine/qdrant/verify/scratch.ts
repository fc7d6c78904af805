/**
 * The collections that test restores make and remove again. Nothing else is ever removed: their names hold 64 random bits,
 * and the time by which one that a killed run has left is distinguished from one that is at work.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Manifest } from '../../archive';
import { messageOf } from '../../errors';
import type { QdrantConnection } from '../client/connection';
import type { CollectionSource } from '../manifestSource';
import type { CollectionRestoreReport } from '../restore/restoreCollection';
import type { QdrantClient } from '../client/client';

/** A collection that a test restore has made, and what it was made of. */
export interface Scratch {
	connection: QdrantConnection;
	client: QdrantClient;
	/** The name of the scratch collection. */
	name: string;
	/** The manifest's facts, where it is a backup of ours. */
	facts?: CollectionSource;
	manifest?: Manifest;
	report: CollectionRestoreReport;
}

const NAME = /^stack_backup_verify_(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)_[0-9a-f]{16}$/;
/** It may be of another machine, whose clock may be wrong, and which may be at work on hundreds of gigabytes. */
const ABANDONED_AFTER_MS = 24 * 60 * 60 * 1000;
const REMOVAL_TRIES = 6;

/** `stack_backup_verify_20260131020000_0123456789abcdef`; the time is UTC. */
export function scratchName(now: Date): string {
	const time = now
		.toISOString()
		.slice(0, 19)
		.replace(/[^0-9]/g, '');
	return `stack_backup_verify_${time}_${randomBytes(8).toString('hex')}`;
}

/** When a test restore has begun, by the name of its collection; undefined for a name that is none of ours. */
export function scratchTime(name: string): Date | undefined {
	const [, year, month, day, hours, minutes, seconds] = NAME.exec(name) ?? [];
	if (year === undefined) return undefined;
	const time = new Date(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}Z`);
	return Number.isNaN(time.getTime()) ? undefined : time;
}

/** Which of a server's collections test restores that were killed have left there. */
export function abandoned(collections: string[], now: Date): string[] {
	return collections.filter((name) => {
		const begunAt = scratchTime(name);
		return begunAt !== undefined && now.getTime() - begunAt.getTime() > ABANDONED_AFTER_MS;
	});
}

/** Removes what killed runs have left. Answers what it removed, and, in a sentence each, what it could not. */
export async function sweep(
	client: QdrantClient,
	signal?: AbortSignal,
): Promise<{ removed: string[]; warnings: string[] }> {
	const removed: string[] = [];
	const warnings: string[] = [];
	for (const name of abandoned(await client.collections(signal), new Date())) {
		try {
			await clear(client, name, signal);
			removed.push(name);
		} catch (error) {
			if (signal?.aborted) throw error;
			warnings.push(`The collection ${name} of an earlier test restore could not be removed: ${messageOf(error)}`);
		}
	}
	return { removed, warnings };
}

/**
 * Removes a scratch collection. No cancel stops this, and a server that is away for a moment is asked again.
 * @param watchMs The server may still be taking the snapshot in although nobody hears of it any more: for so many
 * milliseconds, a collection that comes up late is removed as well.
 * @returns A sentence on what may be left; undefined where it is gone.
 */
export async function removeScratch(client: QdrantClient, name: string, watchMs: number): Promise<string | undefined> {
	const until = Date.now() + watchMs;
	let failures = 0;
	for (;;) {
		try {
			const isOver = Date.now() >= until;
			const isThere = (await client.collections()).includes(name);
			// What was uploaded stays on the disk without its collection, where only one of the same name gets at it.
			if (!isThere && isOver && watchMs > 0) await client.createCollection(name, { vectors: {} });
			if (isThere || (isOver && watchMs > 0)) await clear(client, name);
			if (isOver) return undefined;
			failures = 0;
			await sleep(client.timeouts.pause);
		} catch (error) {
			if (++failures >= REMOVAL_TRIES) return left(name, client, messageOf(error));
			await sleep(client.timeouts.pause * failures);
		}
	}
}

/** Removes a collection and the snapshots on the server's disk that were uploaded for it. */
async function clear(client: QdrantClient, name: string, signal?: AbortSignal): Promise<void> {
	for (const snapshot of await client.snapshots.list({ collection: name }, signal)) {
		await client.snapshots.delete({ collection: name }, snapshot.name, signal);
	}
	await client.deleteCollection(name, signal);
}

function left(name: string, { server }: QdrantClient, reason: string): string {
	return `The collection ${name} of this test restore may be left on ${server} (${reason}); a test restore after a day removes it.`;
}
