import { startQdrant, type QdrantServer } from '../../../../services/qdrant';
import { contentHash, createPlain } from '../../../../services/qdrant-data';
import { startInterceptor, type Interceptor } from '../../interceptor';
import { backUp, giveAlias, removeCollections, type Backup } from '../../support';

/** What the tests of safe swaps begin with. */
export interface SwapStage {
	/** Without any collection. */
	server: QdrantServer;
	/** Before the server. */
	proxy: Interceptor;
	/** Of a collection `docs`. */
	backup: Backup;
	/** The hash of all that it held. */
	wanted: string;
	stop: () => Promise<void>;
}

export async function startSwapStage(
	points = 300,
	{ dimensions, alias }: { dimensions?: number; alias?: string } = {},
): Promise<SwapStage> {
	const server = await startQdrant();
	const proxy = await startInterceptor(server.url);
	await createPlain(server, 'docs', points, dimensions);
	if (alias !== undefined) await giveAlias(server, alias, 'docs');
	const wanted = await contentHash(server, 'docs');
	const backup = await backUp(server, 'docs');
	await removeCollections(server);
	const stop = async () => {
		await proxy.stop();
		await server.stop();
	};
	return { server, proxy, backup, wanted, stop };
}
