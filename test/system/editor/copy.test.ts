import { expect, it } from 'vitest';
import { freshFilesFolder } from '../../nodes/harness';
import { NodeRunner } from '../../nodes/node-runner';
import { writeDaily } from '../../nodes/retention-support';
import { flipBit } from '../../nodes/verify-support';
import { PACKAGE } from '../../nodes/workflow';
import { FolderStorage } from '../../../engine';
import { join } from 'node:path';
import { Editor } from './editor';

const editor = await Editor.open();
const { n8n } = editor;
const NODE_TYPE = `${PACKAGE}.backupCopy`;

async function storages() {
	const data = { type: 'folder', folderPath: freshFilesFolder(n8n) };
	const backupStorageSecondApi = await n8n.createCredential('off-site', 'backupStorageSecondApi', data);
	const { folder, node } = await NodeRunner.withFolder(n8n, NODE_TYPE, { backupStorageSecondApi });
	const keys = await writeDaily(new FolderStorage({ root: folder }), 3);
	return { folder, keys, credentials: node.credentials };
}

it('copies by its defaults, says what is touched, and shows a table that can be read', async () => {
	const { credentials } = await storages();
	const panel = await editor.openNode({ type: NODE_TYPE, credentials, parameters: {} });
	const labels = await panel.labels();
	expect(labels.filter((label) => !label.startsWith('Credential'))).toEqual([
		'Operation',
		'Direction',
		'Which Backups',
		'Filters',
		'Dry Run',
		'Encryption',
		'On Failure',
		'Simplify',
		'Options',
	]);
	expect(await panel.marked()).toEqual([]);
	expect((await panel.notices()).join()).toMatch(/Reads the Backup Storage and writes into the second one/);
	await panel.execute();
	const { rows } = await panel.table();
	expect(rows.map(([outcome, name]) => [outcome, name])).toEqual(Array(3).fill(['copied', 'shop']));
	await editor.pictures('copy-backups');
	await panel.choose('direction', 'Back From the Second Storage');
	await expect
		.poll(async () => (await panel.notices()).join())
		.toMatch(/Reads the second Backup Storage and writes into the first one/);
});

it('compares, and fails over what is damaged in the first storage', async () => {
	const { folder, keys, credentials } = await storages();
	const copy = await editor.openNode({ type: NODE_TYPE, credentials, parameters: {} });
	await copy.execute();
	flipBit(join(folder, keys[0]!));
	const parameters = { operation: 'compare', readEverything: true };
	const panel = await editor.openNode({ type: NODE_TYPE, credentials, parameters });
	await panel.execute();
	expect(await panel.error()).toContain(
		`1 of 3 is missing, different or damaged. ${keys[0]}: damaged in the first storage`,
	);
	await editor.pictures('copy-compare');
});
