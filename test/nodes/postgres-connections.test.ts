import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateKey } from 'openpgp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PostgresServer, startPostgres } from '../services/postgres';
import type { S3Server } from '../services/s3/server';
import { startS3rver } from '../services/s3/s3rver';
import { type SshServer, startSsh } from '../services/ssh';
import { freshFilesFolder, inProcessN8n } from './harness';
import { backup, type Json, type NodeRunner } from './node-runner';
import { createShop, databaseExists, dumpNode, NODE_TYPE, postgresData, rowsOf, WHOLE_SHOP } from './postgres-support';

const n8n = await inProcessN8n();
let server: PostgresServer;
let ssh: SshServer;
let s3: S3Server;
let node: NodeRunner;
let folder: string;

beforeAll(async () => {
	[server, ssh, s3] = await Promise.all([startPostgres({ version: 18, ssl: true }), startSsh(), startS3rver()]);
	await createShop(server, 'shop');
	({ folder, node } = await dumpNode(n8n, server, 'shop'));
});

afterAll(async () => {
	await Promise.all([server?.stop(), ssh?.stop(), s3?.stop()]);
});

async function connectedBy(data: Json): Promise<NodeRunner> {
	const credential = await n8n.createCredential('other way', 'postgres', { ...postgresData(server, 'shop'), ...data });
	return node.with({ postgres: credential });
}

it('backs up and restores over TLS', async () => {
	const secure = await connectedBy({ allowUnauthorizedCerts: true });
	const [made] = await secure.ok('backUp');
	await secure.ok('restore', { ...backup('id', made!['id']), target: 'newDatabase', targetDatabase: 'by_tls' });
	expect(await rowsOf(server, 'by_tls')).toEqual(WHOLE_SHOP);
});

it('does not accept a certificate that nobody vouches for', async () => {
	const strict = await connectedBy({ ssl: 'require' });
	expect(await strict.fails('backUp')).toMatch(/certificate.*allow unauthorized certificates/s);
});

it('backs up and restores through an SSH tunnel, with a password or a key', async () => {
	const tunnel = { sshTunnel: true, sshHost: ssh.host, sshPort: ssh.port, sshUser: ssh.username };
	const withPassword = { ...tunnel, sshAuthenticateWith: 'password', sshPassword: ssh.password };
	// As a browser hands on what is pasted into a one-line field.
	const withKey = { ...tunnel, sshAuthenticateWith: 'privateKey', privateKey: ssh.privateKey.replaceAll('\n', ' ') };
	const byPassword = await connectedBy(withPassword);
	const [made] = await byPassword.ok('backUp', { options: { parallel: 3 } });
	expect(ssh.tunnels()).toBeGreaterThanOrEqual(3);
	const before = ssh.tunnels();
	const byKey = await connectedBy({ ...withKey, allowUnauthorizedCerts: true });
	await byKey.ok('restore', { ...backup('id', made!['id']), target: 'newDatabase', targetDatabase: 'by_ssh' });
	expect(ssh.tunnels()).toBeGreaterThan(before);
	expect(await rowsOf(server, 'by_ssh')).toEqual(WHOLE_SHOP);
	const names = await n8n.loadOptions({
		nodeType: NODE_TYPE,
		methodName: 'getDatabases',
		parameters: { operation: 'backUp' },
		credentials: byPassword.credentials,
	});
	expect(names.map(({ value }) => value)).toContain('by_ssh');
});

it('says what is wrong with an SSH tunnel', async () => {
	const tunnel = { sshTunnel: true, sshHost: ssh.host, sshPort: ssh.port, sshUser: ssh.username };
	const wrong = await connectedBy({ ...tunnel, sshAuthenticateWith: 'password', sshPassword: 'guessed' });
	expect(await wrong.fails('backUp')).toMatch(/Could not open the SSH tunnel.*authentication.*SSH settings/s);
	const right = { ...tunnel, sshAuthenticateWith: 'password', sshPassword: ssh.password };
	const nowhere = await connectedBy({ ...right, port: 1 });
	expect(await nowhere.fails('backUp')).toMatch(/Could not connect to PostgreSQL database "shop"/);
});

it('fills its drop-downs from the server and from the storage', async () => {
	const [made] = await node.ok('backUp');
	const request = { nodeType: NODE_TYPE, credentials: node.credentials };
	const values = async (methodName: string, parameters: Json = { operation: 'backUp' }) =>
		(await n8n.loadOptions({ ...request, methodName, parameters })).map(({ value }) => value);
	expect(await values('getDatabases')).toEqual(expect.arrayContaining(['postgres', 'shop']));
	expect(await values('getSchemas')).toEqual(['audit', 'public']);
	expect(await values('getTables')).toEqual(['audit.log', 'public."Order Lines"', 'public.users']);

	const chosen = { operation: 'restore', source: 'storage', ...backup('latest', 'shop') };
	expect(await values('getBackupSchemas', chosen)).toEqual(['audit', 'public']);
	expect((await values('getBackupTables', chosen)).sort()).toEqual([
		'audit.log',
		'public."Order Lines"',
		'public.users',
	]);
	expect(await values('getBackupTables', { operation: 'restore' })).toEqual([]);

	const databases = async (filter: string) =>
		await n8n.searchList({ ...request, methodName: 'searchDatabases', parameters: { operation: 'restore' }, filter });
	expect((await databases('')).results.map(({ value }) => value)).toEqual(expect.arrayContaining(['postgres', 'shop']));
	expect((await databases('SHO')).results).toContainEqual({ name: 'shop', value: 'shop' });
	expect((await databases('nothing like it')).results).toEqual([]);
	const nowhere = await n8n.createCredential('nowhere', 'postgres', { ...postgresData(server, 'shop'), port: 1 });
	const lost = { ...request, credentials: { postgres: nowhere }, methodName: 'searchDatabases' };
	// n8n hands on the description of such an error alone.
	await expect(n8n.searchList(lost)).rejects.toMatchObject({
		name: 'NodeApiError',
		message: expect.stringMatching(/Could not connect to PostgreSQL database "shop".*ECONNREFUSED/),
		description: expect.stringMatching(/Check host, port and SSL in the Postgres credential/),
	});

	const list = async (methodName: string, filter?: string) =>
		(await n8n.searchList({ ...request, methodName, parameters: chosen, ...(filter && { filter }) })).results;
	const [newest] = await list('searchBackups');
	expect(newest).toEqual({
		value: made!['id'],
		name: expect.stringMatching(/^[\d-]+ [\d:]+ UTC · shop · \d+\.\d kB$/),
	});
	expect(await list('searchBackups', 'nothing like it')).toEqual([]);
	expect((await list('searchFiles')).map(({ value }) => value)).toContain(made!['key']);
});

it('tests a storage by writing, reading and deleting', async () => {
	const test = async (data: Json) => await n8n.testCredential('tested', 'backupStorageApi', data);
	const own = freshFilesFolder(n8n);
	expect(await test({ type: 'folder', folderPath: own })).toMatchObject({ status: 'OK' });
	expect(readdirSync(own)).toEqual([]);
	expect(await test({ type: 'folder', folderPath: '/etc' })).toMatchObject({
		status: 'Error',
		message: expect.stringContaining(`Nodes may use ${n8n.connection.filesFolder}, and the folders in there`),
	});
	const inside = join(n8n.connection.userFolder, '.n8n', 'backups');
	expect(await test({ type: 'folder', folderPath: inside })).toMatchObject({ status: 'Error' });
	expect(await test({ type: 'folder', folderPath: '~/x' })).toMatchObject({
		status: 'Error',
		message: expect.stringMatching(/not an absolute path/),
	});
	const { endpoint, accessKeyId, secretAccessKey } = s3;
	const bucket = await s3.createBucket();
	const bucketData = { type: 's3', endpoint, accessKeyId, secretAccessKey, bucket };
	expect(await test(bucketData)).toMatchObject({ status: 'OK' });
	expect(await test({ ...bucketData, bucket: 'not-there' })).toMatchObject({ status: 'Error' });
});

it('tells once that a folder did not exist, so that a mistyped one is noticed', async () => {
	const folderPath = join(freshFilesFolder(n8n), 'bakups', 'nightly');
	const test = async () => await n8n.testCredential('tested', 'backupStorageApi', { type: 'folder', folderPath });
	expect(await test()).toMatchObject({
		status: 'Error',
		message: expect.stringMatching(/bakups\/nightly did not exist: it was made just now.*correct Folder Path/),
	});
	expect(readdirSync(folderPath)).toEqual([]);
	expect(await test()).toMatchObject({ status: 'OK' });
});

it('tests whether keys can be used and fit together', async () => {
	const newKeys = async (passphrase?: string) =>
		await generateKey({ userIDs: [{ name: 'Backup' }], ...(passphrase && { passphrase }) });
	const [own, other] = await Promise.all([newKeys('locked'), newKeys()]);
	const test = async (data: Json) => await n8n.testCredential('tested', 'backupEncryptionApi', data);
	expect(await test({ passphrase: 'some words' })).toEqual({ status: 'OK', message: 'Encrypts, and decrypts again.' });
	expect(await test({})).toMatchObject({ status: 'Error', message: expect.stringMatching(/empty/) });
	expect(await test({ publicKeys: own.publicKey })).toMatchObject({ status: 'OK' });
	const flattened = own.privateKey.replaceAll(/\r?\n/g, ' ');
	const pair = { publicKeys: `${other.publicKey}\n${own.publicKey}`, privateKeys: flattened };
	expect(await test({ ...pair, privateKeyPassphrase: 'locked' })).toEqual({
		status: 'OK',
		message: 'Encrypts, and decrypts again.',
	});
	expect(await test(pair)).toMatchObject({ status: 'Error', message: expect.stringMatching(/is locked/) });
	expect(await test({ publicKeys: own.publicKey, privateKeys: other.privateKey })).toMatchObject({ status: 'Error' });
	expect(await test({ publicKeys: 'ssh-rsa AAAA' })).toMatchObject({
		status: 'Error',
		message: expect.stringMatching(/not an OpenPGP key/),
	});
});

it('imports a dump without a manifest, wholly or by table, from storage or binary data, and lists it', async () => {
	const [made] = await node.ok('backUp', { options: { folder: 'elsewhere' } });
	mkdirSync(join(folder, 'uploads'));
	copyFileSync(join(folder, made!['key']), join(folder, 'uploads/shop.sql.zst'));
	const dumpFile = { __rl: true, mode: 'path', value: 'uploads/shop.sql.zst' };

	const objects = await node.ok('listContents', { dumpFile });
	expect(objects).toContainEqual(
		expect.objectContaining({ type: 'TABLE', schema: 'public', name: 'users', rows: 1000, format: 'plain' }),
	);
	const [report] = await node.ok('import', { dumpFile, target: 'newDatabase', targetDatabase: 'imported' });
	expect(report).toMatchObject({ database: 'imported', rows: 1502, file: 'uploads/shop.sql.zst' });
	expect(await rowsOf(server, 'imported')).toEqual(WHOLE_SHOP);

	const before = {
		type: NODE_TYPE,
		parameters: { operation: 'backUp', destination: 'binaryData', compression: 'gzip' },
	};
	const parameters = {
		source: 'binaryData',
		target: 'newDatabase',
		targetDatabase: 'one_table',
		selection: { tableNames: 'public.users' },
	};
	const run = await (await node.workflow('import', parameters, {}, [before])).run();
	expect(run.error).toBeUndefined();
	const { rows } = await server.query(
		'one_table',
		`SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`,
	);
	expect(rows).toEqual([{ relname: 'users' }]);

	writeFileSync(join(folder, 'uploads/notes.txt'), 'PK\x03\x04 this is a zip');
	const notADump = { __rl: true, mode: 'path', value: 'uploads/notes.txt' };
	const target = { target: 'newDatabase', targetDatabase: 'never' };
	expect(await node.fails('import', { dumpFile: notADump, ...target })).toMatch(/This is a zip archive.*Unpack it/s);
	expect(await databaseExists(server, 'never')).toBe(false);
});
