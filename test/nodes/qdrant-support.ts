import type { QdrantServer } from '../services/qdrant';
import { ask, at } from '../services/qdrant-data';
import { NodeRunner } from './node-runner';
import { type NodeHost, PACKAGE, type Runnable } from './workflow';

export const NODE_TYPE = `${PACKAGE}.qdrantSnapshot`;

export function qdrantData({ url, apiKey }: QdrantServer): Record<string, unknown> {
	return { qdrantUrl: url, apiKey: apiKey ?? '' };
}

export async function pointAlias(server: QdrantServer, alias: string, collection: string): Promise<void> {
	const actions = [{ create_alias: { alias_name: alias, collection_name: collection } }];
	await ask(server, 'POST', '/collections/aliases', { actions });
}

/** The collection behind each alias. */
export async function aliases(server: QdrantServer): Promise<Record<string, string>> {
	type Alias = { alias_name: string; collection_name: string };
	const found = await ask<{ aliases: Alias[] }>(server, 'GET', '/aliases');
	return Object.fromEntries(found.aliases.map((alias) => [alias.alias_name, alias.collection_name]));
}

export async function collections(server: QdrantServer): Promise<string[]> {
	const found = await ask<{ collections: { name: string }[] }>(server, 'GET', '/collections');
	return found.collections.map(({ name }) => name).sort();
}

/** Deletes points by their ids, from the first to before the last. */
export async function losePoints(server: QdrantServer, collection: string, from: number, to: number): Promise<void> {
	const points = Array.from({ length: to - from }, (_value, index) => from + index);
	await ask(server, 'POST', at(collection, '/points/delete?wait=true'), { points });
}

/** Qdrant Snapshot on a server, with a fresh folder as the storage. */
export async function snapshotNode<W extends Runnable>(n8n: NodeHost<W>, server: QdrantServer) {
	const qdrantApi = await n8n.createCredential('vectors', 'qdrantApi', qdrantData(server));
	return await NodeRunner.withFolder(n8n, NODE_TYPE, { qdrantApi });
}
