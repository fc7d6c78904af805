import { join } from 'node:path';

import { expect, it, onTestFinished } from 'vitest';

import { archiveSide, chosenBy, exportWorkflows, openArchive } from '../../../../engine';
import { isDeeperThan, WORKFLOW_LIMITS } from '../../../../engine/n8n/workflows/limits';
import { fileOf } from '../../../../engine/n8n/workflows/separate';
import { FolderStorage } from '../../../../engine/storage';
import { removeFolder, temporaryFolder } from '../../../services/guard';
import { fakeN8n, fakeWorkflow, holding } from '../fake';

/** Values inside of values, so many levels of them. */
function nested(levels: number): unknown {
	let value: unknown = {};
	for (let level = 1; level < levels; level++) value = level % 2 ? [value] : { a: value };
	return value;
}

/** A workflow of so many levels. */
function deep(id: string, levels: number) {
	return fakeWorkflow(id, { nodes: [{ name: 'Deep', type: 'a', parameters: nested(levels - 3) }] });
}

function temporaryStorage(): FolderStorage {
	const root = temporaryFolder('n8n-limits');
	onTestFinished(() => removeFolder(root));
	return new FolderStorage({ root: join(root, 'storage') });
}

it.each(['list', 'files'] as const)('reads back the deepest workflow that it exports, in the form %s', async (form) => {
	const { depth } = WORKFLOW_LIMITS;
	const n8n = await fakeN8n(holding([deep('a', depth), deep('b', depth + 1), fakeWorkflow('c')]));
	const storage = temporaryStorage();
	const manifest = await exportWorkflows({ api: n8n.api(), form, storage, codec: { name: 'none' } });
	expect(manifest.counts).toMatchObject({ workflows: 2 });
	expect(manifest.warnings).toEqual(
		expect.arrayContaining([
			'One workflow is not in the backup, for nothing could read it back: larger than 96 MiB, or values inside of values deeper than 1000 levels: Workflow b (b).',
		]),
	);
	const found: string[] = [];
	const side = archiveSide(await openArchive(storage, { manifest, folder: 'n8n' }), chosenBy({}));
	await side.each(({ id }) => void found.push(String(id)));
	expect(found).toEqual(['a', 'c']);
});

it('makes no backup where nothing of it could be read back', async () => {
	const n8n = await fakeN8n(holding([deep('a', WORKFLOW_LIMITS.depth + 1)]));
	const made = exportWorkflows({ api: n8n.api(), storage: temporaryStorage(), codec: { name: 'none' } });
	await expect(made).rejects.toMatchObject({
		code: 'SOURCE_FAILED',
		message: expect.stringContaining('Workflow a (a)'),
	});
});

it('writes a workflow without spaces where it would be too large with them', () => {
	// Each element of a list this deep stands behind eight hundred spaces.
	let value: unknown = Array.from({ length: 140_000 }, () => 1);
	for (let level = 0; level < 400; level++) value = [value];
	const workflow = fakeWorkflow('a', { pinData: value });
	const json = JSON.stringify(workflow);
	const { content } = fileOf(workflow, json);
	expect(content.equals(Buffer.from(json))).toBe(true);
	expect(fileOf(fakeWorkflow('b'), '').content.toString()).toContain('\n  "id": "b"');
});

it('counts levels as the reader does', () => {
	expect(isDeeperThan(nested(5), 5)).toBe(false);
	expect(isDeeperThan(nested(6), 5)).toBe(true);
	expect(isDeeperThan([1, 'a', null], 1)).toBe(false);
});
