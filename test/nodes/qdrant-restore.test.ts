import { createHash } from 'node:crypto';
import { appendFileSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { formatManifest, parseManifest } from '../../engine';
import { startQdrant, type QdrantServer } from '../services/qdrant';
import { ask, at, contentHash, countPoints, createPlain, snapshotNames } from '../services/qdrant-data';
import { startS3rver } from '../services/s3/s3rver';
import { unpackZstd } from '../services/zstd';
import { inProcessN8n } from './harness';
import { backup, byName, type Json, type NodeRunner } from './node-runner';
import { aliases, collections, losePoints, NODE_TYPE, pointAlias, qdrantData, snapshotNode } from './qdrant-support';

const n8n = await inProcessN8n();
let server: QdrantServer;
let node: NodeRunner;
let folder: string;
/** What Back Up said of `docs`, which has 500 points and the alias `live`, and what was in it. */
let made: Json;
let wanted: string;

beforeAll(async () => {
	server = await startQdrant({ apiKey: 'the right key' });
	({ folder, node } = await snapshotNode(n8n, server));
});
beforeEach(async () => {
	await createPlain(server, 'docs', 500);
	await pointAlias(server, 'live', 'docs');
	if (made) return;
	wanted = await contentHash(server, 'docs');
	[made] = (await node.ok('backUp')) as [Json];
});
afterEach(async () => {
	for (const name of await collections(server)) await ask(server, 'DELETE', at(name));
});
afterAll(async () => {
	await server?.stop();
});

const intoNew = (targetCollection: string) => ({ target: 'newCollection', targetCollection });
const over = (target: string, name: string, confirmation = name) => ({
	target,
	existingCollection: byName(name),
	confirmation,
});

it('restores into a new collection, chosen from the list', async () => {
	const [report] = await node.ok('restore', { ...backup('list', made['id']), ...intoNew('copy') });
	expect(report).toMatchObject({
		collection: 'copy',
		previous: null,
		points: 500,
		expectedPoints: 500,
		sampleSearch: 'passed',
		aliases: [],
		warnings: [expect.stringMatching(/alias live was left with the collection docs/)],
		serverVersion: '1.16.3',
		backup: { id: made['id'], file: made['file'] },
	});
	expect(await contentHash(server, 'copy')).toBe(wanted);
	expect(await snapshotNames(server, 'copy')).toEqual([]);
	expect(await node.fails('restore', { ...backup('id', made['id']), ...intoNew('copy') })).toMatch(
		/a collection named copy already; nothing was changed/,
	);
});

it('brings a lost collection back with its aliases', async () => {
	await ask(server, 'DELETE', at('docs'));
	const [report] = await node.ok('restore', {
		...backup('latest', 'docs'),
		...intoNew('docs'),
		options: { waitForIndexes: 60 },
	});
	expect(report).toMatchObject({ collection: 'docs', aliases: ['live'], warnings: [] });
	expect(await contentHash(server, 'docs')).toBe(wanted);
	expect(await aliases(server)).toEqual({ live: 'docs' });
});

it('swaps by an alias, once the name was confirmed, and keeps the old collection', async () => {
	await losePoints(server, 'docs', 0, 100);
	const damaged = await contentHash(server, 'docs');
	const parameters = backup('file', made['key']);
	expect(await node.fails('restore', { ...parameters, ...over('safeSwap', 'live', 'life') })).toMatch(/not confirmed/);
	expect(await aliases(server)).toEqual({ live: 'docs' });
	const [report] = await node.ok('restore', { ...parameters, ...over('safeSwap', 'live') });
	expect(report).toMatchObject({
		collection: expect.stringMatching(/^live_\d{8}_\d{6}$/),
		previous: expect.stringMatching(/^live_before_\d{8}_\d{6}$/),
		aliases: ['live'],
	});
	expect(await contentHash(server, 'live')).toBe(wanted);
	expect(await contentHash(server, 'docs')).toBe(damaged);
	expect(await aliases(server)).toEqual({ live: report!.collection, [report!.previous]: 'docs' });

	// By the alias, its backups go on; by the name of a collection that never had it, they are of other data.
	const plan = async (name: string) =>
		await node.ok('restore', { ...backup('latest', name), ...over('safeSwap', 'live'), options: { dryRun: true } });
	expect(await plan('live')).toMatchObject([{ ready: true, warnings: [], backup: { id: made['id'] } }]);
	await createPlain(server, 'other', 10);
	await node.ok('backUp', { collectionMode: 'chosen', collections: ['other'] });
	expect(await plan('other')).toMatchObject([
		{
			warnings: [expect.stringMatching(/^The alias live leads to live_.*and this is a backup of other\. Give live in/)],
		},
	]);
});

it('swaps by the name of the collection itself, and keeps a copy of the old points', async () => {
	await losePoints(server, 'docs', 0, 100);
	const damaged = await contentHash(server, 'docs');
	const [report] = await node.ok('restore', { ...backup('latest', 'docs'), ...over('safeSwap', 'docs') });
	expect(report).toMatchObject({ collection: 'docs', previous: expect.stringMatching(/^docs_before_\d{8}_\d{6}$/) });
	expect(await contentHash(server, 'docs')).toBe(wanted);
	expect(await contentHash(server, report!.previous)).toBe(damaged);
	expect(await aliases(server)).toEqual({ live: 'docs' });
	expect(await collections(server)).toEqual(['docs', report!.previous]);
});

it('tells what a restore would replace and what is in the way, and changes nothing', async () => {
	const plan = async (parameters: object, more: object = {}) =>
		await node.ok('restore', { ...backup('id', made['id']), ...parameters, options: { dryRun: true, ...more } });
	await losePoints(server, 'docs', 0, 100);
	expect(await plan(over('safeSwap', 'live', 'whatever'))).toMatchObject([
		{
			ready: true,
			into: 'collection live',
			replaces: '400 points of docs, which the alias leads to',
			target: { exists: true, behind: 'docs', points: 400, copies: [] },
			backup: { id: made['id'], checked: 'content', counts: { points: 500 } },
		},
	]);
	expect(await plan(intoNew('live'))).toMatchObject([{ ready: false, problems: [{ code: 'TARGET_EXISTS' }] }]);
	expect(await plan(over('existing', 'live'))).toMatchObject([{ ready: false, problems: [{ code: 'INVALID_INPUT' }] }]);
	expect(await plan(intoNew('fresh'))).toMatchObject([{ ready: true, replaces: 'nothing: it does not exist' }]);
	const asRun = { ...over('safeSwap', 'docs', 'whatever'), options: { dryRun: true, asRun: true } };
	expect(await node.fails('restore', { ...backup('id', made['id']), ...asRun })).toMatch(/not confirmed/);
	expect(await collections(server)).toEqual(['docs']);
	expect(await countPoints(server, 'docs')).toBe(400);
});

it('restores over a collection as it stands, once the name was confirmed', async () => {
	await losePoints(server, 'docs', 0, 100);
	const parameters = backup('latest', 'docs');
	expect(await node.fails('restore', { ...parameters, ...over('existing', 'docs', 'Docs') })).toMatch(/not confirmed/);
	expect(await countPoints(server, 'docs')).toBe(400);
	const [report] = await node.ok('restore', { ...parameters, ...over('existing', 'docs'), aliases: 'leave' });
	expect(report).toMatchObject({ collection: 'docs', previous: null, points: 500 });
	expect(await contentHash(server, 'docs')).toBe(wanted);
	expect(await collections(server)).toEqual(['docs']);
});

it('tells a wrong API key, and changes nothing', async () => {
	const data = { ...qdrantData(server), apiKey: 'a guessed key' };
	const wrong = node.with({ qdrantApi: await n8n.createCredential('wrong', 'qdrantApi', data) });
	expect(await wrong.fails('restore', { ...backup('id', made['id']), ...intoNew('never') })).toMatch(
		/Check the API key/,
	);
	expect(await collections(server)).toEqual(['docs']);
});

it('opens encrypted backups that come as binary data, and changes nothing with another passphrase', async () => {
	const passphrase = async (text: string) =>
		await n8n.createCredential(text, 'backupEncryptionApi', { passphrase: text });
	const right = await passphrase('the right one');
	const before = (parameters: Json) => [
		{
			type: NODE_TYPE,
			parameters: { operation: 'backUp', destination: 'binaryData', encrypt: true, ...parameters },
			credentials: { ...node.credentials, backupEncryptionApi: right },
		},
	];
	const parameters = { source: 'binaryData', ...intoNew('from_binary') };
	const run = async (credential: NodeRunner['credentials'][string]) => {
		const own = node.with({ backupStorageApi: undefined, backupEncryptionApi: credential });
		return await (await own.workflow('restore', parameters, {}, before({}))).run();
	};
	const refused = await run(await passphrase('the wrong one'));
	expect(refused.error?.message).toMatch(/passphrase/i);
	expect(await collections(server)).toEqual(['docs']);
	const done = await run(right);
	expect(done.error).toBeUndefined();
	expect(done.items[0]!.json).toMatchObject({ collection: 'from_binary', points: 500 });
	expect(await contentHash(server, 'from_binary')).toBe(wanted);
});

it('refuses a damaged archive, and leaves the collection as it was', async () => {
	const [damaged] = await node.ok('backUp', { compression: 'none', options: { folder: 'damaged' } });
	const file = join(folder, damaged!.key);
	const bytes = readFileSync(file);
	bytes[bytes.length >> 1]! ^= 1;
	writeFileSync(file, bytes);
	const parameters = { ...backup('id', damaged!.id), options: { folder: 'damaged' } };
	expect(await node.fails('restore', { ...parameters, ...over('existing', 'docs') })).toMatch(/is damaged/);
	expect(await node.fails('restore', { ...parameters, ...intoNew('never') })).toMatch(/is damaged/);
	appendFileSync(file, 'x');
	expect(await node.fails('restore', { ...parameters, ...over('safeSwap', 'live') })).toMatch(/bytes/);
	expect(await contentHash(server, 'docs')).toBe(wanted);
	expect(await collections(server)).toEqual(['docs']);
	rmSync(join(folder, 'damaged'), { recursive: true });
});

/** A snapshot that Qdrant made, as a file in the storage. */
async function foreignFile(): Promise<{ key: string; sha256: string }> {
	const content = await unpackZstd(readFileSync(join(folder, made['key'])));
	mkdirSync(join(folder, 'uploads'), { recursive: true });
	writeFileSync(join(folder, 'uploads/docs.snapshot'), content);
	return { key: 'uploads/docs.snapshot', sha256: createHash('sha256').update(content).digest('hex') };
}

it('restores a snapshot file that Qdrant made, and compares it with its checksum', async () => {
	const { key, sha256 } = await foreignFile();
	const parameters = { source: 'snapshotFile', snapshotFile: { __rl: true, mode: 'path', value: key } };
	const options = { snapshotChecksum: sha256, snapshotVersion: '1.16.0' };
	const [report] = await node.ok('restore', { ...parameters, ...intoNew('foreign'), options });
	expect(report).toMatchObject({ collection: 'foreign', points: 500, expectedPoints: null, warnings: [], file: key });
	expect(report).not.toHaveProperty('backup');
	expect(await contentHash(server, 'foreign')).toBe(wanted);

	const wrong = { ...options, snapshotChecksum: '0'.repeat(64) };
	expect(await node.fails('restore', { ...parameters, ...intoNew('never'), options: wrong })).toMatch(/SHA-256/);
	const old = { ...options, snapshotVersion: '1.14.1' };
	expect(await node.fails('restore', { ...parameters, ...intoNew('never'), options: old })).toMatch(/Qdrant 1\.14\.1/);
	const packed = { ...parameters, snapshotFile: { __rl: true, mode: 'path', value: made['key'] } };
	expect(await node.fails('restore', { ...packed, ...intoNew('never') })).toMatch(/is a tar.*give its manifest/s);
	expect(await collections(server)).toEqual(['docs', 'foreign']);
});

it('restores a snapshot file that comes as binary data, without a manifest', async () => {
	const { key } = await foreignFile();
	const read = {
		type: 'n8n-nodes-base.readWriteFile',
		parameters: { operation: 'read', fileSelector: join(folder, key) },
		credentials: {},
	};
	const parameters = { source: 'binaryData', manifest: '', ...intoNew('uploaded') };
	const run = await (
		await node.with({ backupStorageApi: undefined }).workflow('restore', parameters, {}, [read])
	).run();
	expect(run.error).toBeUndefined();
	expect(run.items[0]!.json).toMatchObject({ points: 500, file: 'docs.snapshot' });
	expect(run.hints.join()).toMatch(/which version of Qdrant/);
	expect(await contentHash(server, 'uploaded')).toBe(wanted);
});

it('lets the server fetch the snapshot, by a URL or from the bucket that holds the backup', async () => {
	const s3 = await startS3rver();
	try {
		const { endpoint, accessKeyId, secretAccessKey } = s3;
		const bucket = await s3.createBucket('backups');
		const data = { type: 's3', endpoint, accessKeyId, secretAccessKey, bucket };
		const inBucket = node.with({ backupStorageApi: await n8n.createCredential('bucket', 'backupStorageApi', data) });
		const [bare] = await inBucket.ok('backUp', { compression: 'none' });
		const fetched = { ...backup('id', bare!.id), options: { serverFetches: true } };
		const [report] = await inBucket.ok('restore', { ...fetched, ...intoNew('fetched') });
		expect(report).toMatchObject({ collection: 'fetched', points: 500, backup: { id: bare!.id } });
		expect(await contentHash(server, 'fetched')).toBe(wanted);

		const url = await s3.client.presignedGetObject(bucket, bare!.key);
		const byUrl = { source: 'url', url, checksum: bare!.sha256, ...intoNew('by_url') };
		const own = inBucket.with({ backupStorageApi: undefined });
		const [second] = await own.ok('restore', byUrl);
		expect(second).toMatchObject({ collection: 'by_url', points: 500, expectedPoints: null });
		expect(await own.fails('restore', { ...byUrl, ...intoNew('never'), checksum: 'unknown' })).toMatch(/SHA-256/);
		const gone = { ...byUrl, ...intoNew('never'), url: url.replace('.snapshot?', '.gone?') };
		const refusal = await own.fails('restore', gone);
		expect(refusal).toMatch(/must be able to reach the URL/);
		expect(refusal).not.toContain('Signature');
	} finally {
		await s3.stop();
	}
	const inFolder = { ...backup('id', made['id']), options: { serverFetches: true } };
	expect(await node.fails('restore', { ...inFolder, ...intoNew('never') })).toMatch(/from a bucket, not from a folder/);
	expect(await collections(server)).toEqual(['by_url', 'docs', 'fetched']);
});

it('says what to do about a backup that is not there, and one of another kind', async () => {
	expect(await node.fails('restore', { ...backup('latest', 'nothing'), ...intoNew('never') })).toMatch(
		/no backup of nothing/,
	);
	const manifest = parseManifest(readFileSync(join(folder, `${made['key']}.manifest.json`), 'utf8'), 'docs');
	mkdirSync(join(folder, 'other'), { recursive: true });
	copyFileSync(join(folder, made['key']), join(folder, 'other', made['file']));
	writeFileSync(
		join(folder, 'other', `${made['file']}.manifest.json`),
		formatManifest({ ...manifest, kind: 'postgres' }),
	);
	expect(await node.fails('restore', { ...backup('file', `other/${made['file']}`), ...intoNew('never') })).toMatch(
		/holds postgres, not qdrant/,
	);
	rmSync(join(folder, 'other'), { recursive: true });
});
