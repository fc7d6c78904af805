import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { NodeRunner } from '../nodes/node-runner';
import { createShop, postgresData } from '../nodes/postgres-support';
import { PACKAGE } from '../nodes/workflow';
import { type PostgresServer, startPostgres } from '../services/postgres';
import { type QdrantServer, startQdrant } from '../services/qdrant';
import type { S3Server } from '../services/s3/server';
import { startS3rver } from '../services/s3/s3rver';
import { type MailReceiver, startMailReceiver } from '../services/smtp';
import { sharedN8n } from './harness';
import { publishNow, template, withCredentials } from './templates';

const n8n = await sharedN8n();
let postgres: PostgresServer;
let qdrant: QdrantServer;
let objects: S3Server;
let mail: MailReceiver;

beforeAll(async () => {
	[postgres, qdrant, objects, mail] = await Promise.all([
		startPostgres({ version: 18 }),
		startQdrant(),
		startS3rver(),
		startMailReceiver(),
	]);
	await createShop(postgres, 'shop');
});

afterAll(async () => {
	await Promise.all([postgres?.stop(), qdrant?.stop(), objects?.stop(), mail?.stop()]);
});

it('mails what is wrong with the set-up of all systems, with what to do, by its template; and nothing once it was done', async () => {
	const { folder, node } = await NodeRunner.withFolder(n8n, `${PACKAGE}.backupReport`, {});
	mkdirSync(join(folder, 'documents'));
	await objects.createBucket('invoices');
	await postgres.query('postgres', "CREATE ROLE reader LOGIN PASSWORD 'p' IN ROLE pg_read_all_data");
	const { endpoint, region, accessKeyId, secretAccessKey } = objects;
	const { url, apiKey } = n8n.connection;
	const { host, port } = mail;
	const add = (type: string, data: Record<string, unknown>) => n8n.createCredential(`set-up ${type}`, type, data);
	const reader = { ...postgresData(postgres, 'shop'), user: 'reader', password: 'p' };
	const workflow = withCredentials(template('check-setup.json'), {
		'Check PostgreSQL': { postgres: await add('postgres', reader) },
		'Check Qdrant': { qdrantApi: await add('qdrantApi', { qdrantUrl: qdrant.url }) },
		'Check Buckets': {
			s3: await add('s3', { endpoint, region, accessKeyId, secretAccessKey, forcePathStyle: true }),
		},
		'Check Workflows': { n8nApi: await add('n8nApi', { baseUrl: `${url}/api/v1`, apiKey }) },
		'Check Storage': node.credentials,
		'Mail the Findings': { smtp: await add('smtp', { host, port, secure: false, disableStartTls: true }) },
	});
	const nodes = workflow.nodes.map((one) => {
		const parameters = one['parameters'] as object;
		if (one.name === 'Check Files') return { ...one, parameters: { ...parameters, path: join(folder, 'documents') } };
		// Of the storage only what would fail: the machine that runs this may keep temporary folders in memory.
		return one.name === 'Check Storage' ? { ...one, parameters: { ...parameters, checkFor: ['verification'] } } : one;
	});
	const id = await publishNow(n8n, { ...workflow, nodes }, 'check-setup-now');
	const run = async () => {
		await n8n.webhook('check-setup-now', {});
		const [started] = await n8n.executions(id);
		expect((await n8n.execution(started!.id)).status).toBe('success');
	};
	await run();
	expect(mail.mails).toHaveLength(1);
	const { content } = mail.mails[0]!;
	expect(content).toContain('Backup set-up: 1 problems');
	expect(content).toContain('ALTER ROLE reader CREATEDB;');
	// No single statement brings it all: extensions and owners of the databases are for superusers.
	await postgres.query('postgres', 'ALTER ROLE reader SUPERUSER');
	await run();
	expect(mail.mails).toHaveLength(1);
});
