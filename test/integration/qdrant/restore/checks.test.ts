import { createReadStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';

import { openArchive } from '../../../../engine/archive';
import { foreignSnapshot, restoreCollection } from '../../../../engine/qdrant';
import { FolderStorage } from '../../../../engine/storage';
import { type FaultyProxy, startFaultyProxy } from '../../../services/faultyProxy';
import { temporaryFolder } from '../../../services/guard';
import { startQdrant, type QdrantServer } from '../../../services/qdrant';
import { ask, at, contentHash, createPlain } from '../../../services/qdrant-data';
import { altered, backUp, connectionTo, failure, restore, type Backup } from '../support';

// What a restore makes of what it finds: a good backup can always be restored, and nothing empty passes for good.

let server: QdrantServer;
let proxy: FaultyProxy;
/** Of 300 points. */
let backup: Backup;
/** Of the same collection without any. */
let empty: Backup;

beforeAll(async () => {
	server = await startQdrant();
	proxy = await startFaultyProxy(server.url);
	await createPlain(server, 'docs', 300);
	await createPlain(server, 'none', 0);
	backup = await backUp(server, 'docs');
	empty = await backUp(server, 'none', { codec: { name: 'none' } });
	await ask(server, 'DELETE', at('none'));
});
afterAll(async () => {
	await proxy?.stop();
	await server?.stop();
});
afterEach(async () => {
	proxy.faults = [];
	for (const name of await collections()) if (name !== 'docs') await ask(server, 'DELETE', at(name));
});

const target = { type: 'newCollection', collection: 'fresh' } as const;

async function collections(): Promise<string[]> {
	const found = await ask<{ collections: { name: string }[] }>(server, 'GET', '/collections');
	return found.collections.map(({ name }) => name).sort();
}

/** A collection's backup, restored as `fresh`. */
async function roundTrip(collection: string) {
	const report = await restore(server, await backUp(server, collection), target);
	expect(await contentHash(server, 'fresh')).toBe(await contentHash(server, collection));
	return report;
}

it.each([
	[299, 299],
	[301, 301],
	[580, 580],
	[100, 100],
	[290, 295],
	[900, 1000],
])('restores a backup of 300 points although %i and %i were counted, and tells both numbers', async (before, after) => {
	const report = await restore(server, altered(backup, { points: { before, after } }), target);
	expect(report).toMatchObject({ points: 300, expectedPoints: after, sampleSearch: 'passed' });
	const counted = before === after ? after : `${before} to ${after}`;
	expect(report.warnings).toEqual([
		expect.stringContaining(`It has 300 points; ${counted} were there during the backup.`),
	]);
});

it('is content with any number between those that were counted', async () => {
	const report = await restore(server, altered(backup, { points: { before: 10, after: 5000 } }), target);
	expect(report.warnings).toEqual([]);
});

it('takes less than half of the points for another collection, and removes it', async () => {
	const promised = altered(backup, { points: { before: 700, after: 700 } });
	const error = await failure(restore(server, promised, target), 'TARGET_FAILED');
	expect(error.message).toContain('it has 300 points instead of 700');
	expect(await collections()).toEqual(['docs']);
});

it.each([
	[300, 300],
	[300, 301],
	[1, 1],
])('takes nothing for nothing where %i and %i points were counted', async (before, after) => {
	const promised = altered(empty, { points: { before, after } });
	const error = await failure(restore(server, promised, target), 'TARGET_FAILED');
	expect(error.message).toContain('it is empty, and');
	expect(await collections()).toEqual(['docs']);
});

it('takes nothing for nothing where a snapshot without a manifest has points by its own files', async () => {
	const path = join(empty.root, 'qdrant', empty.manifest.file);
	const source = await foreignSnapshot({ description: 'x', open: () => Promise.resolve(createReadStream(path)) });
	expect(source.points).toBe(0);
	const run = restoreCollection({ connection: connectionTo(server), source: { ...source, points: 300 }, target });
	expect((await failure(run, 'TARGET_FAILED')).message).toContain('it is empty, and 300 points were there');
	expect(await collections()).toEqual(['docs']);
	const { points, ...untold } = source;
	void points;
	const { warnings } = await restoreCollection({ connection: connectionTo(server), source: untold, target });
	expect(warnings).toContain('It is empty, and nothing says how many points it should have.');
});

it('restores a collection whose strict mode lets nobody count', async () => {
	await createPlain(server, 'strict', 100);
	await ask(server, 'PATCH', at('strict'), { strict_mode_config: { enabled: true, search_allow_exact: false } });
	const { points, sampleSearch, warnings } = await roundTrip('strict');
	expect({ points, sampleSearch, warnings }).toEqual({ points: 100, sampleSearch: 'passed', warnings: [] });
});

it('restores a collection whose strict mode hardly answers', async () => {
	await createPlain(server, 'strict', 100);
	const backup = await backUp(server, 'strict');
	const config = { enabled: true, read_rate_limit: 2, max_query_limit: 1 };
	await ask(server, 'PATCH', at('strict'), { strict_mode_config: config });
	const { config: settings } = await ask<{ config: object }>(server, 'GET', at('strict'));
	const limited = altered(backup, { config: settings });
	proxy.requests.length = 0;
	const report = await restore(server, limited, target, { connection: { url: proxy.endpoint } });
	expect(report).toMatchObject({ points: 100, sampleSearch: 'passed', warnings: [] });
	// Nothing was refused, so nothing was waited for.
	expect(proxy.requests.filter((line) => line.includes('/points/'))).toHaveLength(3);
	const { config: found } = await ask<{ config: object }>(server, 'GET', at('fresh'));
	expect(found).toMatchObject({ strict_mode_config: config });
});

it.each([
	['new collection', { type: 'newCollection', collection: 'fresh' }],
	['existing one', { type: 'existing', collection: 'docs', confirmation: 'docs' }],
	['swapped one', { type: 'safeSwap', collection: 'docs', confirmation: 'docs' }],
] as const)('reads a backup to its end before it asks for any change: into a %s', async (_what, into) => {
	const content = readFileSync(join(backup.root, 'qdrant', backup.manifest.file));
	content[content.length - 5]! ^= 1;
	const root = temporaryFolder('damaged');
	mkdirSync(join(root, 'qdrant'));
	writeFileSync(join(root, 'qdrant', backup.manifest.file), content);
	const { manifest } = backup;
	const open = () => openArchive(new FolderStorage({ root }), { manifest, folder: 'qdrant' });
	proxy.requests.length = 0;
	const run = restore(server, { ...backup, open }, into, { connection: { url: proxy.endpoint } });
	await failure(run, 'ARCHIVE_CORRUPT');
	expect(proxy.requests.filter((line) => !line.startsWith('GET '))).toEqual([]);
});

it('waits for as long as a server that limits how often it is asked wants', async () => {
	const body = '{"status":{"error":"Rate limiting exceeded: Read rate limit exceeded. Retry after 1s"},"time":0}';
	const act = { kind: 'status', status: 429, code: '', body } as const;
	proxy.faults = [{ when: /fresh\/points\/(scroll|query)/, times: 2, act }];
	const report = await restore(server, backup, target, { connection: { url: proxy.endpoint } });
	expect(report).toMatchObject({ sampleSearch: 'passed', warnings: [] });
	expect(proxy.requests.filter((line) => /points\/(scroll|query)/.test(line))).toHaveLength(4);
});

it('samples by whatever vector is not empty', async () => {
	await ask(server, 'PUT', at('sparse'), { sparse_vectors: { words: {} } });
	const nothing = { words: { indices: [], values: [] } };
	await ask(server, 'PUT', at('sparse', '/points?wait=true'), { points: [{ id: 1, vector: nothing }] });
	expect(await roundTrip('sparse')).toMatchObject({ points: 1, sampleSearch: 'skipped', warnings: [] });
	await ask(server, 'DELETE', at('fresh'));
	const something = { words: { indices: [3], values: [-1] } };
	await ask(server, 'PUT', at('sparse', '/points?wait=true'), { points: [{ id: 2, vector: something }] });
	expect(await roundTrip('sparse')).toMatchObject({ points: 2, sampleSearch: 'passed', warnings: [] });
});

it.each([
	[500, '{"status":{"error":"Service internal error: broken"}}', 'The sample search was not possible'],
	[200, '{"result":{"points":[]},"status":"ok"}', 'A search by the vector of one of its points found nothing'],
])('keeps what it has restored where a search is answered with %i and %s', async (status, body, told) => {
	proxy.faults = [{ when: /fresh\/points\/query/, times: 1, act: { kind: 'status', status, code: '', body } }];
	const report = await restore(server, backup, target, { connection: { url: proxy.endpoint } });
	expect(report).toMatchObject({ points: 300, sampleSearch: 'failed', warnings: [expect.stringContaining(told)] });
});
