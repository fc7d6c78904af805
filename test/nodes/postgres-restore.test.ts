import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PostgresServer, startPostgres } from '../services/postgres';
import { inProcessN8n } from './harness';
import { backup, byName, type Json, type NodeRunner } from './node-runner';
import { createShop, databaseExists, dumpNode, NODE_TYPE, postgresData, rowsOf, WHOLE_SHOP } from './postgres-support';

const n8n = await inProcessN8n();
let server: PostgresServer;
let node: NodeRunner;
let folder: string;
/** What Back Up said of the backup of a whole shop. */
let made: Json;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	await createShop(server, 'shop');
	({ folder, node } = await dumpNode(n8n, server, 'shop'));
	[made] = (await node.ok('backUp', { globals: true })).slice(1) as [Json];
});

afterAll(async () => {
	await server?.stop();
});

it('restores into a new database, chosen from the list', async () => {
	const [report] = await node.ok('restore', {
		...backup('list', made['id']),
		target: 'newDatabase',
		targetDatabase: 'copy',
	});
	expect(report).toMatchObject({
		database: 'copy',
		previousDatabase: null,
		rows: 1502,
		failures: [],
		warnings: [],
		backup: { id: made['id'], file: made['file'] },
	});
	expect(report!.tables).toContainEqual({ schema: 'public', name: 'users', rows: 1000, expected: 1000 });
	expect(await rowsOf(server, 'copy')).toEqual(WHOLE_SHOP);
	const again = { ...backup('id', made['id']), target: 'newDatabase', targetDatabase: 'copy' };
	expect(await node.fails('restore', again)).toMatch(/"copy" exists already/);
});

it('swaps the restored database in and keeps the old one, once the name was confirmed', async () => {
	await createShop(server, 'swapped');
	await server.query('swapped', 'TRUNCATE users CASCADE');
	const parameters = { ...backup('file', made['key']), target: 'safeSwap', existingDatabase: byName('swapped') };
	expect(await node.fails('restore', { ...parameters, confirmation: 'swaped' })).toMatch(/not confirmed/);
	expect(await rowsOf(server, 'swapped')).toMatchObject({ users: 0 });
	const [report] = await node.ok('restore', { ...parameters, confirmation: 'swapped' });
	expect(report!.previousDatabase).toMatch(/^swapped_before_\d{8}_\d{6}$/);
	expect(await rowsOf(server, 'swapped')).toEqual(WHOLE_SHOP);
	expect(await rowsOf(server, report!.previousDatabase)).toMatchObject({ users: 0, log: 2 });
});

it('tells what a restore would replace and what is in the way, and changes nothing', async () => {
	await createShop(server, 'planned');
	await server.query('planned', 'ANALYZE');
	const into = (database: string) => ({
		...backup('id', made['id']),
		target: 'safeSwap',
		existingDatabase: byName(database),
		confirmation: 'whatever',
		options: { dryRun: true },
	});
	const [plan] = (await node.ok('restore', into('planned'))) as [Json];
	expect(plan).toMatchObject({
		ready: true,
		into: 'database planned',
		replaces: expect.stringMatching(/^3 tables with about 1502 rows, \d/) as string,
		target: { database: 'planned', exists: true, tables: 3, rows: 1502, copies: [] },
		problems: [],
		backup: { id: made['id'], counts: { rows: 1502 }, checked: 'content' },
	});
	const [absent] = (await node.ok('restore', into('nowhere'))) as [Json];
	expect(absent).toMatchObject({ ready: false, target: { exists: false }, problems: [{ code: 'INVALID_INPUT' }] });
	expect(await node.fails('restore', { ...into('planned'), options: { dryRun: true, asRun: true } })).toMatch(
		/not confirmed/,
	);
	const fresh = { ...backup('id', made['id']), target: 'newDatabase', options: { dryRun: true } };
	expect(await node.ok('restore', { ...fresh, targetDatabase: 'planned' })).toMatchObject([
		{ ready: false, problems: [{ code: 'TARGET_EXISTS' }] },
	]);
	expect(await node.ok('restore', { ...fresh, targetDatabase: 'fresh' })).toMatchObject([
		{ ready: true, replaces: 'nothing: it does not exist' },
	]);
	const globals = { restoreKind: 'globals', ...backup('latest', 'globals'), options: { dryRun: true } };
	expect(await node.ok('restore', globals)).toMatchObject([{ ready: true, target: { roles: 1 } }]);
	expect(await databaseExists(server, 'fresh')).toBe(false);
	expect(await rowsOf(server, 'planned')).toEqual(WHOLE_SHOP);
});

it('tells all that is in the way at once', async () => {
	await server.query('postgres', 'CREATE DATABASE owned');
	await server.query('owned', 'CREATE ROLE gone; CREATE TABLE kept (id int); ALTER TABLE kept OWNER TO gone');
	const { node: other } = await dumpNode(n8n, server, 'owned');
	await other.ok('backUp');
	await server.query('owned', 'DROP TABLE kept; DROP ROLE gone');
	const into = { target: 'newDatabase', targetDatabase: 'owned', options: { dryRun: true } };
	expect(await other.ok('restore', { ...backup('latest', 'owned'), ...into })).toMatchObject([
		{
			ready: false,
			problems: [
				{ code: 'TARGET_EXISTS' },
				{ code: 'TARGET_FAILED', message: expect.stringContaining('role gone') as string },
			],
		},
	]);
});

it('replaces a database', async () => {
	await createShop(server, 'replaced');
	await server.query('replaced', 'TRUNCATE users CASCADE');
	const [report] = await node.ok('restore', {
		...backup('latest', 'shop'),
		target: 'replace',
		existingDatabase: byName('replaced'),
		confirmation: 'replaced',
	});
	expect(report!.previousDatabase).toBeNull();
	expect(await rowsOf(server, 'replaced')).toEqual(WHOLE_SHOP);
});

it('restores some tables into a database as it stands', async () => {
	await createShop(server, 'partly');
	await server.query('partly', `DELETE FROM "Order Lines"; DELETE FROM users WHERE id > 10; DELETE FROM audit.log`);
	const [report] = await node.ok('restore', {
		...backup('latest', 'shop'),
		target: 'existing',
		existingDatabase: byName('partly'),
		confirmation: 'partly',
		before: 'truncate',
		selection: { tables: ['public."Order Lines"'], schemaNames: 'audit' },
	});
	expect(report!.tables.map(({ name, rows }: Json) => [name, rows]).sort()).toEqual([
		['Order Lines', 500],
		['log', 2],
	]);
	expect(await rowsOf(server, 'partly')).toEqual({ users: 10, lines: 500, log: 2 });
});

it('collects what cannot be restored and hints at it', async () => {
	const run = await node.run('restore', {
		...backup('latest', 'shop'),
		target: 'existing',
		existingDatabase: byName('replaced'),
		confirmation: 'replaced',
		selection: { tableNames: 'audit.log' },
		options: { onObjectError: 'collect', owner: 'none', privileges: false, parallel: 1 },
	});
	expect(run.status).toBe('success');
	expect(run.items[0]!.json['failures']).not.toEqual([]);
	expect(run.hints.join()).toMatch(/could not be restored/);
});

it('restores from binary data, with the manifest that came with it', async () => {
	const before = { type: NODE_TYPE, parameters: { operation: 'backUp', destination: 'binaryData' } };
	const parameters = { source: 'binaryData', target: 'newDatabase', targetDatabase: 'from_binary' };
	const workflow = await node.with({ backupStorageApi: undefined }).workflow('restore', parameters, {}, [before]);
	expect((await workflow.run()).error).toBeUndefined();
	expect(await rowsOf(server, 'from_binary')).toEqual(WHOLE_SHOP);
});

it('opens encrypted backups with their passphrase, and changes nothing with another', async () => {
	const passphrase = async (text: string) =>
		await n8n.createCredential(text, 'backupEncryptionApi', { passphrase: text });
	const right = node.with({ backupEncryptionApi: await passphrase('the right one') });
	const [secret] = await right.ok('backUp', { encrypt: true, options: { folder: 'postgres/secret' } });
	const parameters = { ...backup('id', secret!.id), target: 'newDatabase', targetDatabase: 'opened' };
	const wrong = node.with({ backupEncryptionApi: await passphrase('the wrong one') });
	expect(await wrong.fails('restore', parameters)).toMatch(/passphrase/i);
	expect(await node.fails('restore', parameters)).toMatch(/is encrypted.*Select an encryption credential/s);
	expect(await databaseExists(server, 'opened')).toBe(false);
	await right.ok('restore', parameters);
	expect(await rowsOf(server, 'opened')).toEqual(WHOLE_SHOP);
});

it('refuses a damaged archive before anything is changed', async () => {
	const [damaged] = await node.ok('backUp', { options: { folder: 'damaged' } });
	appendFileSync(join(folder, damaged!.key), 'x');
	const parameters = {
		...backup('id', damaged!.id),
		target: 'newDatabase',
		targetDatabase: 'never',
		options: { folder: 'damaged' },
	};
	const [listed] = await node.ok('listBackups', { options: { folder: 'damaged' } });
	expect(listed).toMatchObject({ state: 'archive of another size', archiveState: 'wrongSize' });
	expect(await node.fails('restore', parameters)).toMatch(/bytes/);
	expect(await databaseExists(server, 'never')).toBe(false);
	expect(readFileSync(join(folder, damaged!.key)).at(-1)).toBe('x'.charCodeAt(0));
});

it('restores roles and globals', async () => {
	await server.query('postgres', 'CREATE ROLE reporter LOGIN');
	const [globals] = await node.ok('backUp', { globals: true, content: 'schema', options: { folder: 'roles' } });
	await server.query('postgres', 'DROP ROLE reporter');
	const [report] = await node.ok('restore', {
		restoreKind: 'globals',
		...backup('id', globals!.id),
		options: { folder: 'roles' },
	});
	expect(report).toMatchObject({ created: ['role "reporter"'], failures: [] });
	const { rowCount } = await server.query('postgres', "SELECT FROM pg_roles WHERE rolname = 'reporter'");
	expect(rowCount).toBe(1);
});

it('asks the server before it reads the backup', async () => {
	const [unread] = await node.ok('backUp', { options: { folder: 'unread' } });
	appendFileSync(join(folder, unread!.key), 'x');
	const parameters = { ...backup('id', unread!.id), options: { folder: 'unread' } };
	const over = (name: string) => ({ target: 'safeSwap', existingDatabase: byName(name), confirmation: name });
	expect(await node.fails('restore', { ...parameters, ...over('nowhere') })).toMatch(/no database "nowhere"/);
	const data = { ...postgresData(server, 'shop'), password: 'guessed' };
	const wrong = node.with({ postgres: await n8n.createCredential('wrong', 'postgres', data) });
	expect(await wrong.fails('restore', { ...parameters, ...over('shop') })).toMatch(/password authentication failed/);
});

it('says what to do about a backup that is not there, and one of another kind', async () => {
	const target = { target: 'newDatabase', targetDatabase: 'never' };
	expect(await node.fails('restore', { ...backup('latest', 'nothing'), ...target })).toMatch(/no backup of nothing/);
	expect(await node.fails('restore', { ...backup('id', made['id']), restoreKind: 'globals' })).toMatch(
		/holds postgres/,
	);
});
