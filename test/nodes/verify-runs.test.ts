import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PostgresServer, startPostgres } from '../services/postgres';
import type { S3Server } from '../services/s3/server';
import { startS3rver } from '../services/s3/s3rver';
import { inProcessN8n } from './harness';
import { backup, type Json, NodeRunner } from './node-runner';
import { createShop, NODE_TYPE as DUMP, postgresData } from './postgres-support';
import { copyBackup, flipBit, NODE_TYPE, outputsOf, verdicts, verdictsOf } from './verify-support';

const n8n = await inProcessN8n();
let postgres: PostgresServer;
let s3: S3Server;

beforeAll(async () => {
	[postgres, s3] = await Promise.all([startPostgres({ version: 18 }), startS3rver()]);
	await createShop(postgres, 'shop');
});

afterAll(async () => {
	await Promise.all([postgres?.stop(), s3?.stop()]);
});

async function freshStorage() {
	const { folder, node } = await NodeRunner.withFolder(n8n, NODE_TYPE, {});
	const server = await n8n.createCredential('server', 'postgres', postgresData(postgres, 'shop'));
	const dump = new NodeRunner(n8n, DUMP, { ...node.credentials, postgres: server });
	const onServer = { credentials: { postgres: server }, parameters: { postgresTarget: 'server' } };
	return { folder, node, dump, onServer };
}

it('verifies, records, lists, drills and compares in a bucket as in a folder', async () => {
	const { node: inFolder, dump, onServer } = await freshStorage();
	const bucket = await s3.createBucket('verified');
	const { endpoint, accessKeyId, secretAccessKey } = s3;
	const data = { type: 's3', endpoint, accessKeyId, secretAccessKey, bucket, prefix: 'n8n' };
	const backupStorageApi = await n8n.createCredential('bucket', 'backupStorageApi', data);
	const [node, toBucket] = [inFolder.with({ backupStorageApi }), dump.with({ backupStorageApi })];
	const [made] = await toBucket.ok('backUp');
	const { passed, failed } = await verdicts(node, 'verify', { which: 'due', days: 1, level: 'restore' });
	expect(failed).toEqual([]);
	expect(passed).toMatchObject([{ id: made!['id'], reached: 'restore', recorded: true, counts: { rows: 1502 } }]);
	await s3.client.statObject(bucket, `n8n/${made!['key']}.verification.json`);
	expect((await verdicts(node, 'verify', { which: 'due', days: 1, level: 'restore' })).passed).toEqual([]);
	expect(await toBucket.ok('listBackups')).toMatchObject([{ verification: { verdict: 'passed', level: 'restore' } }]);
	expect((await verdicts(node.with(onServer.credentials), 'drill', onServer.parameters)).passed).toMatchObject([
		{ verdict: 'passed', recorded: 1, gaps: [] },
	]);
	expect((await verdicts(node, 'listVerifications', backup('id', made!['id'] as string))).passed).toHaveLength(2);
	expect((await verdicts(node, 'checkTrend')).passed).toMatchObject([{ id: made!['id'] }]);

	const key = `n8n/${made!['key']}`;
	const stored = await (await s3.client.getObject(bucket, key)).toArray();
	const bytes = Buffer.concat(stored as Buffer[]);
	bytes[Math.floor(bytes.length / 2)]! ^= 1;
	await s3.client.putObject(bucket, key, bytes);
	const broken = await verdicts(node, 'verify', { which: 'all', level: 'restore' });
	expect(broken).toMatchObject({ passed: [], failed: [{ verdict: 'failed', reached: null, recorded: true }] });
	expect(await toBucket.ok('listBackups')).toMatchObject([{ verified: 'failed' }]);
});

/** Of each item of an output: the item before that it is paired with. */
function pairs(run: { execution: Parameters<typeof outputsOf>[0] }): unknown[] {
	const main = run.execution.data.resultData.runData['Node']!.at(-1)!.data!.main;
	return main.map((items) => (items ?? []).map(({ pairedItem }) => pairedItem));
}

it('pairs each result with the item it is of, and puts errors out beside it where it is to go on', async () => {
	const { folder, node, dump } = await freshStorage();
	const [made] = await dump.ok('backUp');
	const bad = copyBackup(folder, made!['key'] as string, 'other');
	flipBit(join(folder, bad));
	const items = [{ key: made!['key'] as string }, { key: bad }, { key: '' }, { key: 'gone.sql.zst' }];
	const before = [
		{
			type: 'n8n-nodes-base.splitOut',
			parameters: { fieldToSplitOut: 'body.items', options: {} },
			credentials: {},
		},
	];
	const parameters = {
		which: 'incoming',
		incomingBackup: "={{ $json.key ?? $json['body.items'].key }}",
		onFailure: 'putOut',
	};
	const run = async (settings: Json, more: Json = {}) =>
		await (await node.workflow('verify', { ...parameters, ...more }, settings, before)).run({ items });

	const stopped = await run({});
	expect([stopped.status, stopped.error?.message]).toEqual(['error', expect.stringMatching(/tells of no backup/)]);
	// What was found bad before is told with it.
	expect(stopped.error?.description).toMatch(
		/\nBefore this error: 1 of 2 has not passed\.\nother\/shop_\S+: failed\. [^\n]+$/,
	);
	const goodOnly = [{ key: made!['key'] as string }, { key: '' }];
	const later = await (await node.workflow('verify', parameters, {}, before)).run({ items: goodOnly });
	expect([later.status, later.error?.description]).toEqual([
		'error',
		expect.not.stringContaining('Before this error') as string,
	]);

	const continued = await run({ onError: 'continueRegularOutput' });
	expect(continued.status).toBe('success');
	const { passed, failed } = verdictsOf(continued);
	expect(passed).toMatchObject([{ key: made!['key'], verdict: 'passed' }]);
	expect(failed).toMatchObject([
		{ key: bad, verdict: 'failed' },
		{ error: expect.stringMatching(/tells of no backup/) },
		{ key: 'gone.sql.zst', verdict: 'failed' },
	]);
	expect(pairs(continued)).toEqual([[{ item: 0 }], [{ item: 1 }, { item: 2 }, { item: 3 }]]);

	const apart = await run({ onError: 'continueErrorOutput' });
	expect(verdictsOf(apart)).toMatchObject({ passed: [{}], failed: [{ key: bad }, {}], errors: [{}] });

	// Told to fail and to go on, it goes on: nothing is lost.
	const both = await run({ onError: 'continueRegularOutput' }, { onFailure: 'fail' });
	expect(both.status).toBe('success');
	expect(verdictsOf(both).failed).toHaveLength(3);
	// With an error output it is there that somebody listens.
	const listening = await run({ onError: 'continueErrorOutput' }, { onFailure: 'failUnlessConnected' });
	expect(verdictsOf(listening)).toMatchObject({ passed: [{}], failed: [{ key: bad }, {}] });
	expect(verdictsOf(listening).errors).toMatchObject([
		{ error: expect.stringMatching(/tells of no backup/) },
		{
			error: expect.stringMatching(/^2 of 3 have not passed\. other\//),
			details: { hint: expect.stringMatching(/the results of 2 backups are recorded/) },
		},
	]);
});

it('restores what Back Up has just made for a test, each with the backup it is of', async () => {
	const { node, dump, onServer } = await freshStorage();
	const parameters = { operation: 'backUp', databaseMode: 'all', globals: true };
	const before = [{ type: DUMP, parameters, credentials: dump.credentials }];
	const test = { which: 'incoming', level: 'restore', ...onServer.parameters };
	const run = await (await node.with(onServer.credentials).workflow('verify', test, {}, before)).run();
	expect(verdictsOf(run).passed.map(({ kind, name, reached }) => [kind, name, reached])).toEqual([
		['postgres-globals', 'globals', 'restore'],
		['postgres', 'postgres', 'restore'],
		['postgres', 'shop', 'restore'],
	]);
	expect(pairs(run)).toEqual([[{ item: 0 }, { item: 1 }, { item: 2 }], []]);
});

it('restores a file made by others for a test, from the storage and as binary data', async () => {
	const { folder, node, dump } = await freshStorage();
	const [made] = await dump.ok('backUp', { compression: 'gzip' });
	copyFileSync(join(folder, made!['key'] as string), join(folder, 'shop.sql.gz'));
	const assertion = [{ sql: 'SELECT count(*) = 1000 FROM public.users' }];
	const test = { level: 'restore', assertions: { assertion } };
	const file = { which: 'file', file: { __rl: true, mode: 'path', value: 'shop.sql.gz' } };
	const { passed } = await verdicts(node, 'verify', { ...test, ...file });
	expect(passed).toMatchObject([
		{ format: 'plain SQL dump in gzip', reached: 'restore', counts: { tables: 3, rows: 1502, assertions: 1 } },
	]);
	const parameters = { operation: 'backUp', destination: 'binaryData' };
	const before = [{ type: DUMP, parameters, credentials: dump.credentials }];
	const binary = node.with({ backupStorageApi: undefined });
	const wrong = { ...test, assertions: { assertion: [{ sql: 'SELECT count(*) = 1 FROM public.users' }] } };
	const bare = { which: 'binaryData', manifest: '', onFailure: 'putOut' };
	const run = await (await binary.workflow('verify', { ...bare, ...wrong }, {}, before)).run();
	expect(verdictsOf(run)).toMatchObject({ passed: [], failed: [{ verdict: 'failed', reached: 'content' }] });
});
