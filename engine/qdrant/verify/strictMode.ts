import type { QdrantClient } from '../client/client';
import type { CollectionInfo } from '../client/types';
import { isRefusal } from './samples';

/**
 * A collection brings its strict mode along, which may forbid what looks at its points. Turns it off in the scratch
 * collection; on a server that refuses that, the points are looked at as far as strict mode lets anybody.
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
