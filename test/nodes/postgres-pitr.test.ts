import { afterAll, beforeAll, expect, it } from 'vitest';

import { type PostgresServer, startPostgres } from '../services/postgres';
import { inProcessN8n } from './harness';
import { byName, NodeRunner } from './node-runner';
import { postgresData } from './postgres-support';
import { PACKAGE } from './workflow';

const n8n = await inProcessN8n();
let server: PostgresServer;
let node: NodeRunner;

beforeAll(async () => {
	server = await startPostgres({ version: 18, config: { cluster_name: 'main', max_slot_wal_keep_size: '1GB' } });
	const postgres = await n8n.createCredential('server', 'postgres', postgresData(server, 'postgres'));
	({ node } = await NodeRunner.withFolder(n8n, `${PACKAGE}.postgresPitr`, { postgres }));
});
afterAll(() => server?.stop());

it('backs a whole server up, makes the slot, and lists the backup', async () => {
	const [item] = await node.ok('baseBackup');
	expect(item).toMatchObject({
		kind: 'postgres-base',
		name: 'main',
		file: expect.stringMatching(/^main_\d{8}_\d{6}\.tar\.zst$/),
		key: expect.stringMatching(/^postgres\/base\/main_/),
		damagedPages: 0,
		timeline: 1,
		increment: 0,
		warnings: [],
	});
	const { rows } = await server.query('postgres', 'SELECT slot_name FROM pg_replication_slots');
	expect(rows).toEqual([{ slot_name: 'n8n_pitr' }]);
	const listed = await node.ok('listBackups');
	expect(listed.map(({ id, kind }) => [id, kind])).toEqual([[item!.id, 'postgres-base']]);
});

it('says what a server lacks, with the statements that mend it', async () => {
	const found = await node.ok('checkSetup', { backupType: 'incremental', checkStorage: false, showFindings: 'bad' });
	expect(found).toEqual([
		expect.objectContaining({
			level: 'problem',
			check: 'WAL Summaries',
			remedy: 'ALTER SYSTEM SET summarize_wal = on; SELECT pg_reload_conf();',
		}),
	]);
	const all = await node.ok('checkSetup', { checkStorage: false });
	expect(all.map(({ check, level }) => `${check}: ${level}`)).toEqual([
		'Replication Login: ok',
		'Version: ok',
		'WAL Level: ok',
		'WAL Senders: ok',
		'Replication Slots: ok',
		'REPLICATION: ok',
		'Page Checksums: ok',
		'Replication Slot: ok',
		'Room of Slots: ok',
	]);
});

it('says which line pg_hba.conf lacks, and which right the role', async () => {
	await server.query('postgres', "CREATE ROLE plain LOGIN PASSWORD 'secret'");
	const plain = { ...postgresData(server, 'postgres'), user: 'plain', password: 'secret' };
	const postgres = await n8n.createCredential('plain', 'postgres', plain);
	const { node: other } = await NodeRunner.withFolder(n8n, `${PACKAGE}.postgresPitr`, { postgres });
	const found = await other.ok('checkSetup', { checkStorage: false, showFindings: 'bad' });
	expect(found.map(({ check, remedy }) => [check, remedy])).toEqual([
		[
			'Replication Login',
			'ALTER ROLE plain REPLICATION; SELECT pg_reload_conf(); -- Before that, in pg_hba.conf: host replication plain 127.0.0.1/32 scram-sha-256',
		],
		['REPLICATION', 'ALTER ROLE plain REPLICATION;'],
	]);
	// Only the service has a role of this name.
	await server.query('postgres', 'CREATE ROLE azure_pg_admin');
	expect(await other.ok('checkSetup', { checkStorage: false, showFindings: 'bad' })).toContainEqual(
		expect.objectContaining({
			check: 'Managed Service',
			level: 'problem',
			what: expect.stringMatching(/^This looks like Azure Database for PostgreSQL/) as string,
			remedy: expect.stringMatching(/^Back up the databases with Postgres Dump/) as string,
		}),
	);
	await server.query('postgres', 'DROP ROLE azure_pg_admin');
	expect(await other.fails('baseBackup')).toMatch(
		/Could not connect to PostgreSQL for replication.*ALTER ROLE <user> REPLICATION/s,
	);
});

it('needs a role with REPLICATION and nothing else for backups and WAL, and two functions for what is done beside them', async () => {
	await server.query('postgres', "CREATE ROLE backup LOGIN REPLICATION PASSWORD 'secret'");
	const data = { ...postgresData(server, 'postgres'), user: 'backup', password: 'secret' };
	const postgres = await n8n.createCredential('backup', 'postgres', data);
	const { node: own } = await NodeRunner.withFolder(n8n, `${PACKAGE}.postgresPitr`, { postgres });
	expect(await own.ok('checkSetup', { checkStorage: false, showFindings: 'bad' })).toEqual([]);
	expect(await own.ok('baseBackup', { slot: 'of_backup' })).toMatchObject([{ warnings: [] }]);
	expect(await own.ok('archiveWal', { slot: 'of_backup' })).toHaveLength(1);
	expect(await own.ok('dropSlot', { slotToDrop: byName('of_backup'), confirmSlot: 'of_backup' })).toHaveLength(1);
	expect(await own.fails('createRestorePoint', { restorePoint: 'here' })).toMatch(/pg_create_restore_point/);
	await server.query('postgres', 'GRANT EXECUTE ON FUNCTION pg_create_restore_point(text), pg_switch_wal() TO backup');
	expect(await own.ok('createRestorePoint', { restorePoint: 'here' })).toMatchObject([{ restorePoint: 'here' }]);
	expect(await own.ok('switchWal')).toHaveLength(1);
});
