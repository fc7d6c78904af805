/**
 * Two workers, each of which has time for one job at once, so that two back ups that wait for a table show that both are at work.
 * What a person starts in the editor runs in the main process, and takes none of them.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { Client } from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';

import { listManifests, readRunning, verifyBackup } from '../../../engine';
import { LIMITS, readSmall } from '../../../engine/archive';
import { FolderStorage } from '../../../engine/storage/folder';
import { template, withCredentials, withoutNodes, withSettings } from '../../e2e/templates';
import type { Json } from '../../nodes/node-runner';
import { postgresData } from '../../nodes/postgres-support';
import { chain, type NodeUnderTest, PACKAGE } from '../../nodes/workflow';
import type { Execution, N8nClient, NodeCredentials, WorkflowJson } from '../../services/n8n-client';
import { startN8nQueue, type N8nQueue } from '../../services/n8n-queue';
import { type PostgresServer, startPostgres } from '../../services/postgres';
import type { ServerProcess } from '../../services/process';
import { startMailReceiver } from '../../services/smtp';

const ROOT = join(__dirname, '../../..');
const DATABASES = ['shop', 'crm'];
/** The nodes of both templates that call the webhook, and that answer. */
const CALLS = ['Start Each Part', 'Part', 'Start Each Batch', 'Batch'];
const ONE_JOB = {
	N8N_CONCURRENCY_PRODUCTION_LIMIT: '1',
	// A worker that was killed is missed sooner than after a minute; one that is slow is not.
	QUEUE_WORKER_LOCK_DURATION: '15000',
	QUEUE_WORKER_LOCK_RENEW_TIME: '2000',
	QUEUE_WORKER_STALLED_INTERVAL: '5000',
};

describe('two workers', () => {
	let queue: N8nQueue;
	let main: N8nClient;
	let postgres: PostgresServer;
	let workers: ServerProcess[];
	let storage: FolderStorage;
	let login: NodeCredentials;
	/** What both templates need to call themselves and to look at their executions. */
	let access: Record<string, NodeCredentials>;
	let nightly: string;

	beforeAll(async () => {
		const mail = await startMailReceiver();
		[queue, postgres] = await Promise.all([
			startN8nQueue({ packageFolder: ROOT, env: ONE_JOB }),
			startPostgres({ version: 18 }),
		]);
		({ main } = queue);
		workers = await Promise.all([queue.startWorker(), queue.startWorker()]);
		for (const database of DATABASES) {
			await postgres.createDatabase(database);
			await postgres.query(database, 'CREATE TABLE orders AS SELECT n AS id FROM generate_series(1, 100) n');
		}
		const { filesFolder, url, apiKey } = main.connection;
		const folderPath = join(filesFolder, 'backups');
		const papers = join(filesFolder, 'papers');
		for (const folder of [folderPath, papers]) mkdirSync(folder);
		writeFileSync(join(papers, 'readme.txt'), 'Read me.');
		storage = new FolderStorage({ root: folderPath });
		const { host, port } = mail;
		const backupStorageApi = await main.createCredential('folder', 'backupStorageApi', { type: 'folder', folderPath });
		const server = await main.createCredential('server', 'postgres', postgresData(postgres, 'postgres'));
		const n8nApi = await main.createCredential('n8n', 'n8nApi', { baseUrl: `${url}/api/v1`, apiKey });
		const secret = await main.createCredential('secret', 'httpHeaderAuth', { name: 'x-secret', value: 'of the parts' });
		const away = await main.createCredential('away', 'qdrantApi', { qdrantUrl: 'http://127.0.0.1:9', apiKey: '' });
		const smtp = await main.createCredential('mail', 'smtp', { host, port, secure: false, disableStartTls: true });
		login = { postgres: server, backupStorageApi };
		access = {
			'n8n-nodes-base.n8n': { n8nApi },
			...Object.fromEntries(CALLS.map((name) => [name, { httpHeaderAuth: secret }])),
		};
		const daily = withCredentials(withoutNodes(template('daily-backup-parallel.json'), 'Back Up Buckets'), {
			...access,
			'n8n-nodes-base.postgres': { postgres: server },
			'n8n-nodes-base.emailSend': { smtp },
			[`${PACKAGE}.postgresDump`]: login,
			[`${PACKAGE}.qdrantSnapshot`]: { qdrantApi: away, backupStorageApi },
			[`${PACKAGE}.filesArchive`]: { backupStorageApi },
			[`${PACKAGE}.n8nExport`]: { n8nApi, backupStorageApi },
			[`${PACKAGE}.backupReport`]: { backupStorageApi },
		});
		const settings = { systems: ['postgres', 'qdrant', 'files', 'n8n'], folder: papers, n8nUrl: url };
		const mails = { mailFrom: 'n8n@example.com', mailTo: 'ana@example.com', lookEverySeconds: 1 };
		nightly = await publish(withSettings(daily, { ...settings, ...mails }));
		return async () => {
			for (const worker of workers) await worker.stop();
			await queue.stop();
			await postgres.stop();
			await mail.stop();
		};
	});

	it('make the parts of the daily backup at once, and the report tells of all, also of the one that fails', async () => {
		const free = await holdTables(...DATABASES);
		const run = await byHand();
		await expect.poll(async () => (await places()).length).toBe(2);
		expect((await places()).sort()).toEqual(workers.map(({ pid }) => pid).sort());
		await free();
		const { status, data } = await ended(run);
		expect(status).toBe('error');
		expect(failedIn(data)).toEqual([expect.stringContaining('Could not ask http://127.0.0.1:9')]);
		expect(itemsOf(data, 'Each Backup').flatMap(({ name }) => (name as string) ?? [])).toEqual(
			expect.arrayContaining(['papers', 'workflows', 'globals', 'postgres', ...DATABASES]),
		);
		expect(itemsOf(data, 'Report')[0]).toMatchObject({ status: 'failed', errors: 1 });
		expect(await verdicts()).toEqual(Array.from({ length: 6 }, () => 'passed'));
	});

	it('go on where one of them was killed half-way: nothing half is taken for a backup, the report names the part, and the next run makes it', async () => {
		const free = await holdTables(...DATABASES);
		const run = await byHand();
		await expect.poll(async () => (await places()).length).toBe(2);
		const victim = workers.pop()!;
		victim.kill('SIGKILL');
		await victim.stop();
		workers.push(await queue.startWorker());
		await free();
		// n8n misses the dead one only after a while; the next run need not wait for that.
		const next = await byHand();
		const { data } = await ended(next);
		expect(failedIn(data)).toEqual([expect.stringContaining('Could not ask http://127.0.0.1:9')]);
		const { data: first } = await ended(run);
		expect(failedIn(first)).toEqual([
			expect.stringContaining('Could not ask http://127.0.0.1:9'),
			expect.stringMatching(
				/^Database (?:shop|crm) has no result\. Its execution \d+ has the status error: .*processed too many times/,
			),
		]);
		// Six of each run, without the one that was killed.
		expect(await verdicts()).toEqual(Array.from({ length: 6 + 5 + 6 }, () => 'passed'));
	});

	it('share the batches of a verification, and all backups are restored or read', async () => {
		const farm = withSettings(template('verify-farm.json'), { backupsPerBatch: 1, lookEverySeconds: 1 });
		const { backupStorageApi } = login;
		const { parameters } = farm.nodes.find(({ name }) => name === 'Test Restore')!;
		Object.assign(parameters as object, { postgresTarget: 'server' });
		const workflow = await publish(
			withCredentials(farm, {
				...access,
				[`${PACKAGE}.verifyArchive`]: { backupStorageApi: backupStorageApi!, postgres: login['postgres']! },
			}),
		);
		// Nobody can make a scratch database meanwhile.
		const holder = new Client(postgres.clientConfig());
		await holder.connect();
		await holder.query('BEGIN; LOCK TABLE pg_catalog.pg_database IN SHARE MODE');
		const run = await byHand(workflow, 'Every Sunday at 05:00');
		const waiting = `SELECT count(*)::int AS count FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'CREATE DATABASE%'`;
		await expect.poll(async () => (await postgres.query(DATABASES[0]!, waiting)).rows).toEqual([{ count: 2 }]);
		await holder.end();
		const { status, data } = await ended(run);
		const [summary] = itemsOf(data, 'Summary');
		const all = await countOf();
		expect([status, summary!['failed'], summary!['batches']]).toEqual(['success', [], all]);
		const restored = (summary!['passed'] as Json[]).filter(({ reached }) => reached === 'restore');
		expect([(summary!['passed'] as Json[]).length, restored.length]).toEqual([all, 5]);
	});

	it('wait for each other, and one that is stopped in the main process gives its place to the other', async () => {
		const operation = { operation: 'backUp', databaseMode: 'chosen', databases: ['shop'], simplify: false };
		await publishNode('shop', { type: `${PACKAGE}.postgresDump`, parameters: operation, credentials: login });
		const before = await countOf('shop');
		const free = await holdTables('shop');
		const first = await start('shop');
		await expect.poll(places).toHaveLength(1);
		const [holder] = await places();
		const waiting = await start('shop');
		const other = workers.find(({ pid }) => pid !== holder)!;
		await expect.poll(() => other.output()).toContain('A back up of postgres shop is running already');
		await main.stopExecution(first);
		await expect.poll(places).toEqual([other.pid]);
		expect((await ended(first)).status).toBe('canceled');
		await free();
		expect((await ended(waiting)).status).toBe('success');
		expect(await countOf('shop')).toBe(before + 1);
	});

	it('show what a worker does to each other, also after it was stopped in the main process', async () => {
		const parameters = {
			operation: 'restore',
			restoreKind: 'database',
			source: 'storage',
			backup: { __rl: true, mode: 'latest', value: 'crm' },
			target: 'existing',
			existingDatabase: { __rl: true, mode: 'name', value: 'crm' },
			before: 'truncate',
			confirmation: 'crm',
			selection: {},
		};
		await publishNode('restore', { type: `${PACKAGE}.postgresDump`, parameters, credentials: login });
		const look = { operation: 'listRuns', executionId: '={{ $json.body.id }}', simplify: false };
		const { backupStorageApi } = login;
		await publishNode(
			'runs',
			{ type: `${PACKAGE}.backupReport`, parameters: look, credentials: { backupStorageApi: backupStorageApi! } },
			{ responseMode: 'lastNode' },
		);
		const free = await holdTables('crm');
		const id = await start('restore');
		const told = async () => (await main.webhook('runs', { id })).body as Json;
		await expect.poll(told).toMatchObject({ state: 'running', kind: 'postgres', name: 'crm' });
		// The worker that answers has time for nothing else: the other one is at the restore.
		expect(await readRunning(storage)).toMatchObject([{ action: 'restore', execution: id }]);
		await main.stopExecution(id);
		expect((await ended(id)).status).toBe('canceled');
		await expect.poll(told).toMatchObject({ state: 'cancelled' });
		await free();
	});

	/** Nobody reads these tables until they are freed, so no back up of these databases ends. */
	async function holdTables(...databases: string[]): Promise<() => Promise<void>> {
		const clients = await Promise.all(
			databases.map(async (database) => {
				const client = new Client(postgres.clientConfig(database));
				await client.connect();
				await client.query('BEGIN; LOCK TABLE orders');
				return client;
			}),
		);
		return async () => void (await Promise.all(clients.map(async (client) => await client.end())));
	}

	/** The processes that back one of these databases up just now. */
	async function places(): Promise<number[]> {
		const newest = new Map<string, string>();
		for await (const { key } of storage.list('.stack-backup/series/')) {
			const [, series] = /postgres_((?:shop|crm)~\w+)\/lock-/.exec(key) ?? [];
			if (series !== undefined && key > (newest.get(series) ?? '')) newest.set(series, key);
		}
		const pids: number[] = [];
		for (const key of newest.values()) {
			const text = (await readSmall(storage, key, LIMITS.lock)) ?? '{}';
			const { holder, releasedAt } = JSON.parse(text) as { holder?: { pid: number }; releasedAt?: string };
			if (holder && releasedAt === undefined) pids.push(holder.pid);
		}
		return pids;
	}

	/** How many backups there are, or how many of a name. */
	async function countOf(name?: string): Promise<number> {
		const { backups } = await listManifests(storage, '');
		return backups.filter(({ manifest }) => name === undefined || manifest.name === name).length;
	}

	/** What becomes of everything in the storage that counts as a backup, when it is read to its end. */
	async function verdicts(): Promise<string[]> {
		const { backups, damaged } = await listManifests(storage, '');
		expect(damaged).toEqual([]);
		const reports = [];
		for (const { key } of backups) reports.push(await verifyBackup({ storage, key, level: 'content' }));
		return reports.map(({ verdict }) => verdict);
	}

	async function publish(workflow: WorkflowJson): Promise<string> {
		const id = await main.createWorkflow(workflow);
		await main.activate(id);
		return id;
	}

	/** A node behind a webhook of this path, which answers at once with the execution's id unless told otherwise. */
	async function publishNode(path: string, node: NodeUnderTest, answer: object = {}): Promise<void> {
		const options = { responseData: '={{ { id: $execution.id } }}' };
		const parameters = { httpMethod: 'POST', path, responseMode: 'onReceived', options, ...answer };
		const webhook = { name: 'Webhook', type: 'n8n-nodes-base.webhook', typeVersion: 2, parameters };
		await publish({ name: path, ...chain(webhook, node, []) });
	}

	async function start(path: string): Promise<string> {
		return ((await main.webhook(path, {})).body as { id: string }).id;
	}

	/** Runs a workflow as a person does in the editor, the daily backup unless told otherwise; answers the execution. */
	async function byHand(workflow = nightly, trigger = 'Every Night at 02:00'): Promise<string> {
		const workflowData = await main.rest<WorkflowJson>('GET', `/workflows/${workflow}`);
		const request = { workflowData, triggerToStartFrom: { name: trigger } };
		return (await main.rest<{ executionId: string }>('POST', `/workflows/${workflow}/run`, request)).executionId;
	}

	async function ended(id: string): Promise<Execution> {
		const states: Execution['status'][] = ['new', 'running', 'waiting'];
		const isOver = async () => !states.includes((await main.execution(id)).status);
		await expect.poll(isOver, { timeout: 240_000, interval: 200 }).toBe(true);
		return await main.execution(id);
	}
});

function itemsOf({ resultData }: Execution['data'], node: string): Json[] {
	return resultData.runData[node]?.at(-1)?.data?.main[0]?.map(({ json }) => json) ?? [];
}

/** The errors of parts that are told. */
function failedIn(data: Execution['data']): string[] {
	return itemsOf(data, 'Failed Only').map(({ error }) => error as string);
}
