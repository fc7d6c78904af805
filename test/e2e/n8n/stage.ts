import { randomUUID } from 'node:crypto';

import { N8nApi, type N8nApiConnection } from '../../../engine';
import type { N8nClient } from '../../services/n8n-client';

/** What n8n's own `n8nApi` credential holds for a started n8n. */
export function apiOf({ connection }: N8nClient, more: Partial<N8nApiConnection> = {}): N8nApiConnection {
	return { baseUrl: `${connection.url}/api/v1`, apiKey: connection.apiKey, ...more };
}

export function reading(n8n: N8nClient, more: Partial<N8nApiConnection> = {}): N8nApi {
	return new N8nApi(apiOf(n8n, more), 'source');
}

export function writing(n8n: N8nClient): N8nApi {
	return new N8nApi(apiOf(n8n), 'target');
}

/** A key that may do nothing but this. */
export async function keyWith(n8n: N8nClient, scopes: string[]): Promise<string> {
	const label = `key ${randomUUID()}`;
	const key = await n8n.rest<{ rawApiKey: string }>('POST', '/api-keys', { label, scopes, expiresAt: null });
	return key.rawApiKey;
}

export function node(name: string, type: string, parameters: Record<string, unknown> = {}, more: object = {}) {
	return { id: randomUUID(), name, type, typeVersion: 1, position: [0, 0], parameters, ...more };
}

/** Nodes in a row, the first of which leads to the second and so on. */
export function inARow(nodes: ReturnType<typeof node>[]) {
	const links = nodes.slice(1).map(({ name }, index) => {
		return [nodes[index]!.name, { main: [[{ node: name, type: 'main', index: 0 }]] }];
	});
	return { nodes, connections: Object.fromEntries(links) as Record<string, unknown> };
}

/** A workflow that a schedule starts. */
export function scheduled(name: string, url = 'https://example.com') {
	return {
		name,
		...inARow([
			node('Every Day', 'n8n-nodes-base.scheduleTrigger', { rule: { interval: [{}] } }),
			node('Request', 'n8n-nodes-base.httpRequest', { url }, { notes: 'Zürich → 東京 😀', position: [220, 40] }),
			node('Done', 'n8n-nodes-base.noOp', {}, { position: [440, 40] }),
		]),
		settings: { executionOrder: 'v1', timezone: 'Europe/Berlin' },
	};
}

export type Created = { id: string; name: string; versionId: string };

/** Stores a workflow by the public API. */
export async function create(n8n: N8nClient, workflow: object): Promise<Created> {
	return await n8n.publicApi<Created>('POST', '/workflows', workflow);
}
