import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { template, withCredentials } from '../../e2e/templates';
import { freshFilesFolder } from '../../nodes/harness';
import { backup, NodeRunner } from '../../nodes/node-runner';
import { createShop, NODE_TYPE as DUMP, postgresData } from '../../nodes/postgres-support';
import { qdrantData } from '../../nodes/qdrant-support';
import { PACKAGE } from '../../nodes/workflow';
import type { NodeCredentials } from '../../services/n8n-client';
import { type PostgresServer, startPostgres } from '../../services/postgres';
import { type QdrantServer, startQdrant } from '../../services/qdrant';
import { createPlain } from '../../services/qdrant-data';
import { Editor } from './editor';
import { documentationPicture, MAX_PICTURE_BYTES } from './pictures';

// What the README and docs/ show, as it is now: each picture is taken where a test has looked at what is in it.

const editor = await Editor.open();
const { n8n, page } = editor;
let postgres: PostgresServer;
let qdrant: QdrantServer;
let credentials: NodeCredentials;

beforeAll(async () => {
	await page.setViewportSize(WINDOW);
	[postgres, qdrant] = await Promise.all([
		startPostgres({ version: 18, config: { synchronous_commit: 'on', cluster_name: 'main' } }),
		startQdrant(),
	]);
	await createShop(postgres, 'shop');
	await createShop(postgres, 'blog');
	await postgres.query('shop', "CREATE ROLE backup LOGIN PASSWORD 'of-the-role'");
	await createPlain(qdrant, 'articles', 300);
	const folder = { type: 'folder', folderPath: freshFilesFolder(n8n) };
	credentials = {
		postgres: await n8n.createCredential('Shop database', 'postgres', postgresData(postgres, 'shop')),
		qdrantApi: await n8n.createCredential('Vectors', 'qdrantApi', qdrantData(qdrant)),
		backupStorageApi: await n8n.createCredential('Backup folder', 'backupStorageApi', folder),
	};
	await new NodeRunner(n8n, DUMP, credentials).ok('backUp', { databaseMode: 'all' });
	await new NodeRunner(n8n, `${PACKAGE}.qdrantSnapshot`, credentials).ok('backUp');
	const verified = { which: 'newest', level: 'restore', qdrantTarget: 'server' };
	await new NodeRunner(n8n, `${PACKAGE}.verifyArchive`, credentials).ok('verify', verified);
});

afterAll(async () => {
	await Promise.all([postgres?.stop(), qdrant?.stop()]);
});

/** Wider than the smallest that n8n is used in, so that a table shows what is in it. */
const WINDOW = { width: 1440, height: 810 };

async function expectPicture(name: string): Promise<void> {
	expect(await documentationPicture(page, name)).toBeLessThan(MAX_PICTURE_BYTES);
}

/** Opens the panel of a node that is called what people get to see it under. */
async function open(type: string, name: string, parameters: Record<string, unknown>, own = credentials) {
	const id = randomUUID();
	const node = { id, name, type: `${PACKAGE}.${type}`, typeVersion: 1, position: [0, 0], parameters, credentials: own };
	return await editor.openPanel(await n8n.createWorkflow({ name, nodes: [node], connections: {} }), id);
}

it('all nodes are found by "backup"', async () => {
	const canvas = await editor.openCanvas();
	await canvas.search('backup');
	const wanted = ['Backup Copy', 'Backup Report', 'Files Archive', 'MinIO Mirror', 'Postgres Dump', 'Prune Retention'];
	await expect.poll(() => canvas.found()).toEqual(expect.arrayContaining(wanted));
	await expectPicture('node-panel');
});

it('a back up tells of each database how large it is, and whether it is whole', async () => {
	const panel = await open('postgresDump', 'Back up databases', { operation: 'backUp', databaseMode: 'all' });
	await panel.execute();
	const { rows } = await panel.table();
	expect(rows.map(([name]) => name)).toEqual(['blog', 'postgres', 'shop']);
	await expectPicture('back-up');
});

describe('a restore', () => {
	const parameters = {
		operation: 'restore',
		target: 'safeSwap',
		existingDatabase: { __rl: true, mode: 'list', value: '' },
	};

	it('lists backups and databases, and says what becomes of the one that is there', async () => {
		const panel = await open('postgresDump', 'Restore a database', parameters);
		await panel.pick('backup', 'shop');
		await panel.pick('existingDatabase', 'shop');
		await panel.fill('confirmation', 'shop');
		await expect.poll(() => panel.marked()).toEqual([]);
		expect(await panel.notices()).toEqual([expect.stringMatching(/stays on the server as shop_before_|name_before_/)]);
		await panel.field('backup').scrollIntoViewIfNeeded();
		await expectPicture('restore');
	});

	it('that is not confirmed says what to type', async () => {
		const existingDatabase = { __rl: true, mode: 'name', value: 'shop' };
		const panel = await open('postgresDump', 'Restore a database', {
			...parameters,
			...backup('latest', 'shop'),
			existingDatabase,
			confirmation: 'shopp',
		});
		await panel.execute();
		expect(await panel.error()).toMatch(/"shop" is not confirmed; nothing was changed/);
		expect(await panel.advice()).toMatch(/shop/);
		await editor.screenshot('restore-not-confirmed');
	});
});

it('Check Setup names what a role lacks, and the statement that gives it', async () => {
	const role = { ...postgresData(postgres, 'shop'), user: 'backup', password: 'of-the-role' };
	const own = { ...credentials, postgres: await n8n.createCredential('Role for backups', 'postgres', role) };
	const panel = await open('postgresDump', 'Check the setup of database backups', { operation: 'checkSetup' }, own);
	await panel.execute();
	const { rows } = await panel.table();
	expect(rows.flat().some((cell) => cell.includes('GRANT SELECT ON'))).toBe(true);
	await editor.pictures('check-setup');
	await expectPicture('check-setup');
});

it('Dry Run of Prune Retention gives the reason for each backup', async () => {
	const panel = await open('pruneRetention', 'Preview a prune', { operation: 'dryRun' });
	await panel.execute();
	const { columns } = await panel.table();
	expect(columns).toEqual(expect.arrayContaining(['outcome', 'name', 'reasons']));
	await expectPicture('dry-run');
});

describe('physical backups', () => {
	let own: NodeCredentials;

	beforeAll(async () => {
		const folder = { type: 'folder', folderPath: freshFilesFolder(n8n) };
		own = {
			postgres: credentials['postgres']!,
			backupStorageApi: await n8n.createCredential('Physical backups', 'backupStorageApi', folder),
		};
		await new NodeRunner(n8n, `${PACKAGE}.postgresPitr`, own).ok('baseBackup');
		await postgres.query('shop', "INSERT INTO audit.log VALUES ('third')");
	});

	it('Postgres WAL Trigger stores, when its step is tested, what there is up to the present', async () => {
		const panel = await open('postgresWalTrigger', 'Postgres WAL Trigger', {}, own);
		await panel.execute();
		const { rows } = await panel.table();
		expect(rows[0]).toEqual(expect.arrayContaining(['stored', 'main']));
		await expectPicture('wal-trigger');
	});

	it('List Recovery Windows tells from when to when a server can be recovered', async () => {
		const panel = await open('postgresPitr', 'List recovery windows', { operation: 'listWindows' }, own);
		await panel.execute();
		const { rows } = await panel.table();
		expect(rows).toEqual([expect.arrayContaining(['main', 'recoverable'])]);
		await expectPicture('recovery-windows');
	});
});

it('a template is imported from its file, with all of its nodes and nothing red but what is to be chosen', async () => {
	const canvas = await editor.openNew();
	await canvas.importFile(join(__dirname, '..', '..', '..', 'workflows', 'daily-backup.json'));
	const { nodes } = template('daily-backup.json');
	const names = nodes.filter(({ type }) => type !== 'n8n-nodes-base.stickyNote').map(({ name }) => name);
	await expect.poll(() => canvas.nodes()).toEqual(names.sort());
	await canvas.showAll();
	await expectPicture('template');
});

it('the status page opens in a browser, behind its user and password', async () => {
	const user = { user: 'ana', password: 'of-ana' };
	const reader = await n8n.createCredential('Reader of the page', 'httpBasicAuth', user);
	const workflow = withCredentials(template('report-status-page.json'), {
		Webhook: { httpBasicAuth: reader },
		[`${PACKAGE}.backupReport`]: { backupStorageApi: credentials['backupStorageApi']! },
	});
	await n8n.activate(await n8n.createWorkflow(workflow));
	const authorization = `Basic ${Buffer.from('ana:of-ana').toString('base64')}`;
	await page.setExtraHTTPHeaders({ authorization });
	await page.goto('/webhook/backup-status');
	expect(await page.locator('h1').innerText()).toMatch(/^All \d are safe/);
	for (const name of ['shop', 'blog', 'articles']) expect(await page.locator('body').innerText()).toContain(name);
	await editor.pictures('status-page');
	await expectPicture('status-page');
	await page.setExtraHTTPHeaders({});
});
