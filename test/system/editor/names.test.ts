import { expect, it } from 'vitest';
import { PACKAGE } from '../../nodes/workflow';
import { Editor } from './editor';

const editor = await Editor.open();

it('a node is called after its action, and changes its name with it', async () => {
	const canvas = await editor.openCanvas();
	const panel = await canvas.add('Postgres Dump', 'Restore a database');
	expect(await panel.title()).toBe('Restore a database');
	await panel.choose('operation', 'Import');
	await expect.poll(() => panel.title()).toBe('Import a dump');
});

it.each([
	'backupReport',
	'postgresPitr',
	'qdrantSnapshot',
	'verifyArchive',
	'minioMirror',
	'filesArchive',
	'n8nExport',
])('%s offers nothing but its own operations', async (type) => {
	const panel = await editor.openNode({ type: `${PACKAGE}.${type}`, parameters: {} });
	const entries = await panel.entries('operation');
	expect(entries.length).toBeGreaterThan(3);
	expect(entries).not.toContain('Custom API Call');
});

it('says that Encrypt needs a credential, and that its keys are kept elsewhere too', async () => {
	const panel = await editor.openNode({ type: `${PACKAGE}.postgresDump`, parameters: {} });
	expect(await panel.labels()).not.toContain('Credential for Backup Encryption (If Encrypted)');
	await panel.toggle('encrypt');
	await expect.poll(() => panel.labels()).toContain('Credential for Backup Encryption (If Encrypted)');
	await expect
		.poll(() => panel.notices())
		.toEqual([expect.stringMatching(/needs a Backup Encryption credential.*outside of n8n/)]);
	await editor.screenshot('encrypt');
});
