/**
 * The collections that test restores make and remove again, by names that tell when (verify/scratchName.ts). Nothing else is ever
 * removed.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Manifest } from '../../archive';
import { messageOf } from '../../errors';
import { abandoned } from '../../verify/scratchName';
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

const REMOVAL_TRIES = 6;

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
