import { afterAll, beforeAll, expect, it } from 'vitest';
import type { NodeCredentials, WorkflowJson } from '../services/n8n-client';
import { type PostgresServer, startPostgres } from '../services/postgres';
import { sharedN8n } from './harness';
import { type Json, type NodeRunner } from '../nodes/node-runner';
import { createShop, dumpNode, NODE_TYPE, postgresData } from '../nodes/postgres-support';
import { publishNow, template, TEMPLATES, withCredentials } from './templates';

const n8n = await sharedN8n();
let server: PostgresServer;
let node: NodeRunner;
/** All types of nodes that n8n has. */
let known: Set<string>;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	await createShop(server, 'shop');
	known = new Set((await n8n.nodeTypes()).map(({ name }) => name));
	({ node } = await dumpNode(n8n, server, 'shop'));
});

afterAll(async () => {
	await server?.stop();
});

it.each(TEMPLATES)('imports %s unchanged', async (file) => {
	const workflow = template(file);
	expect(workflow.nodes.map(({ type }) => type).filter((type) => !known.has(type))).toEqual([]);
	const id = await n8n.createWorkflow(workflow);
	const stored = await n8n.rest<WorkflowJson>('GET', `/workflows/${id}`);
	expect(stored.nodes).toEqual(workflow.nodes);
	expect(stored.connections).toEqual(workflow.connections);
});

/** The daily template with a webhook in the place of its schedule. */
async function dailyNow(path: string, credentials: NodeCredentials): Promise<string> {
	const daily = withCredentials(template('postgres-daily-backup.json'), { [NODE_TYPE]: credentials });
	return await publishNow(n8n, daily, path);
}

it('hands a backup to any node by the template, with its manifest beside it', async () => {
	const workflow = withCredentials(template('postgres-backup-to-binary.json'), { [NODE_TYPE]: node.credentials });
	await publishNow(n8n, workflow, 'to-binary');
	const { body } = await n8n.webhook('to-binary', {});
	expect(body).toMatchObject({ name: 'shop', rows: 1502, manifest: expect.stringContaining('"postgres"') as string });
});

it('sums up the night by the daily template', async () => {
	await dailyNow('daily-now', node.credentials);
	const { body } = await n8n.webhook('daily-now', {});
	expect(body).toMatchObject({ status: 'success' });
	expect(((body as Json)['backups'] as Json[]).map(({ name }) => name as string)).toEqual(
		expect.arrayContaining(['globals', 'postgres', 'shop']),
	);
});

it('ends the night with an error that names what failed, after the others were backed up', async () => {
	await server.query('postgres', `CREATE ROLE limited LOGIN PASSWORD 'limited'`);
	const postgres = await n8n.createCredential('limited', 'postgres', {
		...postgresData(server, 'postgres'),
		user: 'limited',
		password: 'limited',
	});
	const id = await dailyNow('daily-limited', { ...node.credentials, postgres });
	await n8n.webhook('daily-limited', {});
	const [started] = await n8n.executions(id);
	const { status, data } = await n8n.execution(started!.id);
	expect(status).toBe('error');
	expect(data.resultData.error?.message).toMatch(/^Backups failed: shop: .*permission denied/);
	const summary = data.resultData.runData['Summary']?.at(-1)?.data?.main[0]?.[0]?.json;
	expect((summary?.['backups'] as Json[]).map(({ name }) => name as string)).toContain('postgres');
});
