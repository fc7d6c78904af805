/**
 * The collections that test restores make and remove again. Nothing else is ever removed. Their names hold 64 random bits, and
 * the time of the start, by which a collection of a killed run is told from one that is in use.
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
/** Another machine may have made it. Its clock may be wrong, and its test restore may take hours for hundreds of gigabytes. */
const ABANDONED_AFTER_MS = 24 * 60 * 60 * 1000;
const REMOVAL_TRIES = 6;

/** Makes the name of a scratch collection: `stack_backup_verify_20260131020000_0123456789abcdef`, with the time in UTC. */
export function scratchName(now: Date): string {
	const time = now
		.toISOString()
		.slice(0, 19)
		.replace(/[^0-9]/g, '');
	return `stack_backup_verify_${time}_${randomBytes(8).toString('hex')}`;
}

/** When the test restore began that made a collection of this name; undefined where no test restore makes such names. */
export function scratchTime(name: string): Date | undefined {
	const [, year, month, day, hours, minutes, seconds] = NAME.exec(name) ?? [];
	if (year === undefined) return undefined;
	const time = new Date(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}Z`);
	return Number.isNaN(time.getTime()) ? undefined : time;
}

/** Picks the collections that killed test restores have left on a server. */
export function abandoned(collections: string[], now: Date): string[] {
	return collections.filter((name) => {
		const begunAt = scratchTime(name);
		return begunAt !== undefined && now.getTime() - begunAt.getTime() > ABANDONED_AFTER_MS;
	});
}

/**
 * Removes the collections that killed test restores have left.
 * @returns the names that it removed, and a sentence for each that it could not remove
 */
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
 * Removes a scratch collection. A cancel does not stop this, and where the server does not answer, it is asked again.
 * @param watchMs The server may still be restoring the snapshot although the connection was lost. For so many milliseconds, a
 * collection that appears late is removed as well.
 * @returns a sentence on what may be left; undefined where the collection is gone
 */
export async function removeScratch(client: QdrantClient, name: string, watchMs: number): Promise<string | undefined> {
	const until = Date.now() + watchMs;
	let failures = 0;
	for (;;) {
		try {
			const isOver = Date.now() >= until;
			const isThere = (await client.collections()).includes(name);
			// Without its collection, an uploaded snapshot stays on the disk. Only a collection of the same name gives access to it.
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
