import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshFilesFolder } from '../../nodes/harness';
import { backup } from '../../nodes/node-runner';
import { createShop, NODE_TYPE as DUMP, postgresData } from '../../nodes/postgres-support';
import { NODE_TYPE as PRUNE } from '../../nodes/retention-support';
import { NODE_TYPE as VERIFY } from '../../nodes/verify-support';
import { type PostgresServer, startPostgres } from '../../services/postgres';
import type { NodeCredentials } from '../../services/n8n-client';
import { Editor } from './editor';
import type { Table } from './node-panel';

const editor = await Editor.open();
let server: PostgresServer;
let credentials: NodeCredentials;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	await createShop(server, 'shop');
	const folderPath = freshFilesFolder(editor.n8n);
	credentials = {
		postgres: await editor.n8n.createCredential('Shop', 'postgres', postgresData(server, 'shop')),
		backupStorageApi: await editor.n8n.createCredential('Backups', 'backupStorageApi', { type: 'folder', folderPath }),
	};
});

afterAll(async () => {
	await server?.stop();
});

/** Pixels of a row: n8n's cells have a padding. */
const linesHigh = (lines: number) => lines * 18 + 12;

/** What n8n shows in red, for a field that is empty or not there. */
const RED = ['null', 'undefined', 'empty'];

function expectReadable({ columns, rows }: Table): void {
	expect(columns.length).toBeLessThanOrEqual(10);
	expect(columns.slice(0, 2)).toContain('name');
	for (const red of RED) expect(rows.flat()).not.toContain(red);
}

describe('a run of', () => {
	it.each([
		// n8n wraps what does not fit, at hyphens as well: an id takes four lines in a window as small as a laptop's.
		['Back Up', DUMP, { operation: 'backUp', globals: true }, 4],
		['List Backups', DUMP, { operation: 'listBackups' }, 4],
		['Verify', VERIFY, { operation: 'verify', ...backup('latest', 'shop') }, 4],
		['Dry Run', PRUNE, { operation: 'dryRun' }, 6],
	])('%s shows a table that is read at a glance', async (name, type, parameters, lines) => {
		const panel = await editor.openNode({ type, parameters, credentials });
		await panel.execute();
		const narrow = await panel.table();
		await editor.pictures(`table-${name}`);
		expectReadable(narrow);
		for (const height of narrow.rowHeights) expect(height).toBeLessThan(linesHigh(lines));
		await editor.page.setViewportSize({ width: 3600, height: 720 });
		const wide = await panel.table();
		await editor.pictures(`table-${name}-wide`);
		await editor.page.setViewportSize({ width: 1280, height: 720 });
		for (const height of wide.rowHeights) expect(height).toBeLessThan(linesHigh(1));
	});
});

it('a dry run has its summary, ready for a mail, on the second output', async () => {
	const panel = await editor.openNode({ type: PRUNE, parameters: { operation: 'dryRun' }, credentials });
	await panel.execute();
	await panel.chooseOutput('Summary Branch');
	const summary = await panel.table();
	await editor.screenshot('table-Summary');
	expectReadable({ ...summary, columns: ['name', ...summary.columns.slice(1)] });
	expect(summary.columns[0]).toBe('subject');
	expect(summary.rows).toHaveLength(1);
});

it('a pin has a single output', async () => {
	const parameters = { operation: 'pinBackup', ...backup('latest', 'shop') };
	const panel = await editor.openNode({ type: PRUNE, parameters, credentials });
	await panel.execute();
	const { columns, rows } = await panel.table();
	expect(columns).toContain('pinned');
	expect(rows).toHaveLength(1);
	expect(await panel.output.innerText()).not.toContain('Branch');
});
