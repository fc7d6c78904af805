import { afterEach, beforeAll } from 'vitest';

import { startQdrant, type QdrantServer } from '../../../../services/qdrant';
import { contentHash, createPlain } from '../../../../services/qdrant-data';
import { startInterceptor, type Interceptor, type Treatment } from '../../interceptor';
import { backUp, giveAlias, removeCollections, type Backup } from '../../support';

// What all tests of safe swaps begin with. Each test file has a process, and so a stage, of its own.

/** Without any collection when a test begins. */
export let server: QdrantServer;
/** Stands before the server, and treats no request when a test begins. */
export let proxy: Interceptor;
/** Of a collection `docs`. */
export let backup: Backup;
/** The hash of all that the collection held. */
export let wanted: string;

/**
 * Sets the stage up before the first test of a file, and clears it after each.
 * @param points of the collection that is backed up
 * @param options `alias` of that collection; `prepare` makes what else is needed, and leaves no collection behind
 */
export function setUpStage(
	points = 300,
	{ dimensions, alias, prepare }: { dimensions?: number; alias?: string; prepare?: () => Promise<void> } = {},
): void {
	beforeAll(async () => {
		server = await startQdrant();
		proxy = await startInterceptor(server.url);
		await createPlain(server, 'docs', points, dimensions);
		if (alias !== undefined) await giveAlias(server, alias, 'docs');
		wanted = await contentHash(server, 'docs');
		backup = await backUp(server, 'docs');
		await removeCollections(server);
		await prepare?.();
		return async () => {
			await proxy.stop();
			await server.stop();
		};
	});
	afterEach(async () => {
		proxy.treat = () => undefined;
		await removeCollections(server);
	});
}

/** The target of a restore that swaps this collection, or what this alias points at. */
export function safeSwapOf<T extends string>(collection: T) {
	return { type: 'safeSwap', collection, confirmation: collection } as const;
}

/** Treats the requests with this line, one after the other; those behind the last are passed on. */
export function treatAt(line: string, ...treatments: Treatment[]): void {
	proxy.treat = (found) => (found === line ? treatments.shift() : undefined);
}
