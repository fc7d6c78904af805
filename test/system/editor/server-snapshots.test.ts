import { afterAll, beforeAll, expect, it } from 'vitest';
import { freshFilesFolder } from '../../nodes/harness';
import { qdrantData, NODE_TYPE } from '../../nodes/qdrant-support';
import type { NodeCredentials } from '../../services/n8n-client';
import { type QdrantServer, startQdrant } from '../../services/qdrant';
import { ask, at, createPlain, snapshotNames } from '../../services/qdrant-data';
import { Editor } from './editor';

const editor = await Editor.open();
let server: QdrantServer;
let credentials: NodeCredentials;

beforeAll(async () => {
	server = await startQdrant();
	await createPlain(server, 'docs', 20);
	const folderPath = freshFilesFolder(editor.n8n);
	credentials = {
		qdrantApi: await editor.n8n.createCredential('Snapshots', 'qdrantApi', qdrantData(server)),
		backupStorageApi: await editor.n8n.createCredential('Backups', 'backupStorageApi', { type: 'folder', folderPath }),
	};
});
afterAll(async () => {
	await server?.stop();
});

async function snapshot(): Promise<string> {
	return (await ask<{ name: string }>(server, 'POST', at('docs', '/snapshots?wait=true'))).name;
}

it('opens without red, deletes what is chosen from the list, and says so before', async () => {
	const canvas = await editor.openCanvas();
	const added = await canvas.add('Qdrant Snapshot', 'Delete server snapshots');
	expect(await added.marked()).toEqual([]);
	expect(await editor.page.getByText('undefined').filter({ visible: true }).count()).toBe(0);
	expect(await added.notices()).toEqual([
		expect.stringMatching(/deleted from the disk .* for good.* keeps its points/),
	]);
	await editor.screenshot('delete-server-snapshots');

	const name = await snapshot();
	const panel = await editor.openNode({
		type: NODE_TYPE,
		parameters: { operation: 'deleteServerSnapshots' },
		credentials,
	});
	expect(await panel.list('snapshot')).toEqual([expect.stringMatching(/ UTC · docs · .*B · docs-.*\.snapshot$/)]);
	await panel.pick('snapshot', name);
	await editor.screenshot('delete-server-snapshots-chosen');
	await panel.execute();
	expect((await panel.table()).columns).toContain('deleted');
	expect(await snapshotNames(server, 'docs')).toEqual([]);
});

it('deletes what comes in, without anything to fill in', async () => {
	await snapshot();
	const list = { type: NODE_TYPE, parameters: { operation: 'listServerSnapshots' }, credentials };
	const panel = await editor.openNode(
		{ type: NODE_TYPE, parameters: { operation: 'deleteServerSnapshots' }, credentials },
		[list],
	);
	await panel.choose('whichSnapshot', 'Incoming Item');
	await panel.field('incomingSnapshot').waitFor();
	await expect.poll(() => panel.marked()).toEqual([]);
	expect(await editor.page.getByText('undefined').filter({ visible: true }).count()).toBe(0);
	await panel.execute();
	expect((await panel.table()).rows).toHaveLength(1);
	expect(await snapshotNames(server, 'docs')).toEqual([]);
});
