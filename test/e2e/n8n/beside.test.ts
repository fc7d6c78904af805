import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
	archiveSide,
	type BesideChange,
	chosenBy,
	compareWorkflows,
	exportWorkflows,
	importWorkflows,
	type ImportWorkflowsOptions,
	instanceSide,
	type Manifest,
	openArchive,
	verifyBackup,
} from '../../../engine';
import { FolderStorage } from '../../../engine/storage';
import { removeFolder, temporaryFolder } from '../../services/guard';
import { type N8nServer, startN8n } from '../../services/n8n';
import { create, inARow, keyWith, node, reading, writing } from './stage';

const root = temporaryFolder('n8n-beside');
const storage = new FolderStorage({ root: join(root, 'storage') });
const choices = { storage, codec: { name: 'none' as const } };
const ALL = chosenBy({});
let n8n: N8nServer;
let backup: Manifest;
let customers: { id: string };
let user: { id: string };

type Rows = Record<string, unknown>[];

const ODD: Rows = [
	{ email: '2026-01-01T00:00:00Z', age: 1e300, ok: true, since: '2026-01-01T00:00:00.123Z' },
	{ email: '', age: -0.1, ok: false, since: null },
	{ email: 'line\nbreak "Zürich" 😀', age: null, ok: null, since: null },
];

beforeAll(async () => {
	n8n = await startN8n();
	const columns = [
		{ name: 'email', type: 'string' },
		{ name: 'age', type: 'number' },
		{ name: 'ok', type: 'boolean' },
		{ name: 'since', type: 'date' },
	];
	customers = await n8n.publicApi('POST', '/data-tables', { name: 'customers', columns });
	const many = Array.from({ length: 597 }, (_, index) => ({ email: `${index}@example.com`, age: index }));
	await n8n.publicApi('POST', `/data-tables/${customers.id}/rows`, { data: [...ODD, ...many] });
	await n8n.publicApi('POST', '/data-tables', { name: 'empty', columns: columns.slice(0, 1) });
	await n8n.publicApi('POST', '/tags', { name: 'prod' });
	const locator = { __rl: true, mode: 'list', value: customers.id, cachedResultName: 'customers' };
	const steps = [
		node('Start', 'n8n-nodes-base.manualTrigger'),
		node('Rows', 'n8n-nodes-base.dataTable', { dataTableId: locator }),
	];
	user = await create(n8n, { name: 'Uses a table', ...inARow(steps), settings: {} });
	backup = await exportWorkflows({ ...choices, api: reading(n8n), form: 'files' });
});

afterAll(async () => {
	await n8n.stop();
	removeFolder(root);
});

async function ofBackup(manifest = backup) {
	return archiveSide(await openArchive(storage, { manifest, folder: 'n8n' }), ALL);
}

async function imported(more: Partial<ImportWorkflowsOptions> = {}) {
	return await importWorkflows({
		side: await ofBackup(),
		api: writing(n8n),
		mode: 'updateById',
		dryRun: false,
		beside: ['dataTables', 'tags'],
		safeguard: choices,
		...more,
	});
}

async function besideChanges(): Promise<BesideChange[]> {
	const changes: BesideChange[] = [];
	const [before, after] = [await ofBackup(), instanceSide(reading(n8n), ALL)];
	const onBeside = (change: BesideChange) => void changes.push(change);
	await compareWorkflows({ before, after, matchBy: 'name', onWorkflow: () => {}, onBeside });
	return changes;
}

async function tables() {
	const { data } = await n8n.publicApi<{ data: { id: string; name: string; columns: object[] }[] }>(
		'GET',
		'/data-tables',
	);
	return new Map(data.map((table) => [table.name, table]));
}

async function emailsIn(id: string): Promise<number> {
	const { data } = await n8n.publicApi<{ data: Rows }>('GET', `/data-tables/${id}/rows?limit=250`);
	return data.length;
}

describe('data tables, tags and what the licence gives', () => {
	it('lie beside the workflows, with all rows, and what the licence does not include is told', async () => {
		expect(backup.counts).toMatchObject({ workflows: 1, dataTables: 2, rows: 600 });
		expect(backup.warnings).toEqual([
			'Not in the backup, because the licence of that n8n does not include them: variables, projects, folders.',
		]);
		execFileSync('tar', ['-xf', join(root, 'storage', 'n8n', backup.file), '-C', root]);
		const folder = join(root, 'beside', 'data-tables', customers.id);
		expect(readdirSync(folder)).toEqual(['rows-000001.jsonl', 'table.json']);
		const lines = readFileSync(join(folder, 'rows-000001.jsonl'), 'utf8').trimEnd().split('\n');
		expect(lines).toHaveLength(600);
		expect(lines.slice(0, 3).map((line) => JSON.parse(line) as unknown)).toMatchObject(ODD);
		const { columns } = JSON.parse(readFileSync(join(folder, 'table.json'), 'utf8')) as { columns: { name: string }[] };
		expect(columns.map(({ name }) => name)).toEqual(['email', 'age', 'ok', 'since']);
		const report = await verifyBackup({ storage, manifest: backup, folder: 'n8n', level: 'content' });
		expect(report).toMatchObject({ verdict: 'passed', findings: [] });
		expect(report.levels.at(-1)?.counts).toEqual({ workflows: 1, nodes: 2, dataTables: 2, rows: 600 });
	});

	it('are left out where that is wished, and told where the key may not read them', async () => {
		const without = await exportWorkflows({ ...choices, api: reading(n8n), form: 'files', dataTables: false });
		expect(without.counts).toMatchObject({ dataTables: 0, rows: 0 });
		const apiKey = await keyWith(n8n, ['workflow:list', 'workflow:read', 'user:list', 'tag:list', 'dataTable:list']);
		const denied = await exportWorkflows({ ...choices, api: reading(n8n, { apiKey }), form: 'files' });
		expect(denied.counts).toMatchObject({ dataTables: 0, rows: 0 });
		expect(denied.warnings.join(' ')).toContain('rows of the data table customers are not in the backup');
		expect(denied.warnings.join(' ')).toContain('dataTableRow:read');
		expect(JSON.stringify(denied)).not.toContain(apiKey);
	});

	it('are the same until something changes, and what does is told', async () => {
		expect(await besideChanges()).toEqual([]);
		expect((await imported()).beside.map(({ action }) => action)).toEqual(['unchanged', 'unchanged', 'unchanged']);
		await n8n.publicApi('POST', `/data-tables/${customers.id}/rows`, { data: [{ email: 'new' }] });
		await n8n.publicApi('POST', '/tags', { name: 'test' });
		expect(await besideChanges()).toEqual([
			expect.objectContaining({ kind: 'tags', change: 'added', name: 'test' }),
			expect.objectContaining({ kind: 'dataTables', change: 'changed', path: 'rows', before: 600, after: 601 }),
		]);
		const { beside } = await imported();
		expect(beside.find(({ name }) => name === 'customers')).toMatchObject({ action: 'skip', reason: /other rows/ });
		expect((await tables()).size).toBe(2);
	});

	it('are made anew with their rows where they are gone, and workflows name the new ones', async () => {
		await n8n.publicApi('DELETE', `/data-tables/${customers.id}`);
		const planned = await imported({ dryRun: true });
		expect(planned.beside.find(({ name }) => name === 'customers')).toMatchObject({ action: 'create', rows: 600 });
		expect(planned.workflows).toMatchObject([{ action: 'update' }]);
		expect((await tables()).size).toBe(1);
		const { beside, workflows } = await imported();
		const made = (await tables()).get('customers')!;
		expect(beside.find(({ name }) => name === 'customers')).toMatchObject({ action: 'create', id: made.id });
		expect(made.id).not.toBe(customers.id);
		expect((await besideChanges()).filter(({ kind }) => kind === 'dataTables')).toEqual([]);
		expect(workflows).toMatchObject([{ action: 'update', id: user.id }]);
		const whole = await n8n.publicApi<{ nodes: { parameters: { dataTableId?: unknown } }[] }>(
			'GET',
			`/workflows/${user.id}`,
		);
		expect(whole.nodes[1]!.parameters.dataTableId).toMatchObject({ mode: 'list', value: made.id });
		const again = await imported();
		expect([...again.beside, ...again.workflows].map(({ action }) => action)).toEqual(Array(4).fill('unchanged'));
	});

	it('get the rows that a broken run did not store, and no others', async () => {
		const { id } = (await tables()).get('customers')!;
		const last = JSON.stringify({ type: 'and', filters: [{ columnName: 'age', condition: 'gte', value: 100 }] });
		// The first of the odd ones goes by it, too: what is left are no first rows, and is not completed.
		await n8n.publicApi('DELETE', `/data-tables/${id}/rows/delete?filter=${encodeURIComponent(last)}`);
		expect((await imported()).beside.find(({ name }) => name === 'customers')).toMatchObject({ action: 'skip' });
		await n8n.publicApi('DELETE', `/data-tables/${id}/rows/clear`);
		await n8n.publicApi('POST', `/data-tables/${id}/rows`, { data: ODD });
		const { beside } = await imported();
		expect(beside.find(({ name }) => name === 'customers')).toMatchObject({ action: 'update', rows: 597 });
		expect((await besideChanges()).filter(({ kind }) => kind === 'dataTables')).toEqual([]);
		expect(await emailsIn(id)).toBe(250);
	});

	it('are refused where a backup does not tell of them, and where the licence does not include them', async () => {
		const list = await exportWorkflows({ ...choices, api: reading(n8n) });
		await expect(imported({ side: await ofBackup(list) })).rejects.toMatchObject({
			code: 'INVALID_INPUT',
			hint: expect.stringContaining('A File for Each Workflow'),
		});
		await expect(imported({ beside: ['variables'] })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
	});
});
