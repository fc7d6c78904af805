import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { FolderStorage, readJournal } from '../../engine';
import { archiveWal } from '../../engine/postgres/physical/wal';
import { type PostgresServer, startPostgres } from '../services/postgres';
import { freshFilesFolder, inProcessN8n } from './harness';
import { type Json, NodeRunner } from './node-runner';
import { postgresData } from './postgres-support';
import { PACKAGE } from './workflow';

const n8n = await inProcessN8n();
let server: PostgresServer;
let node: NodeRunner;
let storage: FolderStorage;

beforeAll(async () => {
	server = await startPostgres({ version: 18, config: { cluster_name: 'main', max_slot_wal_keep_size: '1GB' } });
	const postgres = await n8n.createCredential('server', 'postgres', postgresData(server, 'postgres'));
	const made = await NodeRunner.withFolder(n8n, `${PACKAGE}.postgresPitr`, { postgres });
	({ node } = made);
	storage = new FolderStorage({ root: made.folder });
	await node.ok('baseBackup');
	await server.query('postgres', 'CREATE TABLE rows (id int)');
	await server.query('postgres', `SELECT pg_create_restore_point('before')`);
	await server.query('postgres', 'DROP TABLE rows');
	const { host, port, user, password } = server;
	const connection = { host, port, user, password, database: 'postgres' };
	await archiveWal({ storage, codec: { name: 'zstd' }, connection, slot: 'n8n_pitr' });
});
afterAll(() => server?.stop());

const before = { recoverTo: 'restorePoint', restorePoint: 'before' };

it('tells in a dry run what a recovery would use, and makes a data directory of it', async () => {
	const folder = join(freshFilesFolder(n8n), 'recovered');
	const [plan] = (await node.ok('recover', {
		...before,
		targetFolder: folder,
		simplify: true,
		options: { dryRun: true },
	})) as [Json];
	expect(plan).toMatchObject({
		ready: true,
		recoverTo: 'the restore point "before"',
		increments: 0,
		walArchives: expect.any(Number),
	});
	expect(Object.keys(plan).length).toBeLessThanOrEqual(10);
	expect(existsSync(folder)).toBe(false);

	const options = { port: 5499, requestedBy: 'ticket 7' };
	const [made] = (await node.ok('recover', { ...before, targetFolder: folder, simplify: true, options })) as [Json];
	expect(made).toMatchObject({ folder, serverVersion: '18', segments: expect.any(Number), increments: 0 });
	expect(Object.keys(made).length).toBeLessThanOrEqual(10);
	const settings = readFileSync(join(folder, 'postgresql.auto.conf'), 'utf8');
	expect(settings).toContain("port = '5499'");
	expect(settings).toMatch(/recovery_target_lsn = '0\/[0-9A-F]+'\n/);
	const { events } = await readJournal(storage, { since: new Date(0), limit: 10 });
	expect(events.find(({ action }) => action === 'restore')).toMatchObject({ name: 'main', requestedBy: 'ticket 7' });
});

it('recovers into a tar, whose members belong to whom was asked for', async () => {
	const file = join(freshFilesFolder(n8n), 'recovered.tar.gz');
	const into = { ...before, recoverInto: 'tar', targetFile: file, simplify: true };
	const [plan] = (await node.ok('recover', { ...into, options: { dryRun: true } })) as [Json];
	expect(plan).toMatchObject({ ready: true, into: `file ${file}` });
	const [made] = (await node.ok('recover', { ...into, options: { owner: '999:998' } })) as [Json];
	expect(made).toMatchObject({ tarFile: file, serverVersion: '18' });
	expect(Object.keys(made).length).toBeLessThanOrEqual(10);
	const listed = execFileSync('tar', ['--numeric-owner', '-tvzf', file], { encoding: 'utf8' }).trim().split('\n');
	expect(listed.filter((line) => !line.includes(' 999/998 '))).toEqual([]);
	const wrong = [
		[{ ...into, targetFile: '/outside/of/what/n8n/allows.tar' }, 'does not let nodes use'],
		[{ ...into, targetFile: join(file, '..', 'recovered.zip') }, 'is no name of a tar'],
		[into, 'exists already'],
	] as const;
	for (const [fields, message] of wrong) expect(await node.fails('recover', fields)).toContain(message);
});

it('says in a dry run why a moment cannot be had, and refuses the run', async () => {
	const folder = join(freshFilesFolder(n8n), 'late');
	const late = { recoverTo: 'time', time: '2126-11-28T20:36:07Z', targetFolder: folder };
	const [plan] = (await node.ok('recover', { ...late, options: { dryRun: true } })) as [Json];
	expect(plan).toMatchObject({
		ready: false,
		problems: [{ code: 'ARCHIVE_INCOMPLETE', hint: expect.stringContaining('What can be recovered: from 20') }],
		windows: [{ timeline: 1 }],
	});
	const wrong = [
		[late, 'the WAL does not reach so far'],
		[{ ...late, time: '2026-11-28T20:36:07' }, 'is no time with a zone'],
		[{ ...before, restorePoint: 'x'.repeat(64), targetFolder: folder }, 'is no name of a restore point'],
		[{ ...before, targetFolder: '/outside/of/what/n8n/allows' }, 'does not let nodes use'],
		[{ ...before, targetFolder: folder, options: { owner: 'postgres' } }, 'Owner is "postgres"'],
	] as const;
	for (const [fields, message] of wrong) {
		expect(await node.fails('recover', fields)).toContain(message);
	}
	expect(existsSync(folder)).toBe(false);
});

it('offers the clusters that the storage has base backups of, each with what can be recovered', async () => {
	const { results } = await n8n.searchList({
		nodeType: `${PACKAGE}.postgresPitr`,
		credentials: node.credentials,
		methodName: 'searchClusters',
		path: 'parameters.cluster',
		parameters: { operation: 'recover' },
	});
	const window = /^20\d\d-\d\d-\d\d \d\d:\d\d to 20\d\d-\d\d-\d\d \d\d:\d\d UTC · main · \d+$/;
	expect(results.map(({ name }) => name)).toEqual([expect.stringMatching(window)]);
});
