import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { freshFilesFolder } from '../nodes/harness';
import { type Json, NodeRunner } from '../nodes/node-runner';
import { createShop, postgresData } from '../nodes/postgres-support';
import { flipBit } from '../nodes/verify-support';
import { PACKAGE } from '../nodes/workflow';
import type { Execution, NodeCredentials, WorkflowJson } from '../services/n8n-client';
import { type PostgresServer, startPostgres } from '../services/postgres';
import { type MailReceiver, startMailReceiver } from '../services/smtp';
import { sharedN8n } from './harness';
import { publishNow, template, withCredentials, withoutNodes, withSettings } from './templates';

const n8n = await sharedN8n();
let postgres: PostgresServer;
let mail: MailReceiver;

beforeAll(async () => {
	[postgres, mail] = await Promise.all([startPostgres({ version: 18 }), startMailReceiver()]);
	await createShop(postgres, 'shop');
});

afterAll(async () => {
	await Promise.all([postgres?.stop(), mail?.stop()]);
});

/** Credentials by the names and types of the nodes of both templates, and a folder with a file. */
async function stage() {
	const { folder, node } = await NodeRunner.withFolder(n8n, `${PACKAGE}.filesArchive`, {});
	const backupStorageApi = node.credentials['backupStorageApi']!;
	const { url, apiKey } = n8n.connection;
	const server = await n8n.createCredential('server', 'postgres', postgresData(postgres, 'postgres'));
	const n8nApi = await n8n.createCredential('n8n', 'n8nApi', { baseUrl: `${url}/api/v1`, apiKey });
	const secret = await n8n.createCredential('secret', 'httpHeaderAuth', { name: 'x-secret', value: 'of the parts' });
	const { host, port } = mail;
	const smtp = await n8n.createCredential('mail', 'smtp', { host, port, secure: false, disableStartTls: true });
	const credentials: Record<string, NodeCredentials> = {
		'n8n-nodes-base.postgres': { postgres: server },
		'n8n-nodes-base.n8n': { n8nApi },
		'n8n-nodes-base.emailSend': { smtp },
		[`${PACKAGE}.postgresDump`]: { postgres: server, backupStorageApi },
	};
	for (const type of ['filesArchive', 'backupReport', 'verifyArchive']) {
		credentials[`${PACKAGE}.${type}`] = { backupStorageApi };
	}
	for (const name of ['Start Each Part', 'Part', 'Start Each Batch', 'Batch']) {
		credentials[name] = { httpHeaderAuth: secret };
	}
	const papers = join(freshFilesFolder(n8n), 'papers');
	mkdirSync(papers);
	writeFileSync(join(papers, 'readme.txt'), 'Read me.');
	return { folder, papers, credentials };
}

/** The daily backup of somebody who has only some of the systems. */
function daily(): WorkflowJson {
	const lacking = ['Back Up Qdrant', 'Back Up Buckets', 'Back Up n8n Workflows'];
	return withoutNodes(template('daily-backup-parallel.json'), ...lacking);
}

/** Runs a workflow that is not published, as a person does in the editor. */
async function byHand(workflow: WorkflowJson, trigger: string): Promise<Execution> {
	const id = await n8n.createWorkflow(workflow);
	const workflowData = await n8n.rest<WorkflowJson>('GET', `/workflows/${id}`);
	const request = { workflowData, triggerToStartFrom: { name: trigger } };
	const { executionId } = await n8n.rest<{ executionId: string }>('POST', `/workflows/${id}/run`, request);
	const isOver = async () => !['new', 'running', 'waiting'].includes((await n8n.execution(executionId)).status);
	await expect.poll(isOver, { interval: 100 }).toBe(true);
	return await n8n.execution(executionId);
}

async function runOnce(workflow: string, path: string): Promise<Execution> {
	await n8n.webhook(path, {});
	// Its parts are executions of the same workflow.
	const all = await Promise.all((await n8n.executions(workflow)).map(async ({ id }) => await n8n.execution(id)));
	return all.find(({ data }) => data.resultData.runData['Settings'] !== undefined)!;
}

function itemsOf({ data }: Execution, node: string): Json[] {
	return data.resultData.runData[node]?.at(-1)?.data?.main[0]?.map(({ json }) => json) ?? [];
}

it('backs everything up in parts and verifies it in batches without a queue as well, and tells what is bad', async () => {
	const { folder, papers, credentials } = await stage();
	const settings = { systems: ['postgres', 'files'], folder: papers, lookEverySeconds: 1 };
	const mails = { mailFrom: 'n8n@example.com', mailTo: 'ana@example.com' };
	const ready = withCredentials(withSettings(daily(), { ...settings, ...mails }), credentials);
	const night = await runOnce(await publishNow(n8n, ready, 'nightly-parallel'), 'nightly-parallel');
	expect([night.status, itemsOf(night, 'Report')[0]!['status']]).toEqual(['success', 'warning']);
	const made = itemsOf(night, 'Each Backup');
	const names = ['globals', 'papers', 'postgres', 'shop'];
	expect(made.map(({ name }) => name as string).sort()).toEqual(names);
	for (const name of names) expect(mail.mails[0]!.content).toContain(name);

	const farm = withSettings(template('verify-farm.json'), { backupsPerBatch: 2, lookEverySeconds: 1 });
	const workflow = await publishNow(n8n, withCredentials(farm, credentials), 'weekly-farm');
	const good = await runOnce(workflow, 'weekly-farm');
	const [summary] = itemsOf(good, 'Summary');
	expect([good.status, summary!['failed'], summary!['batches']]).toEqual(['success', [], 2]);
	const restored = (summary!['passed'] as Json[]).filter(({ reached }) => reached === 'restore');
	const keys = (items: Json[]) => items.map(({ key }) => key as string).sort();
	expect(keys(restored)).toEqual(keys(made));

	const shop = made.find(({ name }) => name === 'shop')!['key'] as string;
	flipBit(join(folder, shop));
	const bad = await runOnce(workflow, 'weekly-farm');
	expect(bad.status).toBe('error');
	expect(bad.data.resultData.error?.message).toContain(`${shop} (failed): `);
	expect(itemsOf(bad, 'Summary')[0]).toMatchObject({ passed: { length: 3 }, failed: [{ key: shop }] });
});

it('tells each part and each batch that could not be started, where the address of n8n is wrong', async () => {
	const { papers, credentials } = await stage();
	const settings = { systems: ['postgres', 'files'], folder: papers, n8nUrl: 'http://127.0.0.1:9/' };
	const night = await byHand(withCredentials(withSettings(daily(), settings), credentials), 'Every Night at 02:00');
	const [first, ...others] = itemsOf(night, 'Each Backup').map(({ error }) => error as string);
	expect(first).toMatch(/^files could not be started: .*127\.0\.0\.1:9/);
	expect(others.map((error) => error.split(':')[0]).sort()).toEqual([
		'Database postgres could not be started',
		'Database shop could not be started',
	]);
	expect(night.status).toBe('error');

	const week = await byHand(withCredentials(template('verify-farm.json'), credentials), 'Every Sunday at 05:00');
	const none = { key: 'no backup', verdict: 'failed', problem: 'There is no backup in the storage.' };
	expect(itemsOf(week, 'Summary')).toMatchObject([{ passed: [], failed: [none], batches: 0 }]);
	expect(week.data.resultData.error?.message).toContain('There is no backup in the storage. Make one');
});
