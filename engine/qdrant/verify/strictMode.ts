import type { QdrantClient } from '../client/client';
import type { CollectionInfo } from '../client/types';
import { isRefusal } from './samples';

/**
 * Turns strict mode off in the scratch collection. It comes with the snapshot and may forbid the searches that check the points.
 * Where a server refuses the change, the points are checked as far as strict mode allows.
 */
export async function withoutStrictMode(
	client: QdrantClient,
	collection: string,
	{ config }: CollectionInfo,
	signal?: AbortSignal,
): Promise<void> {
	const mode = config.strict_mode_config as { enabled?: boolean } | null | undefined;
	if (mode?.enabled !== true) return;
	try {
		await client.updateCollection(collection, { strict_mode_config: { enabled: false } }, signal);
	} catch (error) {
		if (!isRefusal(error)) throw error;
	}
}
