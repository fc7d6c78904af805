import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { freshFilesFolder, inProcessN8n } from './harness';
import { PACKAGE } from './workflow';

const n8n = await inProcessN8n();

it('runs nodes one after another, and reads the items of the last', async () => {
	const set = (jsonOutput: string) => ({
		type: 'n8n-nodes-base.set',
		typeVersion: 3.4,
		parameters: { mode: 'raw', jsonOutput },
	});
	const workflow = await n8n.workflow(set('={{ { next: $json.doubled + 1 } }}'), [
		set('={{ { doubled: $json.body.number * 2 } }}'),
	]);
	const run = await workflow.run({ number: 21 });
	expect(run.status).toBe('success');
	expect(run.items).toEqual([{ json: { next: 43 }, pairedItem: { item: 0 } }]);
});

it('reports the error of a run that failed', async () => {
	const workflow = await n8n.workflow({
		type: 'n8n-nodes-base.stopAndError',
		parameters: { errorMessage: 'no disk' },
	});
	const run = await workflow.run();
	expect(run.status).toBe('error');
	expect(run.error?.message).toBe('no disk');
});

it('keeps nodes to one folder', async () => {
	const read = async (fileSelector: string) =>
		await (
			await n8n.workflow({
				type: 'n8n-nodes-base.readWriteFile',
				parameters: { operation: 'read', fileSelector },
			})
		).run();
	const refused = await read('/etc/hostname');
	expect(refused.status).toBe('error');
	expect(refused.error?.message).toMatch(/not allowed/i);
	const file = join(freshFilesFolder(n8n), 'notes.txt');
	writeFileSync(file, 'some notes');
	const taken = await read(file);
	expect(taken.items[0]!.binary!['data']).toMatchObject({
		fileName: 'notes.txt',
		bytes: 10,
		id: expect.stringMatching(/^filesystem/),
	});
});

it('runs no node without what the node requires', async () => {
	const list = { type: `${PACKAGE}.postgresDump`, parameters: { operation: 'listBackups' } };
	const without = await (await n8n.workflow(list)).run();
	expect(without.status).toBe('error');
	const backupStorageApi = await n8n.createCredential('key', 'backupEncryptionApi', { passphrase: 'of another type' });
	const wrong = await (await n8n.workflow({ ...list, credentials: { backupStorageApi } })).run();
	expect(wrong.error?.message).toMatch(/no credential key of the type backupStorageApi/);
});
