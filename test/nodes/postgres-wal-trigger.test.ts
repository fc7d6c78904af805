import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';

import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { type PostgresServer, startPostgres } from '../services/postgres';
import { freshFilesFolder, inProcessN8n } from './harness';
import { postgresData } from './postgres-support';

const TYPE = 'n8n-nodes-stack-backup.postgresWalTrigger';
const n8n = await inProcessN8n();
let server: PostgresServer;

beforeAll(async () => {
	server = await startPostgres({ version: 18, config: { synchronous_commit: 'on' } });
	await server.query('postgres', 'CREATE TABLE rows (id int)');
});
afterAll(() => server?.stop());

/** The trigger on a folder of its own. */
async function started(
	mode: 'trigger' | 'manual',
	parameters: Record<string, unknown> = {},
	folder = freshFilesFolder(n8n),
) {
	const credentials = {
		postgres: await n8n.createCredential('server', 'postgres', postgresData(server, 'postgres')),
		backupStorageApi: await n8n.createCredential('folder', 'backupStorageApi', { type: 'folder', folderPath: folder }),
	};
	const node = { type: TYPE, parameters: { interval: 1, slot: 'n8n_trigger', ...parameters }, credentials };
	const trigger = await n8n.startTrigger(node, mode);
	onTestFinished(async () => await trigger.response?.closeFunction?.());
	return { ...trigger, folder };
}

const slotIsActive = async () => {
	const sql = `SELECT active FROM pg_replication_slots WHERE slot_name = 'n8n_trigger'`;
	return (await server.query('postgres', sql)).rows[0]?.['active'] as boolean | undefined;
};

it('stores WAL as it is made, an item for each archive, and ends with its workflow', async () => {
	const { items, errors, response, folder } = await started('trigger');
	await server.query('postgres', 'INSERT INTO rows VALUES (1); SELECT pg_switch_wal()');
	await server.query('postgres', 'INSERT INTO rows VALUES (2)');
	await expect.poll(() => items.some(({ state }) => state === 'whole segments')).toBe(true);
	expect(items[0]).toMatchObject({
		event: 'stored',
		name: '127.0.0.1',
		storedUntil: expect.stringMatching(/^20/),
		lag: expect.stringMatching(/B$/),
		rate: expect.stringMatching(/B\/s$/),
		key: expect.stringMatching(/^postgres\/wal\/127\.0\.0\.1_.*\.tar\.zst$/),
	});
	expect(Object.keys(items[0]!).length).toBeLessThanOrEqual(10);
	expect(await slotIsActive()).toBe(true);
	await response!.closeFunction!();
	await expect.poll(slotIsActive).toBe(false);
	expect(errors).toEqual([]);
	const left = readdirSync(join(folder, 'postgres', 'wal')).filter((name) => name.includes('writing'));
	expect(left).toEqual([]);
});

it('is refused while another one uses its slot, and says so', async () => {
	const { response } = await started('trigger');
	await expect(started('trigger')).rejects.toMatchObject({
		message: expect.stringMatching(/n8n_trigger.*is active for PID/),
		description: expect.stringContaining('another workflow'),
	});
	await response!.closeFunction!();
});

it('goes on by itself when the server was restarted', async () => {
	const { items, errors } = await started('trigger');
	await server.query('postgres', 'INSERT INTO rows VALUES (3)');
	await expect.poll(() => items.length).toBeGreaterThan(0);
	await server.kill('SIGINT');
	await server.start();
	const before = items.length;
	await server.query('postgres', 'INSERT INTO rows VALUES (4)');
	await expect.poll(() => items.length).toBeGreaterThan(before);
	expect(errors).toEqual([]);
});

it('stores what there is when its step is tested, and says where nothing is new', async () => {
	const folder = freshFilesFolder(n8n);
	await server.query('postgres', 'INSERT INTO rows VALUES (5)');
	const first = await started('manual', {}, folder);
	await first.response!.manualTriggerFunction!();
	expect(first.items.map(({ event }) => event)).toContain('stored');
	const again = await started('manual', {}, folder);
	await again.response!.manualTriggerFunction!();
	expect(again.items.length).toBeGreaterThan(0);
});

it('tells a wrong password when the workflow is activated', async () => {
	const credentials = {
		postgres: await n8n.createCredential('server', 'postgres', { ...postgresData(server, 'postgres'), password: 'x' }),
		backupStorageApi: await n8n.createCredential('folder', 'backupStorageApi', {
			type: 'folder',
			folderPath: freshFilesFolder(n8n),
		}),
	};
	await expect(n8n.startTrigger({ type: TYPE, parameters: {}, credentials }, 'trigger')).rejects.toMatchObject({
		message: expect.stringContaining('password authentication failed'),
	});
});
