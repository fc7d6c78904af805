import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { startQdrant, type QdrantServer } from '../../services/qdrant';

async function request(server: QdrantServer, method: string, path: string, body?: unknown): Promise<Response> {
	return await fetch(`${server.url}${path}`, {
		method,
		headers: { 'content-type': 'application/json', ...(server.apiKey && { 'api-key': server.apiKey }) },
		...(body !== undefined && { body: JSON.stringify(body) }),
	});
}

it('keeps points and makes snapshots', async () => {
	const server = await startQdrant();
	await request(server, 'PUT', '/collections/notes', { vectors: { size: 2, distance: 'Cosine' } });
	await request(server, 'PUT', '/collections/notes/points?wait=true', { points: [{ id: 1, vector: [0.1, 0.2] }] });
	const snapshot = await request(server, 'POST', '/collections/notes/snapshots');
	const { result } = (await snapshot.json()) as { result: { name: string } };
	await server.stop();
	expect(result.name).toMatch(/^notes-.*\.snapshot$/);
});

it('refuses clients without its API key', async () => {
	const server = await startQdrant({ apiKey: 'secret-key' });
	const anonymous = await fetch(`${server.url}/collections`);
	const known = await request(server, 'GET', '/collections');
	await server.stop();
	expect(anonymous.status).toBe(401);
	expect(known.status).toBe(200);
});

it('forms a cluster of several processes', async () => {
	const first = await startQdrant({ cluster: {} });
	const second = await startQdrant({ cluster: { bootstrap: first.peerUrl! } });
	let peers = 0;
	while (peers < 2) {
		const answer = (await (await request(first, 'GET', '/cluster')).json()) as { result: { peers: object } };
		peers = Object.keys(answer.result.peers).length;
		await sleep(50);
	}
	await second.stop();
	await first.stop();
	expect(peers).toBe(2);
});
