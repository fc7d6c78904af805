import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PACKAGE } from '../../nodes/workflow';
import { Editor } from './editor';

const editor = await Editor.open();

const folderPath = join(editor.n8n.connection.filesFolder, 'editor-harness');
mkdirSync(folderPath);
const storage = await editor.n8n.createCredential('Harness', 'backupStorageApi', { type: 'folder', folderPath });
const credentials = { backupStorageApi: storage };

it('reads and fills in the fields of a node', async () => {
	const panel = await editor.openNode({ type: `${PACKAGE}.pruneRetention`, parameters: {}, credentials });
	expect(await panel.title()).toBe('Node');
	await expect.poll(() => panel.value('operation')).toBe('Dry Run');
	expect(await panel.entries('operation')).toEqual(['Dry Run', 'Pin Backup', 'Prune', 'Unpin Backup']);
	await panel.addTo('Options', 'Time Zone');
	await panel.fill('timeZone', 'Europe/Rome');
	await expect.poll(() => panel.value('timeZone')).toBe('Europe/Rome');
	await panel.choose('operation', 'Pin Backup');
	await expect.poll(() => panel.labels()).toContain('Backup');
	await expect.poll(() => panel.marked()).toEqual(['backup']);
	expect(await panel.list('backup')).toEqual([]);
	await panel.mode('backup', 'By ID');
	await panel.fillLocator('backup', 'none-like-it');
	await expect.poll(() => panel.located('backup')).toBe('none-like-it');
	await panel.execute();
	expect(await panel.error()).toMatch(/none-like-it/);
	await panel.close();
});

it('reads the table of a run', async () => {
	const set = {
		type: 'n8n-nodes-base.set',
		typeVersion: 3.4,
		parameters: { mode: 'raw', jsonOutput: '{"first":1,"nested":{"second":[2,3],"third":null}}' },
	};
	const panel = await editor.openNode(
		{ type: `${PACKAGE}.pruneRetention`, parameters: { operation: 'dryRun' }, credentials },
		[set],
	);
	await panel.execute();
	await panel.chooseOutput('Summary Branch');
	const table = await panel.table();
	expect(table.columns.length).toBeGreaterThan(3);
	expect(table.rows).toHaveLength(1);
	expect(table.rows[0]).toHaveLength(table.columns.length);
	expect(table.rowHeights[0]).toBeGreaterThan(10);
});

it('reads and fills in the fields of a credential, and what its test says', async () => {
	const stored = await editor.openCredential(storage);
	await expect.poll(() => stored.value('folderPath')).toBe(folderPath);
	expect(await stored.answer()).toMatch(/tested successfully/);
	const dialog = await editor.newCredential('Backup Storage');
	await dialog.choose('type', 'S3');
	await dialog.fill('endpoint', 'http://127.0.0.1:9');
	await dialog.fill('bucket', 'backups');
	await dialog.fill('accessKeyId', 'key');
	await dialog.fill('secretAccessKey', 'secret');
	await dialog.save();
	expect(await dialog.answer()).toMatch(/Nothing answers/);
});

it('reads the notices of a form', async () => {
	const dialog = await editor.newCredential('Backup Encryption');
	expect(await dialog.notices()).toEqual([expect.stringMatching(/outside n8n/)]);
});
