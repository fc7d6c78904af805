import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { parseManifest } from '../../engine';
import { type PostgresServer, startPostgres } from '../services/postgres';
import type { S3Server } from '../services/s3/server';
import { startS3rver } from '../services/s3/s3rver';
import { inProcessN8n } from './harness';
import { type Json, type NodeRunner, storedIn } from './node-runner';
import { createShop, dumpNode, NODE_TYPE, postgresData } from './postgres-support';

const n8n = await inProcessN8n();
let server: PostgresServer;
let s3: S3Server;
let shop: string;
let node: NodeRunner;
let folder: string;

beforeAll(async () => {
	[server, s3] = await Promise.all([startPostgres({ version: 18 }), startS3rver()]);
	shop = await createShop(server, 'shop');
	({ folder, node } = await dumpNode(n8n, server, shop));
});

afterAll(async () => {
	await Promise.all([server?.stop(), s3?.stop()]);
});

it('backs a database up into a folder and tells what it made', async () => {
	const [item] = await node.ok('backUp');
	expect(item).toMatchObject({
		kind: 'postgres',
		database: 'shop',
		file: expect.stringMatching(/^shop_\d{8}_\d{6}\.sql\.zst$/),
		key: expect.stringMatching(/^postgres\/shop_/),
		codec: 'zstd',
		encrypted: false,
		serverVersion: expect.stringMatching(/^18/),
		warnings: [],
		counts: { tables: 3, rows: 1502 },
	});
	expect(item!.tables).toContainEqual(expect.objectContaining({ schema: 'public', name: 'users', rows: 1000 }));
	expect(item!.ratio).toBeCloseTo(item!.rawBytes / item!.storedBytes, 1);
	const archive = readFileSync(join(folder, item!.key));
	expect(archive.length).toBe(item!.storedBytes);
	expect(JSON.parse(readFileSync(join(folder, `${item!.key}.manifest.json`), 'utf8'))).toMatchObject({
		id: item!.id,
		sha256: item!.sha256,
		runId: item!.runId,
	});
	expect(readlinkSync(join(folder, 'postgres/shop_latest'))).toBe(item!.file);
});

it('backs all databases up, and the roles and globals with them', async () => {
	await createShop(server, 'crm');
	const items = await node.ok('backUp', { databaseMode: 'all', globals: true, options: { tags: 'nightly, all' } });
	expect(items.map(({ kind, database }) => [kind, database])).toEqual([
		['postgres-globals', null],
		['postgres', 'crm'],
		['postgres', 'postgres'],
		['postgres', 'shop'],
	]);
	expect(new Set(items.map(({ runId }) => runId)).size).toBe(1);
	expect(items[1]!.tags).toEqual(['nightly', 'all']);
});

it('keeps to the schemas, tables and patterns that are chosen', async () => {
	const tables = async (selection: object, more: object = {}) => {
		const [item] = await node.ok('backUp', { selection, ...more });
		return item!.tables.map(({ schema, name, rows }: Json) => `${schema}.${name}:${rows}`).sort();
	};
	expect(await tables({ schemas: ['audit'] })).toEqual(['audit.log:2']);
	expect(await tables({ tables: ['public."Order Lines"'], tablePatterns: 'us?rs' })).toEqual([
		'public.Order Lines:500',
		'public.users:1000',
	]);
	expect(await tables({ excludeSchemaPatterns: 'aud*', excludeTableData: ['public.users'] })).toEqual([
		'public.Order Lines:500',
	]);
	expect(await tables({}, { content: 'schema' })).toEqual([]);
});

it('backs some tables up while another process backs all of the database up, which keeps a second one of all away', async () => {
	const series = { kind: 'postgres', name: 'shop', origin: `${server.host}:${server.port}`, isWhole: true };
	const script = join(__dirname, '../integration/archive/run/endless-run.ts');
	const other = spawn(process.execPath, [...process.execArgv, script, folder, JSON.stringify(series)]);
	onTestFinished(() => void other.kill('SIGKILL'));
	await once(other.stdout, 'data');
	const options = { ifRunning: 'refuse' };
	expect(await node.fails('backUp', { options })).toMatch(
		/A back up of postgres shop is running already: by the workflow "Killed"/,
	);
	expect(await node.ok('backUp', { options, selection: { tables: ['public.users'] } })).toMatchObject([
		{ partial: true, counts: { tables: 1, rows: 1000 } },
	]);
});

it('writes the script that the options ask for', async () => {
	const [item] = await node.ok('backUp', {
		compression: 'gzip',
		options: {
			clean: 'dropIfExists',
			owner: false,
			privileges: false,
			compressionLevel: 9,
			extraArguments: '--no-comments',
			timeZone: 'Asia/Tokyo',
			folder: '/postgres/tokyo/',
		},
	});
	expect(item!.key).toMatch(/^postgres\/tokyo\/shop_\d{8}_\d{6}\.sql\.gz$/);
	const script = execFileSync('gunzip', ['-c', join(folder, item!.key)]).toString();
	expect(script).toContain('DROP TABLE IF EXISTS public.users;');
	expect(script).not.toContain('OWNER TO');
	expect(await node.fails('backUp', { options: { extraArguments: '--file=/tmp/x' } })).toMatch(/--file.*not allowed/);
});

it('backs up into an S3 bucket', async () => {
	const bucket = await s3.createBucket('backups');
	const { endpoint, accessKeyId, secretAccessKey } = s3;
	const data = { type: 's3', endpoint, accessKeyId, secretAccessKey, bucket, prefix: 'n8n' };
	const credential = await n8n.createCredential('bucket', 'backupStorageApi', data);
	const inBucket = node.with({ backupStorageApi: credential });
	const [item] = await inBucket.ok('backUp');
	const { size } = await s3.client.statObject(bucket, `n8n/${item!.key}`);
	expect(size).toBe(item!.storedBytes);
	expect((await inBucket.ok('listBackups')).map(({ id, archiveState }) => ({ id, archiveState }))).toEqual([
		{ id: item!.id, archiveState: 'complete' },
	]);
});

it('puts the archive out as binary data, whose manifest is in the item', async () => {
	const run = await node
		.with({ backupStorageApi: undefined })
		.run('backUp', { destination: 'binaryData', outputBinaryField: 'dump' });
	expect(run.error).toBeUndefined();
	const [item] = run.items;
	const { id, fileName, bytes } = item!.binary!['dump'] as { id: string; fileName: string; bytes: number };
	expect(fileName).toBe(item!.json['file']);
	expect(bytes).toBe(item!.json['storedBytes']);
	const manifest = parseManifest(item!.json['manifest'] as string, 'of the item');
	expect(manifest).toMatchObject({ id: item!.json['id'], parts: expect.any(Array) });
	expect(id).toMatch(/^filesystem/);
});

it('encrypts where it is told to, and says so where no credential is selected', async () => {
	expect(await node.fails('backUp', { encrypt: true })).toMatch(/no Backup Encryption credential/);
	const passphrase = 'correct horse battery staple';
	const backupEncryptionApi = await n8n.createCredential('key', 'backupEncryptionApi', { passphrase });
	const [item] = await node.with({ backupEncryptionApi }).ok('backUp', { encrypt: true });
	expect(item).toMatchObject({ encrypted: true, file: expect.stringMatching(/\.sql\.zst\.gpg$/) });
	const archive = readFileSync(join(folder, item!.key));
	expect(() => zstdDecompressSync(archive)).toThrow();
});

it('does not lose the other databases when one fails', async () => {
	const parameters = { databaseMode: 'chosen', databases: ['missing', 'shop'] };
	const failed = await node.run('backUp', parameters);
	expect(failed.error?.message).toBe('1 of 2 backups failed: missing.');
	expect(failed.error?.description).toMatch(/database "missing" does not exist[\s\S]*others are in the storage/);
	const [newest] = await node.ok('listBackups', { databaseFilter: 'shop' });
	expect(newest!.runId).toBe(`n8n-${failed.execution.id}`);

	const continued = await node.run('backUp', parameters, { onError: 'continueRegularOutput' });
	expect(continued.status).toBe('success');
	expect(continued.items.map(({ json }) => json)).toEqual([
		expect.objectContaining({ database: 'shop' }),
		{
			error: expect.stringMatching(/database "missing" does not exist/),
			details: {
				code: 'INVALID_INPUT',
				hint: expect.stringMatching(/spelling of the database name/),
				database: 'missing',
			},
		},
	]);
});

it('goes on with an error item where the node is told to', async () => {
	const nowhere = await n8n.createCredential('nowhere', 'postgres', { ...postgresData(server, shop), port: 1 });
	const run = await node.with({ postgres: nowhere }).run('backUp', {}, { onError: 'continueRegularOutput' });
	expect(run.status).toBe('success');
	expect(run.items[0]!.json).toMatchObject({
		error: expect.stringMatching(/ECONNREFUSED/),
		details: { code: 'SOURCE_UNREACHABLE', hint: expect.stringMatching(/Check host, port/) },
	});
});

it('sends what failed to the error output where the node has one', async () => {
	const run = await node.run(
		'backUp',
		{ databaseMode: 'chosen', databases: ['missing', 'shop'] },
		{ onError: 'continueErrorOutput' },
	);
	const outputs = run.execution.data.resultData.runData['Node']!.at(-1)!.data!.main;
	expect(
		outputs.map((items) => items!.map(({ json }) => json['database'] ?? (json['details'] as Json).database)),
	).toEqual([['shop'], ['missing']]);
	expect(outputs.flat().map((item) => item!.pairedItem)).toEqual([{ item: 0 }, { item: 0 }]);
});

it('tells a wrong password by the message of the server', async () => {
	const data = { ...postgresData(server, shop), password: 'guessed' };
	const wrong = await n8n.createCredential('wrong', 'postgres', data);
	expect(await node.with({ postgres: wrong }).fails('backUp')).toMatch(
		/password authentication failed.*Check the user/s,
	);
});

it('says once what is wrong with the server, however many databases are to be backed up', async () => {
	const { folder: empty, node: own } = await dumpNode(n8n, server, shop);
	const data = { ...postgresData(server, shop), password: 'guessed' };
	const wrong = own.with({ postgres: await n8n.createCredential('wrong', 'postgres', data) });
	const many = { databaseMode: 'chosen', databases: ['shop', 'crm', 'postgres'], globals: true };
	const run = await wrong.run('backUp', many, { onError: 'continueRegularOutput' });
	expect(run.items.map(({ json }) => json)).toEqual([
		{
			error: expect.stringMatching(/password authentication failed/),
			details: { code: 'ACCESS_DENIED', hint: expect.stringMatching(/Check the user/) },
		},
	]);
	expect(storedIn(empty)).toEqual([]);
});

it('names the setting that keeps it out of a folder', async () => {
	const inFolder = async (folderPath: string) => {
		const data = { type: 'folder', folderPath };
		return node.with({ backupStorageApi: await n8n.createCredential('other', 'backupStorageApi', data) });
	};
	expect(await (await inFolder('/var/backups/x')).fails('backUp')).toMatch(/N8N_RESTRICT_FILE_ACCESS_TO/);
	expect(await (await inFolder(`${folder}/../../..`)).fails('backUp')).toMatch(/N8N_RESTRICT_FILE_ACCESS_TO/);
	expect(await (await inFolder('~/backups')).fails('backUp')).toMatch(/not an absolute path/);
	expect(await (await inFolder('backups')).fails('backUp')).toMatch(/not an absolute path/);
	expect(await (await inFolder(join(folder, 'not/there/yet'))).ok('backUp')).toHaveLength(1);
});

it('runs once for every incoming item', async () => {
	const workflow = await n8n.workflow({
		type: NODE_TYPE,
		parameters: { operation: 'backUp', databaseMode: 'chosen', databases: '={{ [$json.body.database] }}' },
		credentials: node.credentials,
	});
	const run = await workflow.run({ database: 'crm' });
	expect(run.items.map(({ json }) => json['name'])).toEqual(['crm']);
});

it('keeps what it lists apart by database, newest first', async () => {
	const { node: own } = await dumpNode(n8n, server, shop);
	await own.ok('backUp');
	const [second] = await own.ok('backUp', { databaseMode: 'chosen', databases: ['crm'] });
	const all = await own.ok('listBackups');
	expect(all.map(({ database }) => database)).toEqual(['crm', 'shop']);
	expect(all[0]).toMatchObject({ id: second!.id, archiveState: 'complete', verified: 'never', verification: null });
	expect(await own.ok('listBackups', { limit: 1 })).toHaveLength(1);
	expect((await own.ok('listBackups', { databaseFilter: 'shop' })).map(({ database }) => database)).toEqual(['shop']);
});
