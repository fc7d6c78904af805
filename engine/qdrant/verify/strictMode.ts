import type { QdrantConnection } from '../connection';
import { open, readText } from '../http';
import type { CollectionInfo } from '../types';

const ANSWER_MS = 60_000;

/**
 * A collection brings its strict mode along, which may forbid what looks at its points. Turns it off in the scratch
 * collection; a server that does not take that is asked under strict mode.
 */
export async function withoutStrictMode(
	connection: QdrantConnection,
	collection: string,
	{ config }: CollectionInfo,
	signal?: AbortSignal,
): Promise<void> {
	const mode = config.strict_mode_config as { enabled?: boolean } | null | undefined;
	if (mode?.enabled !== true) return;
	const response = await open(connection, {
		method: 'PATCH',
		path: `/collections/${encodeURIComponent(collection)}`,
		json: { strict_mode_config: { enabled: false } },
		answerWithin: ANSWER_MS,
		...(signal && { signal }),
	});
	await readText(response);
}
