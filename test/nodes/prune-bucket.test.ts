import { afterAll, beforeAll, expect, it } from 'vitest';

import { S3Storage, withLock } from '../../engine';
import type { S3Server } from '../services/s3/server';
import { startS3rver } from '../services/s3/s3rver';
import { inProcessN8n } from './harness';
import { backup, type Json, NodeRunner } from './node-runner';
import { backupsIn, NODE_TYPE, writeBackup, writeDaily } from './retention-support';

const n8n = await inProcessN8n();
const storages: S3Storage[] = [];
let s3: S3Server;

beforeAll(async () => {
	s3 = await startS3rver();
});

afterAll(async () => {
	for (const storage of storages) storage.close();
	await s3.stop();
});

/** Prune Retention with a fresh bucket as the storage, below a prefix. */
async function bucketNode(more: Record<string, unknown> = {}) {
	const { endpoint, accessKeyId, secretAccessKey, region } = s3;
	const bucket = await s3.createBucket();
	const data = { type: 's3', endpoint, region, accessKeyId, secretAccessKey, bucket, prefix: 'n8n/backups', ...more };
	const backupStorageApi = await n8n.createCredential('bucket', 'backupStorageApi', data);
	const storage = new S3Storage({ endpoint, region, accessKeyId, secretAccessKey, bucket, prefix: 'n8n/backups' });
	storages.push(storage);
	return { bucket, node: new NodeRunner(n8n, NODE_TYPE, { backupStorageApi }), storage };
}

const rules = (own: Record<string, unknown>) => ({ policy: 'custom', rules: own, options: { maxShare: 100 } });

it('prunes a bucket as the dry run before says, and leaves what is not below its prefix', async () => {
	const { bucket, node, storage } = await bucketNode();
	const keys = await writeDaily(storage, 5);
	await s3.client.putObject(bucket, 'postgres/shop_20200101_020000.sql.zst', 'of another program');
	const policy = rules({ last: 2, weeklySnapshots: 2 });
	const [plannedRows, [planned]] = (await node.outputs('dryRun', policy)) as [Json[], Json[]];
	expect((await backupsIn(storage)).own).toEqual(keys);
	const [rows, [done]] = (await node.outputs('prune', policy)) as [Json[], Json[]];
	for (const field of ['totals', 'weeklyCopies', 'orphans', 'unproven', 'damaged']) {
		expect(done![field]).toEqual(planned![field]);
	}
	const verdicts = (items: Json[]) => items.map(({ key, verdict, reasons }) => ({ key, verdict, reasons }));
	expect(verdicts(rows)).toEqual(verdicts(plannedRows));
	const to: unknown = done!['weeklyCopies'][0].to;
	expect(rows.find(({ key }) => key === keys[0])).toMatchObject({ weeklyCopy: 'made', weeklyCopyKey: to });
	expect(rows.find(({ key }) => key === to)).toMatchObject({ weeklyCopy: 'is one', weeklyCopyKey: null });
	const left = await backupsIn(storage);
	expect(left.own).toEqual(keys.slice(0, 2));
	expect(left.weekly).toEqual(done!['weeklyCopies'].map(({ to }: { to: string }) => to));
	expect(await storage.readLatest('postgres/shop_latest')).toBe(keys[0]);
	expect((await s3.client.statObject(bucket, 'postgres/shop_20200101_020000.sql.zst')).size).toBe(18);
	const [again, [nothing]] = (await node.outputs('prune', policy)) as [Json[], Json[]];
	expect(nothing).toMatchObject({ totals: { deleted: 0 }, weeklyCopies: [] });
	expect(again.find(({ key }) => key === keys[0])).toMatchObject({ weeklyCopy: 'there', weeklyCopyKey: null });
});

it('pins in a bucket, and is locked out of one where another run is at work', async () => {
	const { node, storage } = await bucketNode();
	const keys = await writeDaily(storage, 3);
	await node.ok('pinBackup', backup('file', keys[2]!));
	await withLock(storage, { owner: 'somebody else' }, async () => {
		expect(await node.fails('prune', rules({ last: 1 }))).toMatch(/locked by somebody else/);
	});
	await node.ok('prune', rules({ last: 1 }));
	expect((await backupsIn(storage)).own).toEqual([keys[0], keys[2]]);
});

it('shows no secret where there is no such bucket', async () => {
	const { node } = await bucketNode({ secretAccessKey: 'only-for-the-storage', bucket: 'no-such-bucket' });
	for (const operation of ['dryRun', 'prune']) {
		const run = await node.run(operation, rules({ last: 1 }));
		expect(run.status).toBe('error');
		expect(run.error?.message).toBeTruthy();
		expect(JSON.stringify(run.execution)).not.toContain('only-for-the-storage');
	}
	const continued = await node.run('prune', rules({ last: 1 }), { onError: 'continueRegularOutput' });
	expect(continued.outputs[0]).toEqual([]);
	expect(continued.outputs[1]).toMatchObject([
		{ json: { error: expect.any(String), details: { code: expect.any(String) } }, pairedItem: { item: 0 } },
	]);
	expect(JSON.stringify(continued.execution)).not.toContain('only-for-the-storage');
});

it('runs once for each item, and tells of which one failed', async () => {
	const { node, storage } = await bucketNode();
	await writeBackup(storage, 40, { name: 'crm' });
	const keys = await writeDaily(storage, 5);
	const split = { type: 'n8n-nodes-base.splitOut', parameters: { fieldToSplitOut: 'body.policies' } };
	const parameters = { operation: 'prune', policy: 'json', policyJson: '={{ $json.policy }}' };
	const policies = [3, -1, 1].map((last) => ({ policy: { rules: { last }, maxDeletedShare: 1 } }));
	const run = async (settings: Record<string, unknown>) => {
		const prune = { type: NODE_TYPE, credentials: node.credentials, parameters, settings };
		return await (await n8n.workflow(prune, [split])).run({ policies });
	};
	const stopped = await run({});
	expect(stopped.error).toMatchObject({ message: expect.stringMatching(/not valid: rules.last/) });
	expect(JSON.stringify(stopped.execution.data.resultData.error)).toContain('"itemIndex":1');
	expect((await backupsIn(storage)).own.slice(0, 3)).toEqual(keys.slice(0, 3));
	const continued = await run({ onError: 'continueRegularOutput' });
	expect(continued.status).toBe('success');
	const [backups, summaries] = continued.outputs;
	const failed = summaries!.filter(({ json }) => json['error']);
	expect(failed.map(({ json, pairedItem }) => [pairedItem, json['error']])).toEqual([
		[{ item: 1 }, expect.stringMatching(/not valid/)],
	]);
	expect([...new Set(backups!.map(({ pairedItem }) => pairedItem?.item))]).toEqual([0, 2]);
	expect(summaries!.map(({ pairedItem }) => pairedItem?.item)).toEqual([0, 1, 2]);
	expect((await backupsIn(storage)).own).toHaveLength(2);
});
