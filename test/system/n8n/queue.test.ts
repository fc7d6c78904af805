import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { Client } from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';

import { listManifests, type Manifest, verifyFile } from '../../../engine';
import { LIMITS, readSmall } from '../../../engine/archive';
import { FolderStorage } from '../../../engine/storage/folder';
import { publishNow, template, withCredentials } from '../../e2e/templates';
import { folder, restore } from '../../integration/n8n/instance/stage';
import { postgresData } from '../../nodes/postgres-support';
import { chain, PACKAGE } from '../../nodes/workflow';
import { removeFolder, temporaryFolder } from '../../services/guard';
import { runN8n } from '../../services/n8n-cli';
import { startN8n, startN8nWorker, type N8nServer } from '../../services/n8n';
import type { NodeCredentials, WorkflowJson } from '../../services/n8n-client';
import { startPostgres, type PostgresServer } from '../../services/postgres';
import type { ServerProcess } from '../../services/process';
import { startRedis } from '../../services/redis';
import { fill, give, keepBusy, knock, taken } from './door';

const ROOT = join(__dirname, '../../..');
const NODE_TYPE = `${PACKAGE}.n8nExport`;
const KEY = 'the key of an n8n with workers';
const PASSPHRASE = 'a long passphrase';
/** What the log says of a process that backs the instance up. */
const BACKS_UP = 'n8n Export: Backing up the PostgreSQL database';

describe('an n8n in queue mode', () => {
	let postgres: PostgresServer;
	let main: N8nServer;
	let worker: ServerProcess;
	/** One that has time for a single job. */
	let singleWorker: () => Promise<ServerProcess>;
	let storage: FolderStorage;
	let credentials: NodeCredentials;

	beforeAll(async () => {
		const secrets = temporaryFolder('n8n-secrets');
		const redis = await startRedis();
		postgres = await startPostgres({ version: 18 });
		const { host, port, user, password } = postgres;
		const database = { host, port, user, password, database: await postgres.createDatabase('n8n_queue') };
		const shared = {
			EXECUTIONS_MODE: 'queue',
			QUEUE_BULL_REDIS_HOST: redis.host,
			QUEUE_BULL_REDIS_PORT: String(redis.port),
			N8N_STACK_BACKUP_ALLOW_INSTANCE: 'true',
			// n8n waits for ever for a job that has ended, and is gone from Redis, before it began to wait for it: short executions one after another
			// meet that within seconds, with a back up or without one (n8n-io/n8n#30392, OptimalBits/bull#2504). Jobs that are kept are found.
			N8N_EXECUTIONS_QUEUE_KEEP_LAST_COMPLETED: '10000',
			N8N_EXECUTIONS_QUEUE_KEEP_LAST_FAILED: '10000',
		};
		main = await startN8n({ packageFolder: ROOT, database, env: { ...shared, N8N_ENCRYPTION_KEY: KEY } });
		// As secrets of Docker and Kubernetes are given: by files.
		const inFiles = {
			DB_TYPE: 'postgresdb',
			DB_POSTGRESDB_HOST: host,
			DB_POSTGRESDB_PORT: String(port),
			DB_POSTGRESDB_USER: user,
			DB_POSTGRESDB_PASSWORD: password,
			DB_POSTGRESDB_DATABASE: database.database,
			N8N_ENCRYPTION_KEY: KEY,
		};
		const files = Object.entries(inFiles).map(([name, value]) => {
			writeFileSync(join(secrets, name), `${value}\n`);
			return [`${name}_FILE`, join(secrets, name)];
		});
		const env = { ...shared, ...Object.fromEntries(files), WEBHOOK_URL: `${main.url}/` };
		const { filesFolder } = main.connection;
		const single = { ...env, N8N_CONCURRENCY_PRODUCTION_LIMIT: '1' };
		singleWorker = async () => await startN8nWorker({ packageFolder: ROOT, filesFolder, env: single });
		worker = await startN8nWorker({ packageFolder: ROOT, filesFolder, env });

		const folderPath = join(filesFolder, 'backups');
		mkdirSync(folderPath);
		storage = new FolderStorage({ root: folderPath });
		credentials = {
			backupStorageApi: await main.createCredential('folder', 'backupStorageApi', { type: 'folder', folderPath }),
			backupEncryptionApi: await main.createCredential('encryption', 'backupEncryptionApi', { passphrase: PASSPHRASE }),
		};
		await fill(main);
		return async () => {
			await worker.stop();
			await main.stop();
			await postgres.stop();
			await redis.stop();
			removeFolder(secrets);
		};
	});

	it('is backed up by a worker, whose settings lie in files, while it executes others, and a second n8n starts from that, with the files of executions', async () => {
		const file = await give(main, 'content of a file');
		expect(file).toMatch(/^database:/);
		expect(await taken(main, file)).toBe('content of a file');
		const nightly = withCredentials(template('n8n-nightly-instance-backup.json'), { [NODE_TYPE]: credentials });
		await publishNow(main, nightly, 'nightly');
		const rest = keepBusy(main, 3);
		const { body } = await main.webhook('nightly', {});
		expect(await rest()).toBeGreaterThan(0);
		expect(body).toMatchObject({ status: 'success', backups: [{ name: 'n8n', state: 'whole, encrypted' }] });
		expect(worker.output()).toContain(BACKS_UP);
		expect(main.log()).not.toContain(BACKS_UP);
		const manifest = await newest();
		expect(manifest).toMatchObject({
			source: { mode: 'queue', server: main.url, binaryData: { mode: 'database', inFolder: false } },
			warnings: [],
		});

		const target = join(folder(), 'restored');
		const { host, port, user, password } = postgres;
		const name = 'n8n_queue_again';
		await restore(storage, manifest, target, {
			keys: { passphrase: PASSPHRASE },
			database: { connection: { host, port, user, password, database: 'postgres', ssl: false }, name },
		});
		// Of one moment: n8n makes an execution and its data in one transaction. That of the back up was under way then.
		const { rows } = await postgres.query(
			name,
			`SELECT count(*) FILTER (WHERE data."executionId" IS NULL)::int AS torn, count(*) FILTER (WHERE status = 'running')::int AS running
			FROM execution_entity LEFT JOIN execution_data data ON data."executionId" = execution_entity.id`,
		);
		expect(rows).toEqual([{ torn: 0, running: expect.any(Number) }]);
		expect(rows[0]!['running']).toBeGreaterThan(0);
		const database = { host, port, user, password, database: name };
		const second = await startN8n({ userFolder: target, database, restored: true });
		try {
			expect(await knock(second.url, 'open sesame')).toBe(200);
			expect(await knock(second.url, 'something else')).toBe(401);
			expect(await taken(second, file)).toBe('content of a file');
		} finally {
			await second.stop();
		}
	});

	it('is backed up by its main process where a person runs the workflow', async () => {
		const trigger = { name: 'Start', type: 'n8n-nodes-base.manualTrigger', parameters: {} };
		const node = { type: NODE_TYPE, credentials, parameters: { resource: 'instance', operation: 'backUpInstance' } };
		const id = await main.createWorkflow({ name: 'By hand', ...chain(trigger, node, []) });
		const workflowData = await main.rest<WorkflowJson>('GET', `/workflows/${id}`);
		const { executionId } = await main.rest<{ executionId: string }>('POST', `/workflows/${id}/run`, {
			workflowData,
			triggerToStartFrom: { name: 'Start' },
		});
		let execution = await main.execution(executionId);
		for (; ['new', 'running'].includes(execution.status); execution = await main.execution(executionId))
			await sleep(50);
		expect(execution.status).toBe('success');
		expect(main.log()).toContain(BACKS_UP);
		// Of one instance, whoever has made them.
		expect((await newest()).source).toMatchObject({ mode: 'queue', server: main.url });
	});

	it('exports entities that a verification recognises and lists', async () => {
		const folderPath = join(main.connection.filesFolder, 'backups/entities');
		await runN8n(main.connection, 'export:entities', `--outputDir=${folderPath}`);
		const report = await verifyFile({ storage, key: 'entities/entities.zip', level: 'content' });
		expect(report).toMatchObject({ format: 'entities of n8n', findings: [{ severity: 'inconclusive' }] });
		expect(report.levels[1]!.counts['tables']).toBeGreaterThan(20);
	});

	it('backs a database up once at a time, whichever worker is at it, and a part of it meanwhile', async () => {
		const shop = await postgres.createDatabase('shop');
		await postgres.query(shop, 'CREATE TABLE orders (id int); CREATE TABLE users (id int)');
		const data = postgresData(postgres, shop);
		const { backupStorageApi } = credentials;
		const login = {
			postgres: await main.createCredential('shop', 'postgres', data),
			backupStorageApi: backupStorageApi!,
		};
		const publish = async (path: string, selection: object = {}) => {
			const parameters = { httpMethod: 'POST', path, responseMode: 'lastNode' };
			const webhook = { name: 'Webhook', type: 'n8n-nodes-base.webhook', typeVersion: 2, parameters };
			const node = {
				type: `${PACKAGE}.postgresDump`,
				credentials: login,
				parameters: { operation: 'backUp', simplify: false, selection, options: { ifRunning: 'refuse' } },
				settings: { onError: 'continueRegularOutput' },
			};
			await main.activate(await main.createWorkflow({ name: path, ...chain(webhook, node, []) }));
		};
		await publish('whole');
		await publish('users', { tables: ['public.users'] });
		await worker.stop();
		worker = await singleWorker();
		const second = await singleWorker();
		// Nobody reads the table as long as this one does not end, so the first run does not either.
		const holder = new Client({ ...data, ssl: false });
		await holder.connect();
		try {
			await holder.query('BEGIN; LOCK TABLE orders');
			const first = main.webhook('whole', {});
			const place = async () => {
				const keys: string[] = [];
				for await (const { key } of storage.list('.stack-backup/series/')) keys.push(key);
				const key = keys.find((one) => one.includes('/postgres_shop~'));
				return key === undefined ? undefined : await readSmall(storage, key, LIMITS.lock);
			};
			const process = async () => (JSON.parse((await place()) ?? '{}') as { holder?: { pid?: number } }).holder?.pid;
			await expect.poll(process, { timeout: 60_000 }).toBeDefined();
			const holds = await process();
			// It takes no other work meanwhile: what comes is the other worker's.
			expect([worker.pid, second.pid]).toContain(holds);
			const refused = await main.webhook('whole', {});
			expect(refused.body).toMatchObject({
				error: expect.stringContaining(
					'A back up of postgres shop is running already: by the workflow "whole"',
				) as string,
			});
			expect(JSON.stringify(refused.body)).toContain(`process ${holds} on`);
			const part = await main.webhook('users', {});
			expect(part.body).toMatchObject({ partial: true, counts: { tables: 1 } });
			await holder.query('ROLLBACK');
			expect((await first).body).toMatchObject({ partial: false, counts: { tables: 2 } });
		} finally {
			await holder.end();
			await second.stop();
		}
		expect((await main.webhook('whole', {})).body).toMatchObject({ counts: { tables: 2 } });
	});

	async function newest(): Promise<Manifest> {
		const { backups } = await listManifests(storage, '');
		return backups.find(({ manifest: { kind } }) => kind === 'n8n-instance')!.manifest as Manifest;
	}
});
