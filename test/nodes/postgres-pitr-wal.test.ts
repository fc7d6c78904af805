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
	server = await startPostgres({ version: 18, config: { synchronous_commit: 'on', cluster_name: 'main' } });
	const postgres = await n8n.createCredential('server', 'postgres', postgresData(server, 'postgres'));
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
