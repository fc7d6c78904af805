import { readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FolderStorage, parseManifest, readJournal } from '../../engine';
import { startQdrant, type QdrantServer } from '../services/qdrant';
import { ask, at, createPlain, snapshotNames } from '../services/qdrant-data';
import { unpackZstd } from '../services/zstd';
import { inProcessN8n } from './harness';
import type { Json, NodeRunner } from './node-runner';
import { NODE_TYPE, pointAlias, qdrantData, snapshotNode } from './qdrant-support';
import { storedIn } from './node-runner';

const n8n = await inProcessN8n();
let server: QdrantServer;
let node: NodeRunner;
let folder: string;

beforeAll(async () => {
	server = await startQdrant({ apiKey: 'the right key' });
	await createPlain(server, 'docs', 500);
	await createPlain(server, 'images', 100);
	await createPlain(server, 'test_runs', 10);
	await pointAlias(server, 'live', 'docs');
	({ folder, node } = await snapshotNode(n8n, server));
});

afterAll(async () => {
	await server?.stop();
});

const names = (items: Json[]) => items.map(({ collection }) => collection as string);

it('backs all collections up into a folder and tells what it made', async () => {
	const items = await node.ok('backUp', { options: { tags: 'nightly', timeZone: 'Asia/Tokyo' } });
	expect(names(items)).toEqual(['docs', 'images', 'test_runs']);
	const [docs] = items;
	expect(docs).toMatchObject({
		kind: 'qdrant',
		file: expect.stringMatching(/^docs_\d{8}_\d{6}\.snapshot\.zst$/),
		key: expect.stringMatching(/^qdrant\/docs_/),
		points: 500,
		shards: 1,
		aliases: ['live'],
		serverVersion: '1.16.3',
		codec: 'zstd',
		encrypted: false,
		warnings: [],
		tags: ['nightly'],
		runId: expect.stringMatching(/^n8n-\d+$/),
	});
	expect(new Set(items.map(({ runId }) => runId as string)).size).toBe(1);
	const archive = readFileSync(join(folder, docs!.key));
	expect(archive.length).toBe(docs!.storedBytes);
	expect((await unpackZstd(archive)).length).toBe(docs!.rawBytes);
	const manifest = JSON.parse(readFileSync(join(folder, `${docs!.key}.manifest.json`), 'utf8')) as Json;
	expect(manifest).toMatchObject({ id: docs!.id, sha256: docs!.sha256, runId: docs!.runId });
	expect(JSON.stringify(manifest)).not.toContain('the right key');
	expect(readlinkSync(join(folder, 'qdrant/docs_latest'))).toBe(docs!.file);
	expect(await snapshotNames(server, 'docs')).toEqual([]);
});

it('keeps to the collections and patterns that are chosen', async () => {
	const of = async (parameters: Json) => names(await node.ok('backUp', parameters));
	expect(await of({ collectionMode: 'chosen', collections: ['images'] })).toEqual(['images']);
	expect(await of({ collectionMode: 'chosen', collections: '={{ "images, docs" }}' })).toEqual(['docs', 'images']);
	expect(await of({ collectionMode: 'patterns', patterns: 'd*, t?st_*' })).toEqual(['docs', 'test_runs']);
	expect(await of({ excludePatterns: 'test_*, im*' })).toEqual(['docs']);
	expect(await node.fails('backUp', { collectionMode: 'patterns', patterns: 'x*' })).toMatch(
		/No collection fits the pattern x\*.*docs, images, test_runs/s,
	);
	expect(await node.fails('backUp', { excludePatterns: '*' })).toMatch(/no collection to back up/);
	expect(await node.fails('backUp', { collectionMode: 'chosen', collections: ['gone'] })).toMatch(/no collection gone/);
});

it('fills its drop-downs', async () => {
	const request = { nodeType: NODE_TYPE, credentials: node.credentials, parameters: { operation: 'backUp' } };
	const chosen = await n8n.loadOptions({ ...request, methodName: 'getCollections', path: 'parameters.collections' });
	expect(chosen.map(({ value }) => value)).toEqual(['docs', 'images', 'test_runs']);
	const targets = async (target: string, filter?: string) => {
		const parameters = { operation: 'restore', target };
		const field = { methodName: 'searchTargets', path: 'parameters.existingCollection', ...(filter && { filter }) };
		return (await n8n.searchList({ ...request, parameters, ...field })).results;
	};
	expect((await targets('existing')).map(({ value }) => value)).toEqual(['docs', 'images', 'test_runs']);
	expect((await targets('safeSwap')).map(({ value }) => value)).toEqual(['live', 'docs', 'images', 'test_runs']);
	expect(await targets('safeSwap', 'LIV')).toEqual([{ name: 'live, alias of docs', value: 'live' }]);
	const [made] = await node.ok('backUp', { collectionMode: 'chosen', collections: ['docs'] });
	const { results } = await n8n.searchList({
		...request,
		methodName: 'searchBackups',
		path: 'parameters.backup',
		filter: 'DOCS',
	});
	expect(results[0]).toMatchObject({
		value: made!.id,
		name: expect.stringMatching(/^[\d-]+ [\d:]+ UTC · docs · .*B$/),
	});
});

it('backs the whole storage up as one snapshot, which Restore sends to where it belongs', async () => {
	const [item] = await node.ok('backUp', { collectionMode: 'storage', compression: 'gzip' });
	expect(item).toMatchObject({
		kind: 'qdrant-storage',
		collection: null,
		file: expect.stringMatching(/^storage_\d{8}_\d{6}\.snapshot\.gz$/),
		collections: ['docs', 'images', 'test_runs'],
		aliases: ['live'],
	});
	const backup = { backup: { __rl: true, mode: 'id', value: item!.id } };
	expect(await node.fails('restore', { ...backup, target: 'newCollection', targetCollection: 'never' })).toMatch(
		/whole storage.*--storage-snapshot/s,
	);
});

it('puts each archive out as binary data, whose manifest is in the item', async () => {
	const parameters = { destination: 'binaryData', outputBinaryField: 'snapshot', excludePatterns: 'test_*' };
	const run = await node.with({ backupStorageApi: undefined }).run('backUp', parameters);
	expect(run.error).toBeUndefined();
	expect(names(run.items.map(({ json }) => json))).toEqual(['docs', 'images']);
	for (const { json, binary } of run.items) {
		expect(binary!['snapshot']).toMatchObject({ fileName: json['file'], bytes: json['storedBytes'] });
		const manifest = parseManifest(json['manifest'] as string, 'of the item');
		expect(manifest).toMatchObject({ id: json['id'], name: json['collection'] });
	}
});

it('does not lose the other collections when one fails', async () => {
	await createPlain(server, 'broken', 5);
	const broken = join(server.folder, 'snapshots', 'broken');
	// The server cannot write a snapshot where a file is in the way.
	rmSync(broken, { recursive: true, force: true });
	writeFileSync(broken, '');
	try {
		const failed = await node.run('backUp', { excludePatterns: 'test_*' });
		expect(failed.error?.message).toBe('1 of 3 backups failed: broken.');
		expect(failed.error?.description).toMatch(/broken: Could not .*\n.*others are in the storage/s);
		const [newest] = await node.ok('listBackups', { collectionFilter: 'images' });
		expect(newest!.runId).toBe(`n8n-${failed.execution.id}`);

		const continued = await node.run('backUp', { excludePatterns: 'test_*' }, { onError: 'continueErrorOutput' });
		const [good, bad] = continued.execution.data.resultData.runData['Node']!.at(-1)!.data!.main;
		expect(names(good!.map(({ json }) => json))).toEqual(['docs', 'images']);
		expect(bad!.map(({ json }) => json)).toMatchObject([
			{ error: expect.any(String), details: { collection: 'broken', code: 'SOURCE_FAILED' } },
		]);
	} finally {
		rmSync(broken, { force: true });
		await ask(server, 'DELETE', at('broken'));
	}
});

it('says once what is wrong with the server, however many collections there are', async () => {
	const { folder: empty, node: own } = await snapshotNode(n8n, server);
	const data = { ...qdrantData(server), apiKey: 'a guessed key' };
	const wrong = own.with({ qdrantApi: await n8n.createCredential('wrong', 'qdrantApi', data) });
	const run = await wrong.run('backUp', {}, { onError: 'continueRegularOutput' });
	expect(run.items.map(({ json }) => json)).toEqual([
		{
			error: expect.stringMatching(/API key/i),
			details: expect.objectContaining({ code: 'ACCESS_DENIED', hint: expect.stringMatching(/Check the API key/) }),
		},
	]);
	const nowhere = { qdrantUrl: 'http://127.0.0.1:1', apiKey: '' };
	const lost = own.with({ qdrantApi: await n8n.createCredential('nowhere', 'qdrantApi', nowhere) });
	expect(await lost.fails('backUp')).toMatch(/ECONNREFUSED.*Check that/s);
	expect(storedIn(empty)).toEqual([]);
});

it('lists what the storage holds, by collection', async () => {
	const { node: own } = await snapshotNode(n8n, server);
	await own.ok('backUp', { collectionMode: 'chosen', collections: ['docs'] });
	const [second] = await own.ok('backUp', { collectionMode: 'chosen', collections: ['images'] });
	await own.ok('backUp', { collectionMode: 'storage' });
	const all = await own.ok('listBackups');
	expect(names(all)).toEqual([null, 'images', 'docs']);
	expect(all[1]).toMatchObject({
		id: second!.id,
		points: 100,
		archiveState: 'complete',
		verified: 'never',
		verification: null,
	});
	expect(await own.ok('listBackups', { limit: 1 })).toHaveLength(1);
	expect(names(await own.ok('listBackups', { collectionFilter: 'docs' }))).toEqual(['docs']);
});

it('lists the snapshots on the server, and deletes what comes in', async () => {
	const made = await ask<{ name: string }>(server, 'POST', at('images', '/snapshots?wait=true'));
	// A storage snapshot makes one of each collection and removes it again; their names tell seconds alone.
	await sleep(1100);
	const whole = await ask<{ name: string }>(server, 'POST', '/snapshots?wait=true');
	const { name: part } = await ask<{ name: string }>(server, 'POST', at('images', '/shards/0/snapshots?wait=true'));
	const listed = await node.ok('listServerSnapshots');
	expect(listed).toEqual([
		{
			name: whole.name,
			size: expect.stringMatching(/ [kM]B$/),
			bytes: expect.any(Number),
			createdAt: expect.any(String),
			server: server.url,
		},
		expect.objectContaining({ name: made.name, collection: 'images', bytes: expect.any(Number) }),
		expect.objectContaining({ name: part, collection: 'images', shard: 0 }),
	]);
	// Filled in, it would be another snapshot to Delete Server Snapshots.
	expect(listed[1]).not.toHaveProperty('shard');
	expect(await node.ok('listServerSnapshots', { snapshotCollections: ['docs'] })).toEqual([]);

	const before = [{ type: NODE_TYPE, parameters: { operation: 'listServerSnapshots' } }];
	const incoming = { whichSnapshot: 'incoming', options: { requestedBy: 'Ana' } };
	const run = await (await node.workflow('deleteServerSnapshots', incoming, {}, before)).run();
	expect(run.error).toBeUndefined();
	expect(run.items.map(({ json }) => json)).toEqual(listed.map((snapshot) => ({ ...snapshot, deleted: true })));
	expect(await node.ok('listServerSnapshots')).toEqual([]);
	const { events } = await readJournal(new FolderStorage({ root: folder }), { since: new Date(0), limit: 3 });
	const entry = (snapshot: string) =>
		expect.objectContaining({
			action: 'delete',
			outcome: 'succeeded',
			requestedBy: 'Ana',
			from: expect.stringContaining(snapshot) as unknown,
		}) as unknown;
	expect(events).toHaveLength(3);
	expect(events).toEqual(expect.arrayContaining([whole.name, made.name, part].map(entry)));
	const chosen = (mode: string, value: string) => ({ snapshot: { __rl: true, mode, value } });
	expect(await node.fails('deleteServerSnapshots', chosen('url', '={{ $json.body.nothing }}'))).toMatch(
		/No snapshot is chosen/,
	);
	expect(await node.fails('deleteServerSnapshots', incoming)).toMatch(/incoming item tells of no snapshot/);
	const again = await ask<{ name: string }>(server, 'POST', at('images', '/snapshots?wait=true'));
	const one = chosen('url', `${server.url}/collections/images/snapshots/${again.name}`);
	const split = { type: 'n8n-nodes-base.splitOut', parameters: { fieldToSplitOut: 'body.items' } };
	const thrice = await (await node.workflow('deleteServerSnapshots', one, {}, [split])).run({ items: [1, 2, 3] });
	expect(thrice.error).toBeUndefined();
	const deleted = expect.objectContaining({ name: again.name, deleted: true }) as unknown;
	expect(thrice.items.map(({ json }) => json)).toEqual([deleted, deleted, deleted]);
	const noted = async () =>
		(await readJournal(new FolderStorage({ root: folder }), { since: new Date(0), limit: 1 })).events[0];
	expect(await node.fails('deleteServerSnapshots', one)).toMatch(/There is no snapshot/);
	expect(await noted()).toMatchObject({ action: 'delete', outcome: 'refused', error: { code: 'INVALID_INPUT' } });
	const gone = { ...incoming, incomingSnapshot: JSON.stringify({ name: made.name, collection: 'images' }) };
	expect(await node.fails('deleteServerSnapshots', gone)).toMatch(/no snapshot .* of the collection images/);
	const url = `${server.url}/collections/images/snapshots/${made.name}`;
	expect(await node.fails('deleteServerSnapshots', chosen('url', url))).toMatch(
		`There is no snapshot ${url}; nothing was deleted.`,
	);
	for (const incomingSnapshot of ['={{ "docs" }}', '={{ [] }}', '={{ $json.body.nothing }}']) {
		expect(await node.fails('deleteServerSnapshots', { ...incoming, incomingSnapshot })).toMatch(/is not an object/);
	}
});
