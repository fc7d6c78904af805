import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Json, NodeRunner } from '../../nodes/node-runner';
import { createShop, NODE_TYPE as DUMP, postgresData } from '../../nodes/postgres-support';
import { NODE_TYPE as SNAPSHOT, qdrantData } from '../../nodes/qdrant-support';
import { copyBackup, flipBit, NODE_TYPE } from '../../nodes/verify-support';
import type { NodeUnderTest } from '../../nodes/workflow';
import { type PostgresServer, startPostgres } from '../../services/postgres';
import { type QdrantServer, startQdrant } from '../../services/qdrant';
import { createPlain } from '../../services/qdrant-data';
import { Editor } from './editor';

const editor = await Editor.open();
const { n8n } = editor;
let postgres: PostgresServer;
let qdrant: QdrantServer;

beforeAll(async () => {
	[postgres, qdrant] = await Promise.all([startPostgres({ version: 18 }), startQdrant()]);
	await createShop(postgres, 'shop');
	await createPlain(qdrant, 'docs', 300);
});

afterAll(async () => {
	await Promise.all([postgres?.stop(), qdrant?.stop()]);
});

/** A storage with a database that is good, and a copy of it that is not; and with a collection, where it is wanted. */
async function backedUp({ collection = false } = {}) {
	const { folder, node } = await NodeRunner.withFolder(n8n, NODE_TYPE, {});
	const server = await n8n.createCredential('server', 'postgres', postgresData(postgres, 'shop'));
	const vectors = await n8n.createCredential('vectors', 'qdrantApi', qdrantData(qdrant));
	const [made] = await new NodeRunner(n8n, DUMP, { ...node.credentials, postgres: server }).ok('backUp');
	const snapshot = new NodeRunner(n8n, SNAPSHOT, { ...node.credentials, qdrantApi: vectors });
	if (collection) await snapshot.ok('backUp');
	const key = made!['key'] as string;
	const spoilt = () => {
		const copy = copyBackup(folder, key, 'copies');
		flipBit(join(folder, copy));
		return copy;
	};
	const under = (parameters: Json, more: Partial<NodeUnderTest> = {}): NodeUnderTest => ({
		type: NODE_TYPE,
		credentials: node.credentials,
		parameters,
		...more,
	});
	return { under, spoilt };
}

it.each(['Verify', 'Drill', 'Check Trend'])('%s says under On Failure what becomes of a run', async (operation) => {
	const panel = await editor.openNode({ type: NODE_TYPE, parameters: {} });
	await panel.choose('operation', operation);
	await expect.poll(() => panel.value('onFailure')).toBe('Fail Unless Failed Is Connected');
	await expect
		.poll(async () => (await panel.notices()).join())
		.toMatch(/ends the run with an error.*Connect something to the output Failed/);
	await panel.field('onFailure').scrollIntoViewIfNeeded();
	await editor.screenshot(`on-failure-${operation}`);
	await panel.choose('onFailure', 'Continue');
	await expect
		.poll(async () => (await panel.notices()).join())
		.toMatch(/does not end the run, which shows as a success/);
	await panel.choose('onFailure', 'Fail');
	await expect.poll(async () => (await panel.notices()).filter((text) => text.includes('has not passed'))).toEqual([]);
});

it('shows an error for a bad backup that nobody hears of, and items where something is connected', async () => {
	const { under, spoilt } = await backedUp();
	const bad = spoilt();
	const parameters = { operation: 'verify', which: 'all' };
	const unheard = await editor.openNode(under(parameters));
	await unheard.execute();
	expect(await unheard.error()).toContain(`1 of 2 has not passed. ${bad}: failed.`);
	await editor.screenshot('verify-fails');
	const heard = await editor.openNode(under(parameters, { connected: [undefined, 'on'] }));
	await heard.execute();
	expect(await heard.hints()).toEqual([expect.stringContaining('1 of 2 has not passed: it is in Failed')]);
	await heard.chooseOutput('Failed Branch');
	const { rows } = await heard.table();
	expect(rows).toEqual([expect.arrayContaining(['failed', bad])]);
	await editor.screenshot('verify-failed-output');
});

it('drills by its defaults with a collection in the storage, and does not look like a whole success', async () => {
	const { under } = await backedUp({ collection: true });
	const panel = await editor.openNode(under({ operation: 'drill' }));
	await editor.screenshot('drill-panel');
	await panel.execute();
	expect(await panel.hints()).toEqual([
		expect.stringMatching(
			/^Drill passed in part: 1 of 2 backups, .*docs \(qdrant\): no server is chosen in Qdrant Into/,
		),
	]);
	const { rows } = await panel.table();
	expect(rows).toEqual([expect.arrayContaining(['passedInPart'])]);
	await editor.screenshot('drill-in-part');
});

it('lists, by its defaults, what nobody has verified lately', async () => {
	const { under, spoilt } = await backedUp();
	const copy = spoilt();
	const panel = await editor.openNode(under({}));
	await panel.choose('operation', 'List Backups');
	await expect.poll(() => panel.value('which')).toBe('Not Verified for Days');
	await expect.poll(() => panel.value('level')).toBe('Content');
	await panel.execute();
	const { rows } = await panel.table();
	const listed = ['shop', 'postgres', 'never'];
	expect(rows).toEqual([expect.arrayContaining([...listed, copy]), expect.arrayContaining(listed)]);
	await editor.screenshot('list-backups-to-verify');
});
