import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PostgresServer, startPostgres } from '../services/postgres';
import { createPlain } from '../services/qdrant-data';
import { startQdrant, type QdrantServer } from '../services/qdrant';
import { inProcessN8n } from './harness';
import { backup, byName, type Json, NodeRunner } from './node-runner';
import { createShop, NODE_TYPE as DUMP, postgresData } from './postgres-support';
import { NODE_TYPE as SNAPSHOT, qdrantData } from './qdrant-support';
import { NODE_TYPE as PRUNE } from './retention-support';
import { columnsOf, expectMore, expectNoGaps } from './table';
import { flipBit, NODE_TYPE as VERIFY } from './verify-support';

const n8n = await inProcessN8n();
let postgres: PostgresServer;
let qdrant: QdrantServer;
/** A storage of its own, with a node for each thing to do with it. */
let folder: string;
let dump: NodeRunner;
let snapshot: NodeRunner;
let verify: NodeRunner;
let prune: NodeRunner;
/** As Back Up told of them by default, and two of the shop after it. */
let shop: Json;
let docs: Json;

beforeAll(async () => {
	[postgres, qdrant] = await Promise.all([startPostgres({ version: 18 }), startQdrant()]);
	await Promise.all([createShop(postgres, 'shop'), createPlain(qdrant, 'docs', 300)]);
	const server = await n8n.createCredential('server', 'postgres', postgresData(postgres, 'shop'));
	const vectors = await n8n.createCredential('vectors', 'qdrantApi', qdrantData(qdrant));
	({ folder, node: dump } = await NodeRunner.withFolder(n8n, DUMP, { postgres: server }));
	snapshot = new NodeRunner(n8n, SNAPSHOT, { ...dump.credentials, qdrantApi: vectors });
	verify = new NodeRunner(n8n, VERIFY, dump.credentials);
	prune = new NodeRunner(n8n, PRUNE, dump.credentials);
	[, shop] = (await simple(dump, 'backUp', { globals: true }))[0] as [Json, Json];
	[docs] = (await simple(snapshot, 'backUp'))[0] as [Json];
	for (let made = 0; made < 2; made++) await dump.ok('backUp');
});

afterAll(async () => {
	await Promise.all([postgres?.stop(), qdrant?.stop()]);
});

/** Runs it as it is by default, Simplify on: each output is a table. */
async function simple(node: NodeRunner, operation: string, parameters: Record<string, unknown> = {}) {
	const outputs = await node.outputs(operation, { ...parameters, simplify: true });
	for (const items of outputs) {
		columnsOf(items);
		expectNoGaps(items);
	}
	return outputs;
}

/** The same, and that with Simplify off there is all of it and more, where it changes nothing. */
async function both(node: NodeRunner, operation: string, parameters: Record<string, unknown> = {}) {
	const outputs = await simple(node, operation, parameters);
	const full = await node.outputs(operation, { ...parameters, simplify: false });
	for (const [output, items] of outputs.entries()) {
		expect(full[output]).toHaveLength(items.length);
		// What takes time takes another time, and the texts of a run tell when it was.
		for (const [index, { durationSeconds: _seconds, text: _text, html: _html, ...item }] of items.entries())
			expectMore(item, full[output]![index]!);
	}
	return outputs;
}

it('tells of a backup what people look for, and of a listed one whether it was verified', async () => {
	expect(Object.keys(shop)).toEqual(['name', 'startedAt', 'size', 'rows', 'state', 'file', 'key', 'id', 'runId']);
	expect(shop).toMatchObject({ name: 'shop', size: expect.stringMatching(/^[\d.]+ kB$/), rows: 1502, state: 'whole' });
	expect(docs).toMatchObject({ name: 'docs', points: 300, state: 'whole' });
	await verify.ok('verify', backup('id', shop['id']));
	const listed = (await both(dump, 'listBackups'))[0]!;
	expect(listed.find(({ id }) => id === shop['id'])).toEqual({ ...shop, verified: 'passed' });
	expect((await both(snapshot, 'listBackups'))[0]).toEqual([{ ...docs, verified: 'never' }]);
	expect((await both(dump, 'listContents', { dumpFile: { __rl: true, mode: 'path', value: shop['key'] } }))[0]).toEqual(
		expect.arrayContaining([expect.objectContaining({ type: 'TABLE' })]),
	);
});

it('has the manifest as a text beside binary data, of which Restore and Verify take it', async () => {
	const { credentials } = dump.with({ backupStorageApi: undefined });
	const backUp = { operation: 'backUp', destination: 'binaryData' };
	const before = [{ type: DUMP, credentials, parameters: backUp }];
	const made = await simple(dump.with({ backupStorageApi: undefined }), 'backUp', backUp);
	expect(made[0]).toMatchObject([{ name: 'shop', manifest: expect.stringContaining('"formatVersion":2') }]);
	const checked = await (await verify.workflow('verify', { which: 'binaryData' }, {}, before)).run();
	expect(checked.items).toMatchObject([{ json: { verdict: 'passed', kind: 'postgres' } }]);
	const into = { source: 'binaryData', target: 'newDatabase', targetDatabase: 'from_binary', simplify: true };
	const restored = await (await dump.workflow('restore', into, {}, before)).run();
	expect(restored.error).toBeUndefined();
	columnsOf(restored.items.map(({ json }) => json));
	expect(restored.items).toMatchObject([{ json: { database: 'from_binary', state: 'restored', rows: 1502 } }]);
});

it('tells of a restore what came back, and where the old data is', async () => {
	const from = backup('id', shop['id']);
	const swap = { ...from, target: 'safeSwap', existingDatabase: byName('shop'), confirmation: 'shop' };
	expect((await simple(dump, 'restore', swap))[0]).toMatchObject([
		{ database: 'shop', state: 'restored', rows: 1502, previousDatabase: expect.any(String), id: shop['id'] },
	]);
	const globals = { ...backup('latest', 'globals'), restoreKind: 'globals' };
	expect((await both(dump, 'restore', globals))[0]).toMatchObject([{ state: expect.stringMatching(/created/) }]);
	const anew = { ...backup('id', docs['id']), target: 'newCollection', targetCollection: 'docs_again' };
	expect((await simple(snapshot, 'restore', anew))[0]).toMatchObject([{ collection: 'docs_again', points: 300 }]);
});

it('tells of what was verified, drilled and compared', async () => {
	const damaged = (await dump.ok('backUp'))[0]!;
	flipBit(join(folder, damaged['key']));
	const onFailure = 'putOut';
	const [passed, failed] = await both(verify, 'verify', { which: 'all', level: 'restore', onFailure });
	expect(passed).toContainEqual(expect.objectContaining({ name: 'shop', verdict: 'passed', reached: 'restore' }));
	expect(passed).toContainEqual(
		expect.objectContaining({ name: 'docs', warning: expect.stringMatching(/Qdrant Into/) }),
	);
	expect(failed).toMatchObject([{ verdict: 'failed', problem: expect.any(String), key: damaged['key'] }]);
	const [, earlier] = await both(verify, 'listVerifications', backup('id', damaged['id']));
	expect(earlier).toMatchObject([{ verdict: 'failed' }, { verdict: 'failed' }]);
	await both(verify, 'checkTrend', { onFailure });
	const [listed] = await both(verify, 'listBackups', { which: 'all' });
	expect(listed).toContainEqual(expect.objectContaining({ name: 'shop', kind: 'postgres', verified: 'passed' }));
	const [, drilled] = await simple(verify, 'drill', { onFailure });
	expect(drilled).toMatchObject([{ verdict: 'failed', text: expect.stringContaining('shop') }]);
});

it('tells by a row for each backup what a prune would do, and sums up beside it', async () => {
	const gone = (await dump.ok('backUp'))[0]!;
	rmSync(join(folder, gone['key']));
	const [rows, summary] = await both(prune, 'dryRun', { policy: 'custom', rules: { last: 1 } });
	expect(rows!.map(({ outcome }) => outcome as string)).toEqual(expect.arrayContaining(['kept', 'wouldBeDeleted']));
	expect(summary).toMatchObject([{ dryRun: true, kept: 4, freed: expect.stringMatching(/ k?B$/) }]);
	const pinned = await simple(prune, 'pinBackup', backup('id', shop['id']));
	expect(pinned).toHaveLength(1);
	expect(pinned[0]).toMatchObject([{ name: 'shop', pinned: true, state: 'whole, pinned' }]);
	const listed = (await simple(dump, 'listBackups'))[0]!;
	expect(listed.find(({ id }) => id === gone['id'])).toMatchObject({ state: 'archive missing' });
	writeFileSync(join(folder, `${gone['key']}.manifest.json`), '{}');
	const withDamaged = (await simple(dump, 'listBackups'))[0]!;
	expect(withDamaged.at(-1)).toMatchObject({
		name: gone['file'],
		state: expect.stringMatching(/^damaged manifest/),
		rows: 0,
		verified: false,
	});
});
