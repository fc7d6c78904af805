import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freshFilesFolder } from '../../nodes/harness';
import { createShop, postgresData } from '../../nodes/postgres-support';
import { qdrantData } from '../../nodes/qdrant-support';
import { NodeRunner } from '../../nodes/node-runner';
import { PACKAGE } from '../../nodes/workflow';
import type { NodeCredentials } from '../../services/n8n-client';
import { type PostgresServer, startPostgres } from '../../services/postgres';
import { type QdrantServer, startQdrant } from '../../services/qdrant';
import { createPlain } from '../../services/qdrant-data';
import { startS3rver } from '../../services/s3/s3rver';
import type { S3Server } from '../../services/s3/server';
import { Editor } from './editor';
import type { NodePanel } from './node-panel';

const editor = await Editor.open();
const { n8n } = editor;
let postgres: PostgresServer;
let qdrant: QdrantServer;
let s3: S3Server;
let credentials: NodeCredentials;
let documents: string;

beforeAll(async () => {
	[postgres, qdrant, s3] = await Promise.all([
		startPostgres({ version: 18, config: { synchronous_commit: 'on', cluster_name: 'main' } }),
		startQdrant(),
		startS3rver(),
	]);
	await createShop(postgres, 'shop');
	await createPlain(qdrant, 'articles', 20);
	await s3.createBucket('contracts');
	await s3.client.putObject('contracts', '2026/1.txt', 'A contract.');
	documents = join(freshFilesFolder(n8n), 'documents');
	mkdirSync(documents);
	writeFileSync(join(documents, 'offer.txt'), 'An offer.');
	const folder = () => ({ type: 'folder', folderPath: freshFilesFolder(n8n) });
	const { endpoint, region, accessKeyId, secretAccessKey } = s3;
	const access = { endpoint, region, accessKeyId, secretAccessKey, forcePathStyle: true };
	const { url, apiKey } = n8n.connection;
	credentials = {
		postgres: await n8n.createCredential('Journey database', 'postgres', postgresData(postgres, 'shop')),
		qdrantApi: await n8n.createCredential('Journey vectors', 'qdrantApi', qdrantData(qdrant)),
		s3: await n8n.createCredential('Journey objects', 's3', access),
		n8nApi: await n8n.createCredential('Journey n8n', 'n8nApi', { baseUrl: `${url}/api/v1`, apiKey }),
		backupStorageApi: await n8n.createCredential('Journey backups', 'backupStorageApi', folder()),
		backupStorageSecondApi: await n8n.createCredential('Journey copies', 'backupStorageSecondApi', folder()),
	};
	// What the nodes that look after backups find.
	await new NodeRunner(n8n, `${PACKAGE}.postgresDump`, credentials).ok('backUp');
});

afterAll(async () => {
	await Promise.all([postgres?.stop(), qdrant?.stop(), s3?.stop()]);
});

/** What a person types, chooses and fills in to get something done with a node for the first time. */
interface Journey {
	word: string;
	node: string;
	action: string;
	/** Credentials to choose, by what stands over the choice. */
	chosen: Record<string, string>;
	fill?: (panel: NodePanel) => Promise<void>;
	/** The first cells of the table's first row. */
	told: Array<string | RegExp>;
}

const STORAGE = { 'Credential for Backup Storage': 'Journey backups' };

const JOURNEYS: Journey[] = [
	{
		word: 'pg_dump',
		node: 'Postgres Dump',
		action: 'Back up databases',
		chosen: { 'Credential for Postgres': 'Journey database', ...STORAGE },
		told: ['shop', /UTC|Z$/, / B$|kB$/, '1502', 'whole'],
	},
	{
		word: 'vector database',
		node: 'Qdrant Snapshot',
		action: 'Back up collections',
		chosen: { 'Credential for Qdrant API': 'Journey vectors', ...STORAGE },
		told: ['articles', /Z$/, /B$/, '20', 'whole'],
	},
	{
		word: 's3',
		node: 'MinIO Mirror',
		action: 'Back up buckets',
		chosen: { 'Credential for S3': 'Journey objects', ...STORAGE },
		told: ['contracts', /Z$/, /B$/, '1', 'whole'],
	},
	{
		word: 'folder',
		node: 'Files Archive',
		action: 'Back up a folder',
		chosen: STORAGE,
		fill: async (panel) => await panel.fill('path', documents),
		told: ['documents', /Z$/, /B$/, '1', 'whole'],
	},
	{
		word: 'export workflows',
		node: 'n8n Export',
		action: 'Export workflows',
		chosen: { 'Credential for n8n': 'Journey n8n', ...STORAGE },
		told: ['workflows', /Z$/, /B$/, /^\d+$/, 'whole'],
	},
	{
		word: 'verify backup',
		node: 'Verify Archive',
		action: 'Verify backups',
		chosen: STORAGE,
		fill: async (panel) => await panel.choose('which', 'Newest of Each'),
		told: [/^\w+$/, 'passed'],
	},
	{
		word: 'old backups',
		node: 'Prune Retention',
		action: 'Preview a prune',
		chosen: STORAGE,
		told: ['kept'],
	},
	{
		word: 'copy off-site',
		node: 'Backup Copy',
		action: 'Copy backups to another storage',
		chosen: { ...STORAGE, 'Credential for Backup Storage (Second)': 'Journey copies' },
		told: ['copied'],
	},
	{
		word: 'status page',
		node: 'Backup Report',
		action: 'Create a backup report',
		chosen: STORAGE,
		told: [/^Backups: /, /^\w+$/, '0'],
	},
];

/** What n8n shows in red, for a field that is empty or not there. */
const RED = ['null', 'undefined', 'empty'];

/** The rows of a table that a person can read: few columns, and nothing red. */
async function readable(panel: NodePanel): Promise<string[][]> {
	const { columns, rows } = await panel.table();
	expect(columns.length).toBeLessThanOrEqual(10);
	for (const red of RED) expect(rows.flat()).not.toContain(red);
	return rows;
}

it.each(JOURNEYS)('"$word" leads to $node, which runs as soon as credentials are chosen', async (journey) => {
	const { word, node, action, chosen, fill, told } = journey;
	const canvas = await editor.openCanvas();
	await canvas.search(word);
	await expect.poll(() => canvas.found()).toContain(node);
	const panel = await canvas.add(node, action);
	for (const [label, name] of Object.entries(chosen)) await panel.chooseCredential(label, name);
	await fill?.(panel);
	await expect.poll(() => panel.marked()).toEqual([]);
	await panel.execute();
	const rows = await readable(panel);
	await editor.screenshot(`journey-${word}`);
	for (const [index, cell] of told.entries())
		expect(
			rows.some((row) => (typeof cell === 'string' ? row[index] === cell : cell.test(row[index]!))),
			`${cell}`,
		).toBe(true);
});

it('"point in time" leads to Postgres PITR: a base backup, the log, what can be recovered, and what a recovery would do', async () => {
	const canvas = await editor.openCanvas();
	await canvas.search('point in time');
	await expect.poll(() => canvas.found()).toContain('Postgres PITR');
	const panel = await canvas.add('Postgres PITR', 'Back up a whole server');
	await panel.chooseCredential('Credential for Postgres', 'Journey database');
	await panel.chooseCredential('Credential for Backup Storage', 'Journey backups');
	expect((await panel.notices()).join()).toMatch(/until its disk is full if nobody comes for it/);
	const run = async (operation: string, done: RegExp, fill?: () => Promise<void>) => {
		await panel.choose('operation', operation);
		await expect.poll(() => panel.value('operation')).toBe(operation);
		await fill?.();
		await panel.execute();
		await expect.poll(async () => (await readable(panel)).flat().join(' ')).toMatch(done);
	};
	await run('Base Backup', /^main 20.* whole .*postgres\/base\/main_/);
	await postgres.query('shop', "INSERT INTO audit.log VALUES ('third')");
	await run('Archive WAL', /^main recoverable 20/);
	await run('List Recovery Windows', /^main recoverable 20/);
	await editor.screenshot('journey-windows');
	await run('Recover', /^true the end of the log folder /, async () => {
		await panel.pick('cluster', 'main');
		await panel.fill('targetFolder', join(documents, 'recovered'));
		await panel.addTo('Options', 'Dry Run');
		await panel.toggle('dryRun');
	});
	expect(await panel.located('cluster')).toMatch(/^20\S+ \d\d:\d\d to 20.* UTC · main/);
	await editor.screenshot('journey-recover');
	await panel.choose('operation', 'Drop Slot');
	expect(await panel.list('slotToDrop')).toEqual([expect.stringMatching(/^n8n_pitr · keeps /)]);
});
