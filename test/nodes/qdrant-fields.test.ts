import { afterAll, beforeAll, expect, it } from 'vitest';
import { startQdrant, type QdrantServer } from '../services/qdrant';
import { contentHash, createPlain } from '../services/qdrant-data';
import { inProcessN8n } from './harness';
import { backup, byName, type NodeRunner, storedIn } from './node-runner';
import { collections, losePoints, snapshotNode } from './qdrant-support';

/** An expression that refers to what is not there. */
const NOTHING = '={{ $json.body.nothing }}';

const n8n = await inProcessN8n();
let server: QdrantServer;

beforeAll(async () => {
	server = await startQdrant();
	await createPlain(server, '5', 20);
	await createPlain(server, 'docs', 30);
});

afterAll(async () => {
	await server?.stop();
});

/** A node, its folder, and the backup of `docs` in it. */
async function withBackup(): Promise<{ folder: string; node: NodeRunner; docs: Record<string, unknown> }> {
	const { folder, node } = await snapshotNode(n8n, server);
	await node.ok('backUp', { collectionMode: 'chosen', collections: ['docs'] });
	return { folder, node, docs: backup('latest', 'docs') };
}

it('does not let an expression that gives no text name the collection to restore over', async () => {
	const { node, docs } = await withBackup();
	await losePoints(server, '5', 0, 10);
	const before = { five: await contentHash(server, '5'), docs: await contentHash(server, 'docs') };
	const into = (targetCollection: unknown) => ({ ...docs, target: 'newCollection', targetCollection });
	const over = (target: string, name: unknown, confirmation: unknown) => ({
		...docs,
		target,
		existingCollection: byName(name),
		confirmation,
	});
	expect(await node.fails('restore', into('={{ 5 }}'))).toMatch(/a collection named 5 already; nothing was changed/);
	expect(await node.fails('restore', over('safeSwap', '={{ 5 }}', 'docs'))).toMatch(/"5" is not confirmed/);
	for (const name of ['={{ ["docs"] }}', '={{ { name: "docs" } }}', NOTHING, '.', '..', 'a/b', '={{ "a\\nb" }}']) {
		expect(await node.fails('restore', into(name))).toMatch(/collection/i);
		expect(await node.fails('restore', over('existing', name, name))).toMatch(/collection/i);
	}
	expect(await collections(server)).toEqual(['5', 'docs']);
	expect({ five: await contentHash(server, '5'), docs: await contentHash(server, 'docs') }).toEqual(before);
});

it('makes no backup over a selection or a time that is none, and names the field', async () => {
	const { folder, node } = await snapshotNode(n8n, server);
	const chosen = (value: unknown) => ({ collectionMode: 'chosen', collections: value });
	expect(await node.fails('backUp', chosen('={{ 5 }}'))).toMatch(/^Selected Collections is 5/);
	expect(await node.fails('backUp', chosen(NOTHING))).toMatch(/No collection is chosen/);
	expect(await node.fails('backUp', { collectionMode: 'all', excludePatterns: '={{ 5 }}' })).toMatch(
		/^Exclude Patterns is 5/,
	);
	for (const connectTimeout of ['={{ "" }}', NOTHING, 0, -2, 1e12]) {
		expect(await node.fails('backUp', { options: { connectTimeout } })).toMatch(/^Connection Timeout \(Seconds\) is/);
	}
	expect(await node.fails('backUp', { options: { idleTimeout: '={{ "soon" }}' } })).toMatch(/^Idle Timeout/);
	expect(storedIn(folder)).toEqual([]);
});

it('takes numbers and texts for what they name', async () => {
	const { node } = await snapshotNode(n8n, server);
	const [five] = await node.ok('backUp', { collectionMode: 'chosen', collections: '={{ "5" }}' });
	expect(five).toMatchObject({ collection: '5' });
	const target = { target: 'newCollection', targetCollection: '={{ 2026 }}' };
	expect(await node.ok('restore', { ...backup('latest', '={{ 5 }}'), ...target })).toMatchObject([
		{ collection: '2026' },
	]);
	expect(await collections(server)).toContain('2026');
	expect(
		await node.fails('deleteServerSnapshots', { whichSnapshot: 'incoming', incomingSnapshot: { name: 5 } }),
	).toMatch(/There is no snapshot 5 of the whole storage/);
});
