import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startQdrant, type QdrantServer } from '../services/qdrant';
import { createPlain } from '../services/qdrant-data';
import { sharedN8n } from './harness';
import type { Json, NodeRunner } from '../nodes/node-runner';
import { NODE_TYPE, pointAlias, snapshotNode } from '../nodes/qdrant-support';
import { publishNow, template, withCredentials } from './templates';

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
