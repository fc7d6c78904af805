import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { giveToServer } from '../services/postgres-data';
import { type PostgresServer, startPostgres } from '../services/postgres';
import { startS3rver } from '../services/s3/s3rver';
import { freshFilesFolder, inProcessN8n } from './harness';
import { byName, NodeRunner } from './node-runner';
import { postgresData } from './postgres-support';
import { PACKAGE } from './workflow';

const n8n = await inProcessN8n();
let server: PostgresServer;
let node: NodeRunner;
let postgres: Awaited<ReturnType<typeof n8n.createCredential>>;

beforeAll(async () => {
	const archiving = { archive_mode: 'on', archive_command: '/bin/true' };
	server = await startPostgres({
		version: 18,
		config: { synchronous_commit: 'on', cluster_name: 'main', ...archiving },
	});
	postgres = await n8n.createCredential('server', 'postgres', postgresData(server, 'postgres'));
	({ node } = await NodeRunner.withFolder(n8n, `${PACKAGE}.postgresPitr`, { postgres }));
	await server.query('postgres', 'CREATE TABLE rows (id int)');
});
afterAll(() => server?.stop());

it('archives WAL, tells that a base backup is needed, and what can be recovered once there is one', async () => {
	const [before] = await node.ok('archiveWal');
	expect(before).toMatchObject({ name: 'main', state: 'base backup needed', needsBaseBackup: true, gaps: [] });
	await node.ok('baseBackup', { compression: 'none' });
	await server.query('postgres', 'INSERT INTO rows VALUES (1)');
	const [after] = await node.ok('archiveWal');
	expect(after).toMatchObject({ state: 'recoverable', needsBaseBackup: false, lag: expect.stringMatching(/B$/) });
	const windows = await node.ok('listWindows');
	expect(windows).toMatchObject([{ name: 'main', state: 'recoverable', baseBackups: 1, timeline: 1 }]);
	expect(Date.parse(windows[0]!['from'] as string)).toBeLessThanOrEqual(Date.parse(windows[0]!['until'] as string));
	const listed = await node.ok('listBackups', { simplify: true });
	expect(listed.map(({ kind }) => kind as string)).toContain('postgres-wal');
	for (const row of listed) expect(Object.keys(row).length).toBeLessThanOrEqual(10);
});

it('fails where WAL is lost once all there is was stored, unless it is to go on', async () => {
	const lose = async () => {
		await server.query('postgres', `SELECT pg_drop_replication_slot('n8n_pitr')`);
		for (let index = 0; index < 4; index++) {
			await server.query('postgres', 'INSERT INTO rows VALUES (2); SELECT pg_switch_wal()');
			await server.query('postgres', 'CHECKPOINT');
		}
	};
	await lose();
	expect(await node.fails('archiveWal')).toMatch(/WAL is lost: .*make one now/);
	expect(await node.ok('archiveWal')).toMatchObject([{ state: 'base backup needed', needsBaseBackup: true }]);
	await lose();
	expect(await node.ok('archiveWal', { ifLost: 'goOn' })).toMatchObject([{ needsBaseBackup: true }]);
	const states = (await node.ok('listWindows')).map(({ state }) => state as string);
	expect(states.filter((state) => state.startsWith('GAP'))).toHaveLength(2);
});

it('gives a moment a name, ends a segment, and drops a slot whose name was typed', async () => {
	expect(await node.ok('createRestorePoint', { restorePoint: 'before' })).toMatchObject([{ restorePoint: 'before' }]);
	expect(await node.fails('createRestorePoint', { restorePoint: 'x'.repeat(64) })).toContain('1 to 63 bytes');
	expect(await node.ok('switchWal')).toMatchObject([{ lsn: expect.stringMatching(/^0\//) }]);
	const { results } = await n8n.searchList({
		nodeType: `${PACKAGE}.postgresPitr`,
		credentials: node.credentials,
		methodName: 'searchSlots',
		path: 'parameters.slotToDrop',
		parameters: { operation: 'dropSlot' },
	});
	expect(results).toEqual([{ name: expect.stringMatching(/^n8n_pitr · keeps .*B$/), value: 'n8n_pitr' }]);
	const drop = { slotToDrop: byName('n8n_pitr'), confirmSlot: 'n8n_pitr' };
	expect(await node.fails('dropSlot', { ...drop, confirmSlot: 'other' })).toContain('was not confirmed');
	expect(await node.ok('dropSlot', drop)).toMatchObject([{ slot: 'n8n_pitr', dropped: true }]);
	expect(await node.fails('dropSlot', drop)).toContain('There is no replication slot n8n_pitr');
});

/** Ends a segment, and waits until the server has archived it. */
async function archivedSegment(): Promise<string> {
	await server.query('postgres', 'INSERT INTO rows VALUES (3)');
	const { rows } = await server.query<{ name: string }>('postgres', 'SELECT pg_walfile_name(pg_switch_wal()) AS name');
	const { name } = rows[0]!;
	for (;;) {
		const { rows: told } = await server.query<{ last: string | null }>(
			'postgres',
			'SELECT last_archived_wal AS last FROM pg_stat_archiver',
		);
		if ((told[0]?.last ?? '') >= name) return name;
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
}

it('takes in what the server archives by itself, and tells what it refuses', async () => {
	const folder = freshFilesFolder(n8n);
	giveToServer(folder);
	await server.query(
		'postgres',
		`ALTER SYSTEM SET archive_command = 'cp %p ${folder}/.%f && mv ${folder}/.%f ${folder}/%f'`,
	);
	await server.query('postgres', 'SELECT pg_reload_conf()');
	const { node: fresh } = await NodeRunner.withFolder(n8n, `${PACKAGE}.postgresPitr`, { postgres });
	const from = { archiveFolder: folder };
	await fresh.ok('baseBackup', { compression: 'none', slot: '' });
	await archivedSegment();
	const found = readdirSync(folder).filter((name) => /^[0-9A-F]{24}$/.test(name));
	expect(await fresh.ok('takeInWal', { ...from, options: { dryRun: true } })).toMatchObject([
		{ name: 'main', dryRun: true, segments: found.length, known: 0, unread: 0 },
	]);
	const first = await fresh.ok('takeInWal', from);
	expect(first).toMatchObject([{ name: 'main', state: 'recoverable', segments: found.length, refused: 0 }]);
	expect(await fresh.ok('takeInWal', from)).toMatchObject([{ segments: 0, known: found.length }]);
	const bad = await archivedSegment();
	const good = await archivedSegment();
	const bytes = readFileSync(join(folder, bad));
	bytes[70]! ^= 1;
	writeFileSync(join(folder, bad), bytes);
	expect(await fresh.fails('takeInWal', from)).toMatch(new RegExp(`${bad} is damaged: .*All that is good was stored`));
	expect(await fresh.ok('takeInWal', { ...from, ifRefused: 'goOn' })).toMatchObject([
		{ state: 'base backup needed', segments: 0, refused: 1, refusedFiles: [{ file: bad }] },
	]);
	const foreign = { ...from, cluster: byName('1234567890123456789') };
	expect(await fresh.fails('takeInWal', foreign)).toContain('and not 1234567890123456789');
	const s3 = await startS3rver();
	try {
		const bucket = await s3.createBucket();
		await s3.client.putObject(bucket, `main/wal/${good}`, readFileSync(join(folder, good)));
		const { endpoint, region, accessKeyId, secretAccessKey } = s3;
		const data = { endpoint, region, accessKeyId, secretAccessKey, forcePathStyle: true };
		const ofBucket = fresh.with({ s3: await n8n.createCredential('objects', 's3', data) });
		const inBucket = { archivedIn: 'bucket', archiveBucket: byName(bucket), archivePrefix: 'main/' };
		expect(await ofBucket.ok('takeInWal', inBucket)).toMatchObject([{ segments: 0, known: 1 }]);
		expect(await ofBucket.fails('takeInWal', { ...inBucket, archivePrefix: 'other/' })).toContain('no WAL segments');
	} finally {
		await s3.stop();
		rmSync(folder, { recursive: true });
	}
});
