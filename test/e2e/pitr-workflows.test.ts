import { afterAll, beforeAll, expect, it } from 'vitest';

import { NodeRunner } from '../nodes/node-runner';
import { postgresData } from '../nodes/postgres-support';
import { PACKAGE } from '../nodes/workflow';
import type { WorkflowJson } from '../services/n8n-client';
import { type PostgresServer, startPostgres } from '../services/postgres';
import { sharedN8n } from './harness';
import { template, withCredentials } from './templates';

const n8n = await sharedN8n();
const PITR = `${PACKAGE}.postgresPitr`;
const TRIGGER = `${PACKAGE}.postgresWalTrigger`;
let server: PostgresServer;

beforeAll(async () => {
	server = await startPostgres({ version: 18, config: { synchronous_commit: 'on', cluster_name: 'main' } });
	await server.query('postgres', 'CREATE TABLE rows (id int)');
});
afterAll(() => server?.stop());

/** A node on a folder of its own. */
async function pitr() {
	const postgres = await n8n.createCredential('server', 'postgres', postgresData(server, 'postgres'));
	return (await NodeRunner.withFolder(n8n, PITR, { postgres })).node;
}

/** Publishes a template with a webhook in the place of each schedule: `night` and what else there is. */
async function publish(workflow: WorkflowJson, paths: Record<string, string>): Promise<string> {
	const nodes = workflow.nodes.map((one) => {
		const path = paths[one.name];
		const parameters = { httpMethod: 'POST', path, responseMode: 'lastNode' };
		return path === undefined ? one : { ...one, type: 'n8n-nodes-base.webhook', typeVersion: 2, parameters };
	});
	const id = await n8n.createWorkflow({ ...workflow, nodes });
	await n8n.activate(id);
	return id;
}

/** What nobody archives, the server removes: the slot is gone, and the log goes on. */
async function lose(slot: string): Promise<void> {
	await server.query('postgres', `SELECT pg_drop_replication_slot('${slot}')`);
	for (let index = 0; index < 4; index++) {
		await server.query('postgres', 'INSERT INTO rows VALUES (2); SELECT pg_switch_wal()');
		await server.query('postgres', 'CHECKPOINT');
	}
}

it('archives WAL every few minutes after a base backup, and heals a gap by another, which it tells', async () => {
	const node = await pitr();
	const workflow = withCredentials(template('postgres-pitr.json'), { [PITR]: node.credentials });
	const paths = { 'Every Night': 'pitr-night', 'Every Five Minutes': 'pitr-archive' };
	const id = await publish(workflow, paths);
	await n8n.webhook('pitr-night', {});
	await server.query('postgres', 'INSERT INTO rows VALUES (1)');
	await n8n.webhook('pitr-archive', {});
	expect(await node.ok('listWindows')).toMatchObject([{ name: 'main', state: 'recoverable', baseBackups: 1 }]);

	await lose('n8n_pitr');
	await n8n.webhook('pitr-archive', {});
	const [last] = await n8n.executions(id);
	const execution = await n8n.execution(last!.id);
	expect(execution.status).toBe('error');
	expect(execution.data.resultData.error?.message).toMatch(
		/^WAL was lost before it was archived, and a new base backup was made, postgres\/base\/main_.*tar\.zst: what was/,
	);
	await n8n.webhook('pitr-archive', {});
	expect((await n8n.executions(id))[0]).toMatchObject({ status: 'success' });
	const windows = await node.ok('listWindows');
	expect(windows.map(({ state }) => state)).toEqual(expect.arrayContaining(['recoverable']));
	await n8n.deactivate(id);
});

it('stores WAL as it is made for as long as the workflow is published', async () => {
	const node = await pitr();
	const credentials = { [PITR]: node.credentials, [TRIGGER]: node.credentials };
	const followed = withCredentials(template('postgres-pitr-continuous.json'), credentials);
	const nodes = followed.nodes.map((one) => {
		if (one.type !== TRIGGER && one.type !== PITR) return one;
		return { ...one, parameters: { ...(one.parameters as object), slot: 'followed', interval: 1 } };
	});
	const id = await publish({ ...followed, nodes }, { 'Every Night': 'followed-night' });
	const isActive = async () => {
		const sql = `SELECT active FROM pg_replication_slots WHERE slot_name = 'followed'`;
		return (await server.query('postgres', sql)).rows[0]?.['active'] as boolean | undefined;
	};
	await expect.poll(isActive, { timeout: 30_000 }).toBe(true);
	await n8n.webhook('followed-night', {});
	const { rows } = await server.query('postgres', 'INSERT INTO rows VALUES (3) RETURNING clock_timestamp() AS now');
	await expect
		.poll(
			async () => {
				await server.query('postgres', 'INSERT INTO rows VALUES (4)');
				const windows = await node.ok('listWindows');
				return windows.some(
					({ state, until }) => state === 'recoverable' && new Date(until as string) > rows[0]!['now'],
				);
			},
			{ timeout: 60_000, interval: 500 },
		)
		.toBe(true);
	await n8n.deactivate(id);
	await expect.poll(isActive, { timeout: 30_000 }).toBe(false);
});
