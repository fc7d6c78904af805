import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { backup, type NodeRunner } from '../nodes/node-runner';
import { NODE_TYPE, snapshotNode } from '../nodes/qdrant-support';
import { startFaultyProxy } from '../services/faultyProxy';
import { startQdrant, type QdrantServer } from '../services/qdrant';
import { ask, at, contentHash, createPlain, snapshotNames } from '../services/qdrant-data';
import { sharedN8n, type WorkflowUnderTest } from './harness';

const n8n = await sharedN8n();
let server: QdrantServer;
let node: NodeRunner<WorkflowUnderTest>;
let folder: string;

beforeAll(async () => {
	server = await startQdrant({ apiKey: 'the right key' });
	await createPlain(server, 'docs', 500);
	({ folder, node } = await snapshotNode(n8n, server));
});

afterAll(async () => {
	await server?.stop();
});

const intoNew = (targetCollection: string) => ({ target: 'newCollection', targetCollection });

it('backs a collection up, and lists and restores the backup', async () => {
	const wanted = await contentHash(server, 'docs');
	const [made] = await node.ok('backUp');
	expect(made).toMatchObject({ collection: 'docs', points: 500 });
	expect(readdirSync(join(folder, 'qdrant'))).toContain(made!['file']);
	expect(await node.ok('listBackups')).toMatchObject([{ id: made!['id'], archiveState: 'complete' }]);
	const request = { nodeType: NODE_TYPE, credentials: node.credentials, parameters: { operation: 'restore' } };
	const { results } = await n8n.searchList({ ...request, methodName: 'searchBackups', path: 'parameters.backup' });
	expect(results).toMatchObject([{ value: made!['id'] }]);
	const collections = await n8n.loadOptions({ ...request, methodName: 'getCollections' });
	expect(collections.map(({ value }) => value)).toEqual(['docs']);
	const restored = await node.ok('restore', { ...backup('id', made!['id']), ...intoNew('copy') });
	expect(restored).toMatchObject([{ collection: 'copy', points: 500 }]);
	expect(await contentHash(server, 'copy')).toBe(wanted);
	await ask(server, 'DELETE', at('copy'));
});

it('hands a snapshot on as binary data, and restores it from there', async () => {
	const own = node.with({ backupStorageApi: undefined });
	const before = { type: NODE_TYPE, parameters: { operation: 'backUp', destination: 'binaryData' } };
	const run = await (await own.workflow('restore', { source: 'binaryData', ...intoNew('handed') }, {}, [before])).run();
	expect(run.error).toBeUndefined();
	expect(run.items[0]!.json).toMatchObject({ collection: 'handed', points: 500 });
	await ask(server, 'DELETE', at('handed'));
});

it('lists the snapshots on the server, and deletes what comes in', async () => {
	await ask(server, 'POST', at('docs', '/snapshots?wait=true'));
	const before = [{ type: NODE_TYPE, parameters: { operation: 'listServerSnapshots' } }];
	const run = await (await node.workflow('deleteServerSnapshots', { whichSnapshot: 'incoming' }, {}, before)).run();
	expect(run.error).toBeUndefined();
	expect(run.items.map(({ json }) => json)).toMatchObject([{ collection: 'docs', deleted: true }]);
	expect(await snapshotNames(server, 'docs')).toEqual([]);
});

it('leaves neither an archive nor a snapshot on the server behind when it is stopped', async () => {
	const proxy = await startFaultyProxy(server.url);
	proxy.faults.push({ when: /^GET .*\.snapshot HTTP/, times: 1, act: { kind: 'stall' } });
	try {
		const { folder: empty, node: own } = await snapshotNode(n8n, { ...server, url: proxy.endpoint });
		const workflow = await own.workflow('backUp', { collectionMode: 'chosen', collections: ['docs'] });
		const answer = workflow.start();
		const id = await workflow.running();
		while (!proxy.requests.some((line) => line.includes('.snapshot HTTP'))) await sleep(20);
		expect(await snapshotNames(server, 'docs')).toHaveLength(1);
		await n8n.stopExecution(id);
		expect((await workflow.finished(id)).status).toBe('canceled');
		await answer;
		while ((await snapshotNames(server, 'docs')).length > 0 || proxy.openConnections() > 0) await sleep(20);
		const files = readdirSync(empty, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
		// That it was stopped stands in the journal.
		const left = files.filter(({ parentPath }) => !parentPath.includes('.stack-backup'));
		expect(left.map(({ name }) => name).filter((name) => name !== 'backup.log')).toEqual([]);
	} finally {
		await proxy.stop();
	}
});

it('shows the API key neither in executions nor in the log', async () => {
	const backedUp = await node.run('backUp', { options: { folder: 'secret' } });
	const made = backedUp.items[0]!.json as Record<string, string>;
	const options = { folder: 'secret' };
	const restored = await node.run('restore', { ...backup('id', made['id']!), ...intoNew('discreet'), options });
	const failed = await node.run('restore', { ...backup('id', made['id']!), ...intoNew('discreet'), options });
	expect([backedUp.status, restored.status, failed.status]).toEqual(['success', 'success', 'error']);
	const log = readFileSync(join(n8n.connection.userFolder, '.n8n', 'logs', 'n8n.log'), 'utf8');
	expect(log).toMatch(/Qdrant Snapshot: backed up docs/);
	for (const text of [log, ...[backedUp, restored, failed].map(({ execution }) => JSON.stringify(execution))]) {
		expect(text).not.toContain('the right key');
	}
});
