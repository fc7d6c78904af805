import type { QdrantClient } from '../client/client';
import { isFromUnexpectedServer, statusOf } from '../client/failure';
import type { SnapshotScope } from '../client/scope';
import type { SnapshotDescription } from '../client/types';

/** A snapshot as the server described it when this product asked for it. */
export type OwnSnapshot = Pick<SnapshotDescription, 'name' | 'checksum'>;

/**
 * - `removed`: it was there and is not any more; `gone`: it was not there.
 * - `replaced`: a snapshot of that name has other bytes, so somebody else made it in the same second; it was left.
 * - `outOfReach`: the collection is deleted. Its snapshots stay on the server's disk, and no call reaches them until there
 *   is a collection of that name again (1.16.3).
 */
export type Removal = 'removed' | 'gone' | 'replaced' | 'outOfReach';

/** Removes a snapshot that we made from the server's disk, and none that only bears its name. */
export async function removeOwnSnapshot(
	client: QdrantClient,
	scope: SnapshotScope,
	{ name, checksum }: OwnSnapshot,
	signal?: AbortSignal,
): Promise<Removal> {
	const snapshots = await snapshotsIn(client, scope, signal);
	if (!snapshots) return 'outOfReach';
	const found = snapshots.find((snapshot) => snapshot.name === name);
	if (!found) return 'gone';
	if (checksum && found.checksum && found.checksum !== checksum) return 'replaced';
	return (await client.snapshots.delete(scope, name, signal)) ? 'removed' : 'outOfReach';
}

/** The snapshots that are there; undefined where the collection is not. */
export async function snapshotsIn(
	client: QdrantClient,
	scope: SnapshotScope,
	signal?: AbortSignal,
): Promise<SnapshotDescription[] | undefined> {
	try {
		return await client.snapshots.list(scope, signal);
	} catch (error) {
		if (statusOf(error) === 404 && !isFromUnexpectedServer(error)) return undefined;
		throw error;
	}
}
