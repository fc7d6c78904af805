import { afterAll, beforeAll, expect, it } from 'vitest';
import type { NodeCredentials, WorkflowJson } from '../services/n8n-client';
import { type PostgresServer, startPostgres } from '../services/postgres';
import { sharedN8n } from './harness';
import { type Json, type NodeRunner } from '../nodes/node-runner';
import { createShop, dumpNode, NODE_TYPE, postgresData, rowsOf, WHOLE_SHOP } from '../nodes/postgres-support';
import { publishGuarded, publishNow, template, TEMPLATES, withCredentials, withSettings } from './templates';

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

it('restores by the webhook of the template, which asks for its header and for the confirmation', async () => {
	const [made] = await node.ok('backUp');
	expect(made!['database']).toBe('shop');
	await server.query('shop', 'TRUNCATE users CASCADE');
	const secret = { name: 'x-secret', value: 'open sesame' };
	const credentials = { [NODE_TYPE]: node.credentials };
	const workflow = withSettings(template('postgres-restore-webhook.json'), { keptCopies: 1 });
	await publishGuarded(n8n, workflow, credentials, secret);

	const call = async (body: Json, headers: Record<string, string> = { 'x-secret': 'open sesame' }) =>
		await n8n.webhook('restore-postgres', body, { headers });
	expect((await call({ database: 'shop', confirm: 'shop' }, {})).status).toBe(403);
	const unconfirmed = await call({ database: 'shop' });
	expect(unconfirmed).toMatchObject({ status: 422, body: { error: expect.stringMatching(/not confirmed/) } });
	expect(await rowsOf(server, 'shop')).toMatchObject({ users: 0 });
	const answer = await call({ database: 'shop', confirm: 'shop' });
	expect(answer).toMatchObject({
		status: 200,
		body: { database: 'shop', previousDatabase: expect.stringMatching(/^shop_before_/), rows: 1502 },
	});
	expect(await rowsOf(server, 'shop')).toEqual(WHOLE_SHOP);

	const notListed = { status: 403, body: { error: expect.stringMatching(/may not restore that database/) } };
	expect(await call({ database: 'postgres', confirm: 'postgres', backup: 'shop' })).toMatchObject(notListed);
	expect(await call({ database: ['shop'], confirm: 'shop' })).toMatchObject(notListed);
	expect(await call({ confirm: 'shop' })).toMatchObject(notListed);
	const enough = await call({ database: 'shop', confirm: 'shop' });
	expect(enough).toMatchObject({ status: 422, body: { error: expect.stringMatching(/kept 1 copies of "shop"/) } });
});

/** The daily template with a webhook in the place of its schedule. */
async function dailyNow(path: string, credentials: NodeCredentials): Promise<string> {
	const daily = withCredentials(template('postgres-daily-backup.json'), { [NODE_TYPE]: credentials });
	return await publishNow(n8n, daily, path);
}

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
