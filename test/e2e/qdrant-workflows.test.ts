import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startQdrant, type QdrantServer } from '../services/qdrant';
import { ask, at, contentHash, countPoints, createPlain } from '../services/qdrant-data';
import { sharedN8n } from './harness';
import type { Json, NodeRunner } from '../nodes/node-runner';
import { aliases, losePoints, NODE_TYPE, pointAlias, snapshotNode } from '../nodes/qdrant-support';
import { publishGuarded, publishNow, template, withCredentials, withSettings } from './templates';

const n8n = await sharedN8n();
let server: QdrantServer;
let node: NodeRunner;

beforeAll(async () => {
	server = await startQdrant();
	await createPlain(server, 'docs', 300);
	await createPlain(server, 'images', 50);
	await pointAlias(server, 'live', 'docs');
	({ node } = await snapshotNode(n8n, server));
});

afterAll(async () => {
	await server?.stop();
});

async function nightly(path: string): Promise<string> {
	const daily = withCredentials(template('qdrant-daily-snapshot.json'), { [NODE_TYPE]: node.credentials });
	return await publishNow(n8n, daily, path);
}

it('sums up the night by the daily template', async () => {
	await nightly('qdrant-now');
	const { body } = await n8n.webhook('qdrant-now', {});
	expect(body).toMatchObject({
		status: 'success',
		backups: [
			{ name: 'docs', points: 300, state: 'whole' },
			{ name: 'images', points: 50, state: 'whole' },
		],
	});
});

it('restores by the webhook of the template: by an alias, by the name, and what is lost', async () => {
	const wanted = await contentHash(server, 'docs');
	await node.ok('backUp');
	const secret = { name: 'x-secret', value: 'open sesame' };
	const credentials = { [NODE_TYPE]: node.credentials };
	const collections = { docs: 'docs', live: 'docs', images: 'images' };
	const workflow = withSettings(template('qdrant-restore-webhook.json'), { collections, keptCopies: 2 });
	await publishGuarded(n8n, workflow, credentials, secret);
	const call = async (body: Json, headers: Record<string, string> = { 'x-secret': 'open sesame' }) =>
		await n8n.webhook('restore-qdrant', body, { headers });

	await losePoints(server, 'docs', 0, 100);
	expect((await call({ collection: 'docs', confirm: 'docs' }, {})).status).toBe(403);
	expect(await call({ collection: 'docs' })).toMatchObject({
		status: 422,
		body: { error: expect.stringMatching(/not confirmed/) },
	});
	expect(await countPoints(server, 'docs')).toBe(200);

	expect(await call({ collection: 'others', confirm: 'others', backup: 'docs' })).toMatchObject({
		status: 403,
		body: { error: expect.stringMatching(/may not restore that collection/) },
	});
	expect(await call({ collection: 'live', confirm: 'live' })).toMatchObject({
		status: 200,
		body: { collection: expect.stringMatching(/^live_\d/), points: 300 },
	});
	expect(await contentHash(server, 'live')).toBe(wanted);

	expect(await call({ collection: 'docs', confirm: 'docs' })).toMatchObject({
		status: 200,
		body: { collection: 'docs', previous: expect.stringMatching(/^docs_before_/) },
	});
	expect(await contentHash(server, 'docs')).toBe(wanted);

	await ask(server, 'DELETE', at('images'));
	const anew = await call({ collection: 'images', confirm: 'images' });
	expect(anew).toMatchObject({ status: 200, body: { collection: 'images', points: 50 } });
	expect(anew.body).not.toHaveProperty('previous');
	expect(Object.keys(await aliases(server))).toContain('live');
});

it('ends the night with an error that names what failed, after the others were backed up', async () => {
	await createPlain(server, 'broken', 5);
	// The server cannot write a snapshot where a file is in the way of its folder.
	writeFileSync(join(server.folder, 'snapshots', 'broken'), '');
	const id = await nightly('qdrant-broken');
	await n8n.webhook('qdrant-broken', {});
	const [started] = await n8n.executions(id);
	const { status, data } = await n8n.execution(started!.id);
	expect(status).toBe('error');
	expect(data.resultData.error?.message).toMatch(/^Backups failed: broken: /);
	const summary = data.resultData.runData['Summary']?.at(-1)?.data?.main[0]?.[0]?.json;
	expect((summary?.['backups'] as Json[]).map(({ name }) => name as string)).toContain('docs');
});
