import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { startInterceptor, type Interceptor } from '../integration/qdrant/interceptor';
import { freshFilesFolder } from '../nodes/harness';
import { type Json, NodeRunner } from '../nodes/node-runner';
import { createShop, dumpNode, NODE_TYPE as POSTGRES, rowsOf, WHOLE_SHOP } from '../nodes/postgres-support';
import { aliases, losePoints, NODE_TYPE as QDRANT, pointAlias } from '../nodes/qdrant-support';
import { PACKAGE } from '../nodes/workflow';
import type { NodeCredentials } from '../services/n8n-client';
import { type PostgresServer, startPostgres } from '../services/postgres';
import { type QdrantServer, startQdrant } from '../services/qdrant';
import { contentHash, countPoints, createPlain } from '../services/qdrant-data';
import { startS3rver } from '../services/s3/s3rver';
import type { S3Server } from '../services/s3/server';
import { type MailReceiver, startMailReceiver } from '../services/smtp';
import { sharedN8n } from './harness';
import { scheduled } from './n8n/stage';
import { publishGuarded, template, withSettings } from './templates';

const n8n = await sharedN8n();
const SECRET = { name: 'x-secret', value: 'open sesame' };
const REPORT = `${PACKAGE}.backupReport`;
let postgres: PostgresServer;
let qdrant: QdrantServer;
let between: Interceptor;
let s3: S3Server;
let mail: MailReceiver;

beforeAll(async () => {
	[postgres, qdrant, s3] = await Promise.all([startPostgres({ version: 18 }), startQdrant(), startS3rver()]);
	between = await startInterceptor(qdrant.url);
	mail = await startMailReceiver();
});

afterAll(async () => {
	await between?.stop();
	await Promise.all([postgres?.stop(), qdrant?.stop(), s3?.stop(), mail?.stop()]);
});

/** A template that is published with the credentials of a node that has made backups, and how to call it. */
async function published(file: string, type: string, node: NodeRunner, settings: Record<string, unknown>, suffix = '') {
	const { backupStorageApi } = node.credentials;
	const credentials: Record<string, NodeCredentials> = {
		[type]: node.credentials,
		[REPORT]: { backupStorageApi: backupStorageApi! },
	};
	const workflow = withSettings(template(file), settings);
	for (const { type: one, parameters } of workflow.nodes) {
		const fields = parameters as { path: string };
		if (one === 'n8n-nodes-base.webhook') fields.path = fields.path.replace(/^restore-[a-z0-9]+/, `$&${suffix}`);
	}
	await publishGuarded(n8n, workflow, credentials, SECRET);
	const path = workflow.nodes.find(({ name }) => name === 'Webhook')!['parameters'] as { path: string };
	const headers = { 'x-secret': SECRET.value };
	const call = async (body: Json, more: object = headers) =>
		await n8n.webhook(path.path, body, { headers: { ...more, 'x-requested-by': 'Ben, by header' } });
	const progress = async (id: string) =>
		(await n8n.webhook(`${path.path}-progress?id=${id}`, undefined, { method: 'GET', headers })) as {
			status: number;
			body: Json;
		};
	/** Restores, and waits for the end as a caller does. */
	const done = async (body: Json): Promise<Json> => {
		const accepted = (await call({ ...body, dryRun: false })) as { status: number; body: Json };
		expect(accepted).toMatchObject({ status: 202, body: { state: 'accepted', plan: expect.anything() as object } });
		const id = String(accepted.body['id']);
		expect(accepted.body['progress']).toBe(`${n8n.url}/webhook/${path.path}-progress?id=${id}`);
		let told: Json = {};
		await expect.poll(async () => (told = (await progress(id)).body)['state'] as string).not.toMatch(/running|unknown/);
		return told;
	};
	const runs = new NodeRunner(n8n, REPORT, { backupStorageApi: backupStorageApi! });
	const journal = async () => await runs.ok('listRuns', { options: { restoresOnly: true } });
	return { call, done, progress, journal };
}

it('restores PostgreSQL: the plan, what is refused, and the curl commands of the documentation', async () => {
	await createShop(postgres, 'shop');
	const { node } = await dumpNode(n8n, postgres, 'shop');
	await postgres.query('shop', "INSERT INTO audit.log VALUES ('third')");
	const [old] = await node.ok('backUp');
	await postgres.query('shop', "DELETE FROM audit.log WHERE entry = 'third'");
	const [made] = await node.ok('backUp');
	await postgres.query('shop', 'TRUNCATE users CASCADE');
	const { call, done, progress, journal } = await published('postgres-restore-webhook.json', POSTGRES, node, {
		databases: { shop: 'shop', empty: 'nothing' },
		keptCopies: 1,
	});
	expect((await call({ database: 'shop' }, {})).status).toBe(403);
	expect(await call({ database: 'shop' })).toMatchObject({
		status: 200,
		body: {
			dryRun: true,
			plan: {
				ready: true,
				into: 'database shop',
				backup: { id: made!['id'] },
				target: { tables: 3 },
				choices: [{ id: made!['id'] }, { id: old!['id'] }],
			},
		},
	});
	const notListed = { status: 403, body: { error: expect.stringMatching(/may not restore that database/) as string } };
	for (const database of ['postgres', ['shop'], undefined]) {
		expect(await call({ database, dryRun: false, confirm: 'postgres', backup: 'shop' })).toMatchObject(notListed);
	}
	expect(await call({ database: 'payroll', requestedBy: 'Ana' })).toMatchObject(notListed);
	const notAllowed = { state: 'refused', action: 'restore', kind: 'postgres', code: 'ACCESS_DENIED' };
	expect(await journal()).toMatchObject([
		{ ...notAllowed, name: 'payroll', requestedBy: 'Ana' },
		notAllowed,
		{ ...notAllowed, name: '["shop"]', requestedBy: 'Ben, by header' },
		{ ...notAllowed, name: 'postgres' },
	]);
	const run = { database: 'shop', dryRun: false };
	expect(await call({ ...run, requestedBy: 'Ana' })).toMatchObject({ status: 409, body: { code: 'NOT_CONFIRMED' } });
	expect(await call({ ...run, confirm: 'Shop' })).toMatchObject({
		status: 409,
		body: { error: expect.stringMatching(/not confirmed/) as string },
	});
	expect(await call({ ...run, database: 'empty', confirm: 'empty' })).toMatchObject({
		status: 404,
		body: { code: 'STORAGE_MISSING' },
	});
	expect(await call({ ...run, confirm: 'shop', backup: 'nothing' })).toMatchObject({
		status: 404,
		body: { error: expect.stringMatching(/no backup of shop with the id nothing/) as string },
	});
	const sooner = { before: '2026-01-31T14:05:00Z' };
	expect(await call({ ...run, confirm: 'shop', ...sooner })).toMatchObject({ status: 404 });
	expect(await call({ database: 'shop', backup: old!['id'], ...sooner })).toMatchObject({
		status: 422,
		body: { code: 'INVALID_INPUT' },
	});
	expect((await journal()).slice(0, 5)).toMatchObject([
		{ state: 'refused', code: 'STORAGE_MISSING' },
		{ state: 'refused', code: 'STORAGE_MISSING' },
		{
			state: 'refused',
			code: 'STORAGE_MISSING',
			requestedBy: 'Ben, by header',
			to: expect.stringContaining('database empty') as string,
		},
		{ state: 'refused', code: 'NOT_CONFIRMED' },
		{ state: 'refused', code: 'NOT_CONFIRMED', requestedBy: 'Ana' },
	]);
	expect(await progress('4711000')).toMatchObject({ status: 404, body: { state: 'unknown' } });
	expect(await rowsOf(postgres, 'shop')).toMatchObject({ users: 0 });

	const folder = freshFilesFolder(n8n);
	const told = JSON.parse(await documented(folder)) as Json;
	expect(told).toMatchObject({
		state: 'succeeded',
		result: expect.stringMatching(/^3 tables, 1502 rows; what was there before is now shop_before_\d/) as string,
		requestedBy: 'Ana, ticket 4711',
		backupId: made!['id'],
	});
	const written = (file: string) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Json;
	expect(written('plan.json')).toMatchObject({ plan: { ready: true } });
	expect(written('chosen.json')).toMatchObject({ plan: { backup: { id: old!['id'] } } });
	expect(await rowsOf(postgres, 'shop')).toEqual(WHOLE_SHOP);

	expect(await call({ ...run, confirm: 'shop' })).toMatchObject({
		status: 422,
		body: { code: 'TARGET_EXISTS', error: expect.stringMatching(/kept 1 copies of "shop"/) as string },
	});
	await postgres.query('postgres', `DROP DATABASE "${/shop_before_\d+_\d+/.exec(String(told['result']))![0]}"`);
	const chosen = { database: 'shop', confirm: 'shop', backup: old!['id'] };
	const earlier = await done(chosen);
	expect(earlier).toMatchObject({ state: 'succeeded', backupId: old!['id'] });
	expect(await rowsOf(postgres, 'shop')).toEqual({ ...WHOLE_SHOP, log: 3 });
	const [{ endedAt }] = (await node.ok('listBackups', { databaseFilter: 'shop' })) as [{ endedAt: string }];
	await postgres.query('postgres', `DROP DATABASE "${/shop_before_\d+_\d+/.exec(String(earlier['result']))![0]}"`);
	expect(await done({ database: 'shop', confirm: 'shop', before: endedAt })).toMatchObject({
		state: 'succeeded',
		backupId: made!['id'],
	});
});

/** Runs the commands of the page, without its pauses; answers what they print at the end. */
async function documented(folder: string): Promise<string> {
	const page = readFileSync(join(__dirname, '..', '..', 'docs', 'recovery.md'), 'utf8');
	const [, commands = ''] = /```bash\n([\s\S]*?restore-postgres[\s\S]*?)```/.exec(page) ?? [];
	const script = commands.replace('sleep 5', 'sleep 0.1').replace('jq . progress.json', 'cat progress.json >&2');
	const env = { ...process.env, N8N_URL: n8n.url, SECRET: SECRET.value };
	const { stderr } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], { cwd: folder, env });
	return stderr;
}

it('restores PostgreSQL once a person has approved it, who sees the plan in a mail', async () => {
	await createShop(postgres, 'asked');
	const { node } = await dumpNode(n8n, postgres, 'asked');
	await node.ok('backUp');
	await postgres.query('asked', 'TRUNCATE users CASCADE');
	const { host, port } = mail;
	const smtp = await n8n.createCredential('mail', 'smtp', { host, port, secure: false, disableStartTls: true });
	const settings = { databases: { asked: 'asked' }, approver: 'ben@example.com', mailFrom: 'n8n@example.com' };
	const workflow = withSettings(template('postgres-restore-approval.json'), settings);
	const { backupStorageApi } = node.credentials;
	const credentials = {
		[POSTGRES]: node.credentials,
		[REPORT]: { backupStorageApi: backupStorageApi! },
		'n8n-nodes-base.emailSend': { smtp },
	};
	await publishGuarded(n8n, workflow, credentials, SECRET);
	const request = async (body: Json) =>
		await n8n.webhook('request-restore', body, { headers: { 'x-secret': SECRET.value } });
	const button = async (approved: boolean) => {
		const before = mail.mails.length;
		expect(await request({ database: 'asked', requestedBy: 'Ana' })).toMatchObject({
			status: 202,
			body: { state: 'waiting for approval', plan: { ready: true, into: 'database asked' } },
		});
		await expect.poll(() => mail.mails.length).toBe(before + 1);
		const { content } = mail.mails.at(-1)!;
		expect(content).toMatch(/Ana asks to restore the database asked/);
		const links = [...content.matchAll(/href="([^"]*webhook-waiting[^"]*)"/g)].map(([, link = '']) => link);
		const link = links.map((one) => one.replaceAll('&amp;', '&')).find((one) => one.includes(`approved=${approved}`))!;
		const { pathname, search } = new URL(link);
		const headers = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0' };
		// The execution waits only once it is stored.
		await expect.poll(async () => (await fetch(`${n8n.url}${pathname}${search}`, { headers })).status).toBe(200);
		await expect.poll(() => mail.mails.length).toBe(before + 2);
		return mail.mails.at(-1)!.content;
	};
	expect(await request({ database: 'shop' })).toMatchObject({ status: 403 });
	expect(await button(false)).toMatch(/Not restored: the database asked[\s\S]*declined/);
	expect(await rowsOf(postgres, 'asked')).toMatchObject({ users: 0 });
	const runs = new NodeRunner(n8n, REPORT, { backupStorageApi: backupStorageApi! });
	expect(await runs.ok('listRuns', { options: { restoresOnly: true } })).toMatchObject([
		{ state: 'refused', code: 'NOT_CONFIRMED', name: 'asked', requestedBy: 'Ana' },
		{ state: 'refused', code: 'ACCESS_DENIED', name: 'shop' },
	]);
	expect(await button(true)).toMatch(/Restored: the database asked[\s\S]*1502 rows/);
	expect(await rowsOf(postgres, 'asked')).toEqual(WHOLE_SHOP);
});

it('restores Qdrant, and tells that it runs for as long as it does', async () => {
	await createPlain(qdrant, 'docs', 300);
	await pointAlias(qdrant, 'live', 'docs');
	const wanted = await contentHash(qdrant, 'docs');
	const qdrantApi = await n8n.createCredential('vectors', 'qdrantApi', { qdrantUrl: between.url, apiKey: '' });
	const { node } = await NodeRunner.withFolder(n8n, QDRANT, { qdrantApi });
	await node.ok('backUp');
	await losePoints(qdrant, 'docs', 0, 100);
	const { call, done, progress, journal } = await published('qdrant-restore-webhook.json', QDRANT, node, {
		collections: { docs: 'docs', live: 'docs' },
		keptCopies: 2,
	});
	expect(await call({ collection: 'live' })).toMatchObject({
		status: 200,
		body: { plan: { ready: true, replaces: '200 points of docs, which the alias leads to' } },
	});
	expect(await call({ collection: 'docs', dryRun: false, confirm: 'live' })).toMatchObject({ status: 409 });
	expect(await call({ collection: 'others', confirm: 'others', dryRun: false })).toMatchObject({ status: 403 });
	expect(await journal()).toMatchObject([
		{ state: 'refused', code: 'ACCESS_DENIED', kind: 'qdrant', name: 'others' },
		{ state: 'refused', code: 'NOT_CONFIRMED' },
	]);

	let release = () => {};
	const held = new Promise<void>((resolve) => (release = resolve));
	between.treat = (line) => (/^POST .*\/snapshots\/upload/.test(line) ? { before: () => held } : undefined);
	const accepted = (await call({ collection: 'docs', dryRun: false, confirm: 'docs' })) as {
		status: number;
		body: Json;
	};
	expect(accepted.status).toBe(202);
	const id = String(accepted.body['id']);
	await expect.poll(() => between.requests.some((line) => /^POST .*\/snapshots\/upload/.test(line))).toBe(true);
	expect(await progress(id)).toMatchObject({
		status: 200,
		body: { id, state: 'running', action: 'restore', bytes: expect.any(Number) as number },
	});
	expect(await countPoints(qdrant, 'docs')).toBe(200);
	release();
	await expect.poll(async () => (await progress(id)).body['state'] as string).toBe('succeeded');
	expect((await progress(id)).body).toMatchObject({
		result: expect.stringMatching(/^300 points; what was there before is now docs_before_/) as string,
		kind: 'qdrant',
		name: 'docs',
	});
	expect(await contentHash(qdrant, 'docs')).toBe(wanted);
	between.treat = () => undefined;

	await losePoints(qdrant, 'docs', 0, 50);
	expect(await done({ collection: 'live', confirm: 'live' })).toMatchObject({ state: 'succeeded' });
	expect(await contentHash(qdrant, 'live')).toBe(wanted);
	expect(Object.keys(await aliases(qdrant))).toContain('live');
});

it('restores a bucket, and folders, of which a damaged backup is refused', async () => {
	const { endpoint, region, accessKeyId, secretAccessKey } = s3;
	const data = { endpoint, region, accessKeyId, secretAccessKey, forcePathStyle: true };
	const credential = await n8n.createCredential('objects', 's3', data);
	const objects = await NodeRunner.withFolder(n8n, `${PACKAGE}.minioMirror`, { s3: credential });
	await s3.createBucket('documents');
	await s3.client.putObject('documents', 'a.txt', 'One.');
	await s3.client.putObject('documents', 'b.txt', 'Two.');
	await objects.node.ok('backUp', { bucketMode: 'chosen', buckets: ['documents'] });
	await s3.client.removeObject('documents', 'a.txt');
	await s3.client.putObject('documents', 'b.txt', 'Spoilt.');
	const ofBucket = await published('minio-restore-webhook.json', `${PACKAGE}.minioMirror`, objects.node, {});
	expect(await ofBucket.call({ bucket: 'documents' })).toMatchObject({
		status: 200,
		body: { plan: { ready: true, target: { objects: 1 }, restores: { objects: 2 } } },
	});
	expect(await ofBucket.call({ bucket: 'documents', dryRun: false })).toMatchObject({ status: 409 });
	expect(await ofBucket.done({ bucket: 'documents', confirm: 'documents' })).toMatchObject({
		state: 'succeeded',
		result: '2 objects written, 0 were the same',
	});
	expect(await objectText('a.txt')).toBe('One.');
	expect(await objectText('b.txt')).toBe('Two.');
	expect((await ofBucket.call({ bucket: 'others' })).status).toBe(403);
	expect(await ofBucket.journal()).toMatchObject([
		{ state: 'refused', code: 'ACCESS_DENIED', kind: 'minio', name: 'others' },
		{ state: 'succeeded' },
		{ state: 'refused', code: 'NOT_CONFIRMED' },
	]);

	const { node, folder } = await NodeRunner.withFolder(n8n, `${PACKAGE}.filesArchive`, {});
	const documents = join(freshFilesFolder(n8n), 'documents');
	mkdirSync(documents);
	writeFileSync(join(documents, 'a.txt'), 'One.');
	const backupEncryptionApi = await n8n.createCredential('keys', 'backupEncryptionApi', {
		passphrase: 'correct horse',
	});
	const [made] = await node.with({ backupEncryptionApi }).ok('backUp', { path: documents, encrypt: true });
	rmSync(join(documents, 'a.txt'));
	const settings = { folders: { documents } };
	const file = 'files-restore-webhook.json';
	const locked = await published(file, `${PACKAGE}.filesArchive`, node, settings, '-locked');
	const run = { folder: 'documents', confirm: 'documents', dryRun: false };
	expect(await locked.call(run)).toMatchObject({ status: 422, body: { code: 'KEY_MISSING' } });
	const archive = join(folder, String(made!['key']));
	const bytes = readFileSync(archive);
	const open = await published(file, `${PACKAGE}.filesArchive`, node.with({ backupEncryptionApi }), settings);
	writeFileSync(archive, bytes.with(bytes.length - 30, bytes.at(-30)! ^ 1));
	expect(await open.call(run)).toMatchObject({ status: 422, body: { code: 'ARCHIVE_CORRUPT' } });
	writeFileSync(archive, bytes);
	expect(await open.call({ ...run, confirm: documents })).toMatchObject({ status: 409 });
	expect(await open.done(run)).toMatchObject({ state: 'succeeded', result: '1 entries written, 0 were the same' });
	expect(readFileSync(join(documents, 'a.txt'), 'utf8')).toBe('One.');
	expect((await open.call({ folder: 'others' })).status).toBe(403);
	expect((await open.journal()).map(({ code = 'none' }) => code as string)).toEqual([
		'ACCESS_DENIED',
		'none',
		'NOT_CONFIRMED',
		'ARCHIVE_CORRUPT',
		'KEY_MISSING',
	]);
});

async function objectText(key: string): Promise<string> {
	const pieces: Buffer[] = [];
	for await (const piece of await s3.client.getObject('documents', key)) pieces.push(piece as Buffer);
	return Buffer.concat(pieces).toString();
}

it('restores workflows of n8n, once its host was confirmed', async () => {
	const { url, apiKey } = n8n.connection;
	const { host } = new URL(url);
	const n8nApi = await n8n.createCredential('this n8n', 'n8nApi', { baseUrl: `${url}/api/v1`, apiKey });
	const { node } = await NodeRunner.withFolder(n8n, `${PACKAGE}.n8nExport`, { n8nApi });
	const { id } = await n8n.publicApi<{ id: string }>('POST', '/workflows', scheduled('Webhook test'));
	const [exported] = await node.ok('exportWorkflows', {
		form: 'list',
		backupName: 'workflows',
		selection: { names: 'Webhook test' },
	});
	await n8n.publicApi('PUT', `/workflows/${id}`, scheduled('Webhook test', 'https://spoilt.example.com'));
	const settings = { instances: { [host]: 'workflows' } };
	const { call, done, journal } = await published('n8n-restore-webhook.json', `${PACKAGE}.n8nExport`, node, settings);
	expect(await call({ instance: host })).toMatchObject({
		status: 200,
		body: {
			plan: {
				workflows: [{ workflow: 'Webhook test', action: 'update' }],
				backup: { partial: true },
				choices: [{ id: exported!['id'] }],
			},
		},
	});
	expect(await call({ instance: host, dryRun: false, confirm: 'n8n' })).toMatchObject({
		status: 409,
		body: { code: 'NOT_CONFIRMED' },
	});
	expect((await call({ instance: 'n8n.example.com' })).status).toBe(403);
	expect(await journal()).toMatchObject([
		{ state: 'refused', action: 'import', kind: 'n8n-workflows', code: 'ACCESS_DENIED', name: 'n8n.example.com' },
		{ state: 'refused', action: 'import', code: 'NOT_CONFIRMED' },
	]);
	expect(await done({ instance: host, confirm: host })).toMatchObject({
		state: 'succeeded',
		result: expect.stringMatching(/^1 updated; what was overwritten is in workflows-before-import_/) as string,
	});
	const restored = await n8n.publicApi('GET', `/workflows/${id}`);
	expect(JSON.stringify(restored)).not.toContain('spoilt');
});
