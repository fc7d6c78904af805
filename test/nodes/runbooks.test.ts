/** The steps of docs/runbooks.md that nodes do, in their order, on real servers; what templates do is tested with them. */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';

import { startRecovered } from '../integration/postgres/physical/recover/recovered-server';
import { type PostgresServer, startPostgres } from '../services/postgres';
import { serverAccount } from '../services/postgres-binaries';
import { freePort } from '../services/process';
import { type QdrantServer, startQdrant } from '../services/qdrant';
import { ask, at, contentHash, countPoints, createPlain } from '../services/qdrant-data';
import { freshFilesFolder, inProcessN8n } from './harness';
import { backup, byName, type Json, NodeRunner } from './node-runner';
import { createShop, postgresData, rowsOf, WHOLE_SHOP } from './postgres-support';
import { collections, losePoints, pointAlias, qdrantData } from './qdrant-support';
import { verdicts } from './verify-support';
import { PACKAGE } from './workflow';

const n8n = await inProcessN8n();
let postgres: PostgresServer;
let qdrant: QdrantServer;
let credentials: NodeRunner['credentials'];

const node = (type: string) => new NodeRunner(n8n, `${PACKAGE}.${type}`, credentials);

beforeAll(async () => {
	const config = { cluster_name: 'main', max_slot_wal_keep_size: '1GB', synchronous_commit: 'on' };
	[postgres, qdrant] = await Promise.all([startPostgres({ version: 18, config }), startQdrant()]);
	await createShop(postgres, 'shop');
	await createPlain(qdrant, 'docs', 300);
	await pointAlias(qdrant, 'live', 'docs');
	const made = await NodeRunner.withFolder(n8n, `${PACKAGE}.postgresDump`, {
		postgres: await n8n.createCredential('server', 'postgres', postgresData(postgres, 'shop')),
		qdrantApi: await n8n.createCredential('vectors', 'qdrantApi', qdrantData(qdrant)),
	});
	({ credentials } = made.node);
});
afterAll(async () => {
	await Promise.all([postgres?.stop(), qdrant?.stop()]);
});

/** The server's clock. */
async function now(): Promise<string> {
	const { rows } = await postgres.query<{ at: Date }>('postgres', 'SELECT clock_timestamp() AS at');
	await postgres.query('postgres', 'SELECT pg_sleep(0.01)');
	return rows[0]!.at.toISOString();
}

it('a table was emptied: its rows are looked at beside, and the table comes back alone', async () => {
	const dump = node('postgresDump');
	const [good] = await dump.ok('backUp');
	const before = await now();
	await postgres.query('shop', 'TRUNCATE users CASCADE');
	await dump.ok('backUp');

	expect(await node('pruneRetention').ok('pinBackup', backup('id', good!['id']))).toMatchObject([{ pinned: true }]);
	const listed = (await dump.ok('listBackups')) as Array<{ tables: Json[] }>;
	const users = listed.map(({ tables }) => tables.find(({ name }) => name === 'users')!['rows'] as number);
	expect(users).toEqual([0, 1000]);

	const selection = { tables: ['public.users', 'public."Order Lines"'] };
	const look = { target: 'newDatabase', targetDatabase: 'shop_look', selection };
	expect(await dump.ok('restore', { ...backup('id', good!['id']), ...look })).toMatchObject([{ rows: 1500 }]);
	const alone = { target: 'existing', existingDatabase: byName('shop'), confirmation: 'shop', before: 'truncate' };
	const asked = { ...backup('latest', 'shop'), ...alone, selection };
	const dry = await dump.ok('restore', { ...asked, options: { latestBefore: before, dryRun: true } });
	expect(dry).toMatchObject([{ ready: true, problems: [] }]);
	expect(await dump.ok('restore', { ...asked, options: { latestBefore: before } })).toMatchObject([{ rows: 1500 }]);
	expect(await rowsOf(postgres, 'shop')).toEqual(WHOLE_SHOP);
});

it('a table was emptied: a server of the second before stands beside, with what no nightly backup had', async () => {
	const pitr = node('postgresPitr');
	await pitr.ok('baseBackup');
	await postgres.query('postgres', 'CREATE TABLE orders AS SELECT generate_series(1, 40) AS id');
	const before = await now();
	await postgres.query('postgres', 'TRUNCATE orders');
	await pitr.ok('archiveWal');

	const port = await freePort();
	const { userFolder, filesFolder } = n8n.connection;
	const folder = join(filesFolder, 'recovered');
	const account = serverAccount();
	const options = { port, ...(account && { owner: `${account.uid}:${account.gid}` }) };
	const asked = { recoverTo: 'time', time: before, targetFolder: folder };
	expect(await pitr.ok('recover', { ...asked, options: { ...options, dryRun: true } })).toMatchObject([
		{ ready: true },
	]);
	await pitr.ok('recover', { ...asked, options });
	for (const above of [userFolder, filesFolder]) chmodSync(above, 0o755);
	const recovered = await startRecovered(postgres, { folder, port }, 'promoted');
	onTestFinished(() => recovered.stop());
	expect(await recovered.query('SELECT count(*)::int AS count FROM orders')).toEqual([{ count: 40 }]);
});

it('some vectors are gone: they are looked at beside, brought back alone, or swapped in', async () => {
	const snapshot = node('qdrantSnapshot');
	const wanted = await contentHash(qdrant, 'docs');
	const [good] = await snapshot.ok('backUp');
	await losePoints(qdrant, 'docs', 0, 100);
	expect(await snapshot.ok('listBackups')).toMatchObject([{ id: good!['id'], points: 300 }]);

	const look = { target: 'newCollection', targetCollection: 'docs_look', aliases: 'leave' };
	expect(await snapshot.ok('restore', { ...backup('id', good!['id']), ...look })).toMatchObject([{ points: 300 }]);
	// Later points stay: the missing ones are read out of the look and upserted.
	const ids = Array.from({ length: 100 }, (_, id) => id);
	const asked = { ids, with_payload: true, with_vector: true };
	const points = await ask<Json[]>(qdrant, 'POST', at('docs_look', '/points'), asked);
	const body = points.map(({ id, vector, payload }): Json => ({ id, vector, payload }));
	await ask(qdrant, 'PUT', at('docs', '/points?wait=true'), { points: body });
	expect(await countPoints(qdrant, 'docs')).toBe(300);

	await losePoints(qdrant, 'docs', 0, 100);
	const swap = { target: 'safeSwap', existingCollection: byName('live'), confirmation: 'live' };
	const [swapped] = await snapshot.ok('restore', { ...backup('latest', 'live'), ...swap });
	expect(swapped).toMatchObject({ points: 300, sampleSearch: 'passed' });
	expect(await contentHash(qdrant, 'live')).toBe(wanted);

	// A collection was deleted: it comes back with the aliases that are free.
	for (const name of await collections(qdrant)) await ask(qdrant, 'DELETE', at(name));
	const anew = { target: 'newCollection', targetCollection: 'docs', aliases: 'free' };
	expect(await snapshot.ok('restore', { ...backup('latest', 'docs'), ...anew })).toMatchObject([{ aliases: ['live'] }]);
	expect(await contentHash(qdrant, 'live')).toBe(wanted);
});

it('the storage is lost: old backups come back from the second copy, and are verified anew', async () => {
	const files = freshFilesFolder(n8n);
	const papers = join(files, 'papers');
	mkdirSync(papers);
	writeFileSync(join(papers, 'readme.txt'), 'Read me.');
	const { folder: first, node: archive } = await NodeRunner.withFolder(n8n, `${PACKAGE}.filesArchive`, {});
	const data = { type: 'folder', folderPath: freshFilesFolder(n8n) };
	const second = await n8n.createCredential('second', 'backupStorageSecondApi', data);
	const both = { ...archive.credentials, backupStorageSecondApi: second };
	const copy = new NodeRunner(n8n, `${PACKAGE}.backupCopy`, both);
	const verify = new NodeRunner(n8n, `${PACKAGE}.verifyArchive`, archive.credentials);
	const verified = async () => (await verify.ok('listVerifications', backup('latest', 'papers'))).length;

	await archive.ok('backUp', { path: papers });
	expect((await verdicts(verify, 'verify', { which: 'all', level: 'integrity' })).passed).toHaveLength(1);
	expect(await verified()).toBe(1);
	await copy.ok('copyBackups');
	rmSync(first, { recursive: true });
	mkdirSync(first);

	const back = { direction: 'fromSecond', which: 'all' };
	expect(await copy.ok('copyBackups', { ...back, dryRun: true })).toMatchObject([{ outcome: 'wouldBeCopied' }]);
	expect(await copy.ok('copyBackups', back)).toMatchObject([{ outcome: 'copied' }]);
	expect(await copy.ok('compare', { readEverything: true })).toMatchObject([{ outcome: 'same' }]);
	// What was found out of the bytes that are gone says nothing of these.
	expect(await verified()).toBe(0);
	expect((await verdicts(verify, 'verify', { which: 'all', level: 'content' })).passed).toHaveLength(1);
	expect(await verified()).toBe(1);
});
