import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';

import { KEY, makeInstance } from '../integration/n8n/instance/stage';
import { N8N_MODULES } from '../services/n8n-install';
import { type PostgresServer, startPostgres } from '../services/postgres';
import { type QdrantServer, startQdrant } from '../services/qdrant';
import { createPlain } from '../services/qdrant-data';
import type { S3Server } from '../services/s3/server';
import { startS3rver } from '../services/s3/s3rver';
import { freshFilesFolder, inProcessN8n } from './harness';
import { type Json, NodeRunner } from './node-runner';
import { createShop, dumpNode, postgresData } from './postgres-support';
import { snapshotNode } from './qdrant-support';
import { PACKAGE } from './workflow';

// As its administrator has it when n8n starts.
process.env['N8N_STACK_BACKUP_ALLOW_INSTANCE'] = 'true';
const n8n = await inProcessN8n();
let postgres: PostgresServer;
let qdrant: QdrantServer;
let s3: S3Server;

beforeAll(async () => {
	[postgres, qdrant, s3] = await Promise.all([startPostgres({ version: 18 }), startQdrant(), startS3rver()]);
	await createShop(postgres, 'shop');
	await createPlain(qdrant, 'docs', 10);
});

afterAll(async () => {
	await Promise.all([postgres?.stop(), qdrant?.stop(), s3?.stop()]);
});

/** What was found bad, without what a machine that runs tests is like: its temporary folders may lie in memory. */
const bad = (items: readonly Json[]) =>
	items.filter(({ level, what }) => level !== 'ok' && !/^The folder lies in/.test(what as string));
const checks = (items: readonly Json[]) => [...new Set(items.map(({ check }) => check as string))];

const nodeOf = async (name: string, credentials = {}) =>
	await NodeRunner.withFolder(n8n, `${PACKAGE}.${name}`, credentials);

describe('Postgres Dump', () => {
	it('has nothing against a good set-up, and looks at the storage and n8n as well', async () => {
		const { node } = await dumpNode(n8n, postgres, 'shop');
		const backupEncryptionApi = await n8n.createCredential('encryption', 'backupEncryptionApi', {
			passphrase: 'correct horse battery staple',
		});
		const items = await node.with({ ...node.credentials, backupEncryptionApi }).ok('checkSetup', { globals: true });
		expect(bad(items)).toEqual([]);
		expect(checks(items)).toEqual(
			expect.arrayContaining([
				'Connection',
				'Privileges',
				'Roles and Globals',
				'Storage',
				'Encryption',
				'Execution Timeout',
			]),
		);
		expect(Object.keys(items[0]!)).toEqual(['level', 'check', 'what', 'remedy', 'about', 'affects']);
	});

	it('gives the statements that are missing, narrowed down to what is asked for', async () => {
		await postgres.query('postgres', "CREATE ROLE reader LOGIN PASSWORD 'p'");
		const data = { ...postgresData(postgres, 'shop'), user: 'reader', password: 'p' };
		const { node } = await dumpNode(n8n, postgres, 'shop');
		const reader = node.with({ postgres: await n8n.createCredential('reader', 'postgres', data) });
		const only = { checkStorage: false, showFindings: 'bad' };
		const items = await reader.ok('checkSetup', { ...only, checkFor: ['backup'] });
		expect(new Set(items.map(({ affects }) => affects as string))).toEqual(new Set(['backup']));
		expect(items[0]).toMatchObject({
			level: 'problem',
			check: 'Privileges',
			about: 'shop',
			remedy: expect.stringMatching(/^GRANT USAGE ON SCHEMA audit TO reader;/) as string,
		});
		const restore = await reader.ok('checkSetup', { ...only, checkFor: ['restore'] });
		expect(restore.map(({ remedy }) => remedy as string)).toContain('ALTER ROLE reader CREATEDB;');
		const failure = await reader.fails('checkSetup', { ...only, onProblem: 'fail' });
		expect(failure).toMatch(/\d problems, the first of which is: reader may not/);
		expect(failure).toContain('ALTER ROLE reader CREATEDB;');
	});

	it('goes on where the server is away, and where the storage is forbidden', async () => {
		const { node } = await dumpNode(n8n, postgres, 'shop');
		const away = await n8n.createCredential('away', 'postgres', { ...postgresData(postgres, 'shop'), port: 1 });
		const forbidden = await n8n.createCredential('etc', 'backupStorageApi', { type: 'folder', folderPath: '/etc' });
		const items = bad(await node.with({ postgres: away, backupStorageApi: forbidden }).ok('checkSetup'));
		expect(items.map(({ check, level }) => `${check}: ${level}`)).toEqual(['Connection: problem', 'Storage: problem']);
		expect(items[1]!['remedy']).toContain('N8N_RESTRICT_FILE_ACCESS_TO');
	});

	it('needs no storage where it is not to be looked at, and gives no item where all is well', async () => {
		const { node } = await dumpNode(n8n, postgres, 'shop');
		const alone = node.with({ backupStorageApi: undefined });
		expect(await alone.ok('checkSetup', { checkStorage: false, showFindings: 'bad' })).toEqual([]);
	});
});

describe('Qdrant Snapshot', () => {
	it('has nothing against a good server, and makes nothing there', async () => {
		const { node } = await snapshotNode(n8n, qdrant);
		const items = await node.ok('checkSetup');
		expect(bad(items)).toEqual([]);
		expect(checks(items)).toEqual(expect.arrayContaining(['Connection', 'API Key', 'Collection', 'Clock', 'Storage']));
		expect(await node.ok('listServerSnapshots')).toEqual([]);
	});

	it('tells of a key that only reads', async () => {
		const guarded = await startQdrant({ apiKey: 'all', readOnlyApiKey: 'reads' });
		onTestFinished(() => guarded.stop());
		const { node } = await snapshotNode(n8n, qdrant);
		const with_ = async (apiKey: string) => {
			const qdrantApi = await n8n.createCredential(apiKey, 'qdrantApi', { qdrantUrl: guarded.url, apiKey });
			return bad(await node.with({ qdrantApi }).ok('checkSetup', { checkStorage: false }));
		};
		expect(await with_('all')).toEqual([]);
		expect(await with_('reads')).toMatchObject([
			{ check: 'API Key', level: 'problem', remedy: expect.stringMatching(/read_only_api_key/) as string },
		]);
		expect(await with_('wrong')).toMatchObject([{ check: 'Connection', level: 'problem' }]);
	});
});

describe('MinIO Mirror', () => {
	it('says what may be done in each bucket, and leaves nothing there', async () => {
		const { endpoint, region, accessKeyId, secretAccessKey } = s3;
		const data = { endpoint, region, accessKeyId, secretAccessKey, forcePathStyle: true, ignoreSSLIssues: false };
		const { node } = await nodeOf('minioMirror', { s3: await n8n.createCredential('s3', 's3', data) });
		const bucket = await s3.createBucket();
		await s3.client.putObject(bucket, 'one.txt', 'One.');
		const chosen = { bucketMode: 'chosen', checkStorage: false, tryWriting: true };
		const items = await node.ok('checkSetup', { ...chosen, buckets: [bucket] });
		// s3rver heeds no condition of a write.
		expect(bad(items)).toMatchObject([{ check: 'Write Objects', level: 'warning', affects: 'restore' }]);
		expect(new Set(checks(items))).toEqual(
			new Set(['Connection', 'Clock', 'Read Objects', 'Tags', 'Versions', 'Write Objects']),
		);
		const keys: string[] = [];
		for await (const { name } of s3.client.listObjectsV2(bucket, '', true)) keys.push(name as string);
		expect(keys).toEqual(['one.txt']);
		expect(bad(await node.ok('checkSetup', { ...chosen, buckets: ['no-such-bucket'] }))[0]).toMatchObject({
			check: 'Read Objects',
			level: 'problem',
			what: expect.stringMatching(/There is no bucket/) as string,
		});
	});
});

describe('Files Archive', () => {
	it('says whether the folder is there, may be used, read and written', async () => {
		const { node } = await nodeOf('filesArchive');
		const path = join(freshFilesFolder(n8n), 'documents');
		const at = async (folder: string) => await node.ok('checkSetup', { path: folder, checkStorage: false });
		expect(bad(await at(path))).toMatchObject([
			{ check: 'Read Files', level: 'problem', remedy: expect.stringMatching(/Mount it there/) as string },
		]);
		mkdirSync(path);
		writeFileSync(join(path, 'one.txt'), 'One.');
		const items = await at(path);
		expect(items.map(({ check, level }) => `${check}: ${level}`)).toEqual(['Read Files: ok', 'Write Files: ok']);
		expect(bad(await at('/etc'))).toMatchObject([{ check: 'File Access', level: 'problem' }]);
		expect(readdirSync(path)).toEqual(['one.txt']);
	});
});

describe('n8n Export', () => {
	it('says what a backup of the instance lacks', async () => {
		for (const [name, value] of Object.entries({ N8N_USER_FOLDER: makeInstance().root, N8N_ENCRYPTION_KEY: KEY }))
			vi.stubEnv(name, value);
		const [, program] = process.argv;
		process.argv[1] = join(N8N_MODULES, 'n8n', 'bin', 'n8n');
		onTestFinished(() => {
			vi.unstubAllEnvs();
			process.argv[1] = program!;
		});
		const { node } = await nodeOf('n8nExport');
		const parameters = { resource: 'instance', checkStorage: false };
		expect(bad(await node.ok('checkInstance', parameters))).toMatchObject([{ check: 'Encryption', level: 'problem' }]);
		const backupEncryptionApi = await n8n.createCredential('e', 'backupEncryptionApi', { passphrase: 'a passphrase' });
		const items = await node.with({ backupEncryptionApi }).ok('checkInstance', parameters);
		expect(bad(items)).toEqual([]);
		expect(items[0]).toMatchObject({ check: 'Instance', what: expect.stringMatching(/SQLite/) as string });
		vi.stubEnv('DB_TYPE', 'mysqldb');
		expect(bad(await node.with({ backupEncryptionApi }).ok('checkInstance', parameters))).toMatchObject([
			{ check: 'Instance', level: 'problem', remedy: expect.stringMatching(/PostgreSQL or SQLite/) as string },
		]);
	});

	it('tells that the API cannot be reached', async () => {
		const data = { apiKey: 'key', baseUrl: 'http://127.0.0.1:1/api/v1' };
		const { node } = await nodeOf('n8nExport', { n8nApi: await n8n.createCredential('api', 'n8nApi', data) });
		expect(bad(await node.ok('checkSetup', { checkStorage: false }))).toMatchObject([
			{ check: 'Workflows', level: 'problem', remedy: expect.stringMatching(/is the address of that n8n/) as string },
		]);
	});
});

describe('Backup Report', () => {
	it('looks at the storage alone, and leaves nothing there', async () => {
		const { node, folder } = await nodeOf('backupReport');
		const items = await node.ok('checkSetup');
		expect(bad(items)).toEqual([]);
		expect(checks(items)).toEqual(expect.arrayContaining(['Storage', 'Storage Features', 'Clock', 'Room']));
		expect(readdirSync(folder, { recursive: true })).toEqual(['.stack-backup']);
	});
});
