import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { freshFilesFolder } from '../nodes/harness';
import { type Json, NodeRunner } from '../nodes/node-runner';
import { createShop, databaseExists, postgresData, rowsOf, WHOLE_SHOP } from '../nodes/postgres-support';
import { collections, qdrantData } from '../nodes/qdrant-support';
import { PACKAGE } from '../nodes/workflow';
import type { NodeCredentials } from '../services/n8n-client';
import { type PostgresServer, startPostgres } from '../services/postgres';
import { type QdrantServer, startQdrant } from '../services/qdrant';
import { ask, at, contentHash, createPlain } from '../services/qdrant-data';
import { startS3rver } from '../services/s3/s3rver';
import type { S3Server } from '../services/s3/server';
import { type MailReceiver, startMailReceiver } from '../services/smtp';
import { sharedN8n } from './harness';
import { scheduled } from './n8n/stage';
import { publishNow, template, withCredentials, withSettings } from './templates';

const n8n = await sharedN8n();
let postgres: PostgresServer;
let qdrant: QdrantServer;
let s3: S3Server;
let mail: MailReceiver;

beforeAll(async () => {
	mail = await startMailReceiver();
	[postgres, qdrant, s3] = await Promise.all([startPostgres({ version: 18 }), startQdrant(), startS3rver()]);
});

afterAll(async () => {
	await Promise.all([postgres?.stop(), qdrant?.stop(), s3?.stop(), mail?.stop()]);
});

/** All systems with something in them, and what it takes to back them up into one storage. */
async function stage() {
	await createShop(postgres, 'shop');
	await postgres.query('shop', 'CREATE ROLE clerk; ALTER TABLE audit.log OWNER TO clerk');
	await createPlain(qdrant, 'docs', 200);
	const { endpoint, region, accessKeyId, secretAccessKey } = s3;
	await s3.createBucket('documents');
	await s3.client.putObject('documents', 'offer.txt', 'An offer.');
	const { url, apiKey } = n8n.connection;
	const all = {
		postgres: await n8n.createCredential('all', 'postgres', postgresData(postgres, 'postgres')),
		qdrantApi: await n8n.createCredential('all', 'qdrantApi', qdrantData(qdrant)),
		s3: await n8n.createCredential('all', 's3', {
			endpoint,
			region,
			accessKeyId,
			secretAccessKey,
			forcePathStyle: true,
		}),
		n8nApi: await n8n.createCredential('all', 'n8nApi', { baseUrl: `${url}/api/v1`, apiKey }),
	};
	const { node: files } = await NodeRunner.withFolder(n8n, `${PACKAGE}.filesArchive`, {});
	const { backupStorageApi } = files.credentials;
	const root = join(freshFilesFolder(n8n), 'papers');
	mkdirSync(root);
	writeFileSync(join(root, 'readme.txt'), 'Read me.');
	const { id } = await n8n.publicApi<{ id: string }>('POST', '/workflows', scheduled('Disaster test'));
	const credentials: Record<string, NodeCredentials> = Object.fromEntries(
		Object.entries<NodeCredentials>({
			postgresDump: { postgres: all.postgres },
			qdrantSnapshot: { qdrantApi: all.qdrantApi },
			minioMirror: { s3: all.s3 },
			filesArchive: {},
			n8nExport: { n8nApi: all.n8nApi },
			backupReport: {},
		}).map(([type, own]) => [`${PACKAGE}.${type}`, { ...own, backupStorageApi: backupStorageApi! }]),
	);
	const { host, port } = mail;
	const smtp = await n8n.createCredential('mail', 'smtp', { host, port, secure: false, disableStartTls: true });
	credentials['n8n-nodes-base.emailSend'] = { smtp };
	return { root, id, credentials };
}

it('brings everything back in order: a dry run first, then the recovery, and nothing is overwritten', async () => {
	const { root, id, credentials } = await stage();
	const wanted = await contentHash(qdrant, 'docs');
	const nightly = async (path: string) => {
		const settings = { folder: root, mailFrom: 'n8n@example.com', mailTo: 'ana@example.com' };
		const whole = withSettings(template('daily-backup.json'), settings);
		// Other tests have workflows in this n8n as well.
		const { parameters } = whole.nodes.find(({ type }) => type === `${PACKAGE}.n8nExport`)!;
		Object.assign(parameters as object, { selection: { names: 'Disaster test' } });
		const workflow = await publishNow(n8n, withCredentials(whole, credentials), path);
		await n8n.webhook(path, {});
		const [started] = await n8n.executions(workflow);
		return await n8n.execution(started!.id);
	};
	expect(await nightly('nightly-all')).toMatchObject({ status: 'success' });
	const [mailed] = mail.mails;
	for (const name of ['shop', 'docs', 'documents', 'papers', 'workflows']) expect(mailed?.content).toContain(name);

	const recover = async (path: string, settings: Record<string, unknown>) => {
		const whole = withSettings(template('disaster-recovery.json'), { folders: { papers: root }, ...settings });
		const workflow = await publishNow(n8n, withCredentials(whole, credentials), path);
		await n8n.webhook(path, {});
		const [started] = await n8n.executions(workflow);
		const { status, data } = await n8n.execution(started!.id);
		const report = data.resultData.runData['Report']?.at(-1)?.data?.main[0]?.[0]?.json as Json;
		return { status, error: data.resultData.error?.message, report };
	};
	const statesOf = ({ steps }: Json) =>
		(steps as Json[]).map(({ kind, state }) => `${kind as string}: ${state as string}`);

	const whole = await recover('recover-whole', {});
	expect(statesOf(whole.report)).toEqual([
		'postgres-globals: can be restored',
		'postgres: is there already',
		'qdrant: is there already',
		'minio: can be restored',
		'files: can be restored',
		'n8n-workflows: can be restored',
	]);

	// Somebody spoils the database, and it is backed up so.
	const before = new Date().toISOString();
	await postgres.query('shop', 'TRUNCATE public.users CASCADE');
	const node = (type: string) => new NodeRunner(n8n, `${PACKAGE}.${type}`, credentials[`${PACKAGE}.${type}`]!);
	await node('postgresDump').ok('backUp', { databaseMode: 'chosen', databases: ['shop'] });

	await postgres.query('postgres', 'DROP DATABASE shop');
	await postgres.query('postgres', 'DROP ROLE clerk');
	await ask(qdrant, 'DELETE', at('docs'));
	await s3.client.removeObject('documents', 'offer.txt');
	await s3.client.removeBucket('documents');
	rmSync(root, { recursive: true });
	await n8n.publicApi('DELETE', `/workflows/${id}`);

	const [docs] = await node('qdrantSnapshot').ok('listBackups');
	const backups = { 'qdrant docs': docs!['id'] as string, 'qdrant dogs': 'x' };
	const dry = await recover('recover-dry', { backups });
	expect(statesOf(dry.report)).toEqual([
		'postgres-globals: can be restored',
		'postgres: cannot be restored',
		'qdrant: can be restored',
		'minio: can be restored',
		'files: can be restored',
		'n8n-workflows: can be restored',
	]);
	expect(dry.error).toMatch(/lacks the role clerk/);
	expect(dry.error).toMatch(/qdrant dogs: failed\. backups in Settings names it/);
	expect(dry.report['failed']).toBe(2);
	expect(await databaseExists(postgres, 'shop')).toBe(false);
	expect(await collections(qdrant)).toEqual([]);

	const { status, report } = await recover('recover-now', { dryRun: false, before });
	expect(status).toBe('success');
	expect(report).toMatchObject({ dryRun: false, restored: 6, failed: 0, there: 0, notRestored: ['postgres postgres'] });
	expect(report['rtoSeconds']).toBeGreaterThan(0);
	expect(report['text']).toContain(`as it was before ${before}`);
	for (const { backupFrom } of report['steps'] as Json[]) expect((backupFrom as string) < before).toBe(true);
	expect(report['steps']).toMatchObject([
		{ kind: 'postgres-globals', state: 'restored' },
		{ kind: 'postgres', name: 'shop', checked: '1502 rows' },
		{ kind: 'qdrant', name: 'docs', checked: '200 points' },
		{ kind: 'minio', name: 'documents', checked: '1 of them there' },
		{ kind: 'files', name: 'papers', checked: '1 of them there' },
		{ kind: 'n8n-workflows', name: 'workflows', checked: '1 workflows' },
	]);
	expect(await rowsOf(postgres, 'shop')).toEqual(WHOLE_SHOP);
	const { rows } = await postgres.query('shop', `SELECT tableowner FROM pg_tables WHERE tablename = 'log'`);
	expect(rows).toEqual([{ tableowner: 'clerk' }]);
	expect(await contentHash(qdrant, 'docs')).toBe(wanted);
	expect(readdirSync(root).map((name) => readFileSync(join(root, name), 'utf8'))).toEqual(['Read me.']);
	const { data } = await n8n.publicApi<{ data: Json[] }>('GET', '/workflows?name=Disaster%20test');
	expect(data).toHaveLength(1);
});
