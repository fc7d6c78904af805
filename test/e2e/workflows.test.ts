import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { WorkflowJson } from '../services/n8n-client';
import { type PostgresServer, startPostgres } from '../services/postgres';
import { sharedN8n } from './harness';
import { createShop, DumpNode, type Json, NODE_TYPE, rowsOf, WHOLE_SHOP } from './postgres-support';

const FOLDER = join(__dirname, '..', '..', 'workflows');
const n8n = sharedN8n();
let server: PostgresServer;
let node: DumpNode;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	await createShop(server, 'shop');
	({ node } = await DumpNode.withFolder(n8n, server, 'shop'));
});

afterAll(async () => {
	await server?.stop();
});

function template(file: string): WorkflowJson {
	return JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as WorkflowJson;
}

/** What a user does after the import: selects credentials. */
function withCredentials(workflow: WorkflowJson, more: Json = {}): WorkflowJson {
	const nodes = workflow.nodes.map((one) => {
		if (one.type === NODE_TYPE) return { ...one, credentials: node.credentials };
		return more[one.name] ? { ...one, credentials: more[one.name] as Json } : one;
	});
	return { ...workflow, nodes };
}

it.each(readdirSync(FOLDER).filter((file) => file.endsWith('.json')))('imports %s unchanged', async (file) => {
	const known = new Set((await n8n.nodeTypes()).map(({ name }) => name));
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
	const header = await n8n.createCredential('webhook', 'httpHeaderAuth', { name: 'x-secret', value: 'open sesame' });
	const workflow = withCredentials(template('postgres-restore-webhook.json'), { Webhook: { httpHeaderAuth: header } });
	await n8n.activate(await n8n.createWorkflow(workflow));

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
});

it('sums up the night by the daily template', async () => {
	const daily = withCredentials(template('postgres-daily-backup.json'));
	const webhook = { httpMethod: 'POST', path: 'daily-now', responseMode: 'lastNode' };
	const nodes = daily.nodes.map((one) =>
		one.type === 'n8n-nodes-base.scheduleTrigger'
			? { ...one, type: 'n8n-nodes-base.webhook', typeVersion: 2, parameters: webhook }
			: one,
	);
	await n8n.activate(await n8n.createWorkflow({ ...daily, nodes }));
	const answer = await n8n.webhook('daily-now', {});
	const { backups } = answer.body as Json;
	expect(answer.body).toMatchObject({ status: 'success' });
	expect((backups as Json[]).map(({ database }) => database as string)).toEqual(
		expect.arrayContaining(['roles and globals', 'postgres', 'shop']),
	);
});
