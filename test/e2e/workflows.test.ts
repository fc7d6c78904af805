import { afterAll, beforeAll, expect, it } from 'vitest';
import type { NodeCredentials, WorkflowJson } from '../services/n8n-client';
import { type PostgresServer, startPostgres } from '../services/postgres';
import { sharedN8n } from './harness';
import { FolderStorage } from '../../engine';
import { type Json, type NodeRunner } from '../nodes/node-runner';
import { createShop, dumpNode, NODE_TYPE, postgresData } from '../nodes/postgres-support';
import { backupsIn, NODE_TYPE as PRUNE, writeBackup } from '../nodes/retention-support';
import { publishNow, template, TEMPLATES, withCredentials, withSettings } from './templates';

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

it('keeps what was made between for days, and the backups of the night by the long policy, by the six-hourly template', async () => {
	const { node: runner, folder } = await dumpNode(n8n, server, 'shop');
	const storage = new FolderStorage({ root: folder });
	const { backupStorageApi } = runner.credentials as { backupStorageApi: NodeCredentials[string] };
	const nights = await Promise.all([5, 4].map((days) => writeBackup(storage, days, { tags: ['daily'] })));
	const between = [];
	for (const days of [4.5, 3.5, 1.5, 0.5]) between.push(await writeBackup(storage, days, { tags: ['six-hourly'] }));
	const six = async (path: string, dailyBefore: number) => {
		const chosen = { [NODE_TYPE]: runner.credentials, [PRUNE]: { backupStorageApi } };
		const whole = withCredentials(template('postgres-six-hourly-backup.json'), chosen);
		await publishNow(n8n, withSettings(whole, { dailyBefore }), path);
		return (await n8n.webhook(path, {})).body;
	};
	expect(await six('six-between', 0)).toMatchObject({ status: 'success', deleted: 2 });
	expect(await six('six-night', 24)).toMatchObject({ status: 'success', deleted: 0 });
	const { own } = await backupsIn(storage);
	expect(own).toEqual(expect.arrayContaining([...nights, ...between.slice(2)]));
	expect(own).toHaveLength(2 + 2 + 2 * 3);
	const tags = (await runner.ok('listBackups')).map(({ name, tags: of }) => `${name} ${(of as string[]).join()}`);
	expect(tags).toEqual(expect.arrayContaining(['globals six-hourly', 'globals daily', 'postgres six-hourly']));
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
