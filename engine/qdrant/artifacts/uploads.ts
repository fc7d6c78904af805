/**
 * The files that restores upload. The server keeps each of them, among the collection's snapshots, until somebody deletes it
 * (1.16.3); of a collection that is deleted they stay on its disk, where no call reaches them. They carry our name.
 */
import { randomUUID } from 'node:crypto';

import type { QdrantClient } from '../client/client';
import type { SnapshotScope } from '../client/scope';
import { removeOwnSnapshot, snapshotsIn } from './ownSnapshot';

const PREFIX = 'stack-backup-upload-';
const ABANDONED_AFTER_MS = 24 * 60 * 60 * 1000;

export function uploadName(): string {
	return `${PREFIX}${randomUUID()}.snapshot`;
}

export function isUploadName(name: string): boolean {
	return name.startsWith(PREFIX);
}

/**
 * Removes files that restores without a ledger uploaded and, since they were killed, did not remove. Those younger than a day
 * may belong to a restore that is still at work.
 */
export async function removeOldUploads(
	client: QdrantClient,
	scope: SnapshotScope,
	now: Date,
	signal?: AbortSignal,
): Promise<string[]> {
	const removed: string[] = [];
	for (const { name, creation_time: created } of await client.snapshots.list(scope, signal)) {
		if (!isUploadName(name) || !created) continue;
		if (now.getTime() - new Date(`${created}Z`).getTime() < ABANDONED_AFTER_MS) continue;
		await client.snapshots.delete(scope, name, signal);
		removed.push(name);
	}
	return removed;
}

/** Removes all that was uploaded into a collection, which is about to be deleted. */
export async function removeUploads(client: QdrantClient, collection: string): Promise<void> {
	for (const { name } of (await snapshotsIn(client, { collection })) ?? []) {
		if (isUploadName(name)) await client.snapshots.delete({ collection }, name);
	}
}

/**
 * Removes a file that a restore which was killed has uploaded; where its collection is deleted, by one of that name which is
 * made for it, empty, and deleted at once.
 * @returns Whether it was there
 */
export async function reclaimUpload(
	client: QdrantClient,
	collection: string,
	name: string,
	signal?: AbortSignal,
): Promise<boolean> {
	const removal = await removeOwnSnapshot(client, { collection }, { name }, signal);
	if (removal !== 'outOfReach') return removal === 'removed';
	// No cancel from here on: the collection is not to stay. One that exists meanwhile answers 409, and is tried next time.
	await client.createCollection(collection, { vectors: {} });
	try {
		return (await removeOwnSnapshot(client, { collection }, { name })) === 'removed';
	} finally {
		await client.deleteCollection(collection);
	}
}
