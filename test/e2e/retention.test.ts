import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { findBackup, S3Storage } from '../../engine';
import { all } from '../integration/storage/content';
import { backup, NodeRunner } from '../nodes/node-runner';
import { backupsIn, NODE_TYPE, pruneNode, writeBackup, writeDaily } from '../nodes/retention-support';
import { startFaultyProxy } from '../services/faultyProxy';
import type { S3Server } from '../services/s3/server';
import { startS3rver } from '../services/s3/s3rver';
import { sharedN8n } from './harness';

const n8n = await sharedN8n();
let s3: S3Server;

beforeAll(async () => {
	s3 = await startS3rver();
});

afterAll(async () => {
	await s3.stop();
});

const rules = (own: Record<string, unknown>) => ({ policy: 'custom', rules: own, options: { maxShare: 100 } });

it('pins a backup, and prunes the others by the policy that a dry run put out', async () => {
	const { node, storage } = await pruneNode(n8n);
	const keys = await writeDaily(storage, 5);
	expect(await node.ok('pinBackup', backup('file', keys[4]!))).toMatchObject([{ pinned: true }]);
	const planned = { operation: 'dryRun', simplify: false, ...rules({ last: 3 }) };
	const before = { type: NODE_TYPE, parameters: planned, outputIndex: 1 };
	const parameters = { policy: 'json', policyJson: '={{ $json.policy }}' };
	const run = await (await node.workflow('prune', parameters, {}, [before])).run();
	expect(run.error).toBeUndefined();
	expect(run.outputs[1]![0]!.json).toMatchObject({ dryRun: false, totals: { deleted: 1, kept: 4 } });
	expect((await backupsIn(storage)).own).toEqual([keys[0], keys[1], keys[2], keys[4]]);
	expect(await node.ok('unpinBackup', backup('file', keys[4]!))).toMatchObject([{ pinned: false }]);
	const request = { nodeType: NODE_TYPE, credentials: node.credentials };
	const folders = await n8n.loadOptions({ ...request, methodName: 'getFolders' });
	expect(folders).toContainEqual(expect.objectContaining({ value: 'postgres/', description: '4 backups' }));
});

it('ends between two groups of deletions when it is stopped, gives up its lock, and is finished by the next run', async () => {
	const proxy = await startFaultyProxy(s3.endpoint);
	onTestFinished(async () => await proxy.stop());
	const { endpoint, accessKeyId, secretAccessKey, region } = s3;
	const bucket = {
		endpoint,
		region,
		accessKeyId,
		secretAccessKey,
		bucket: await s3.createBucket(),
		prefix: 'n8n/backups',
	};
	const data = { type: 's3', ...bucket, endpoint: proxy.endpoint };
	const backupStorageApi = await n8n.createCredential('bucket', 'backupStorageApi', data);
	const node = new NodeRunner(n8n, NODE_TYPE, { backupStorageApi });
	const storage = new S3Storage(bucket);
	onTestFinished(() => storage.close());
	// An archive never goes in one group with a backup that needs it: so the oldest is a group of its own.
	const oldest = await writeBackup(storage, 7);
	const { manifest: base } = await findBackup(storage, { file: oldest });
	const needing = await writeBackup(storage, 6, { needs: [base.id] });
	const keys = [...(await writeDaily(storage, 6)), needing, oldest];
	const isGroup = /^POST .*[?&]delete/;
	// Time to press Stop while the manifests of the first group go.
	proxy.faults = [{ when: isGroup, times: 1, act: { kind: 'delayAnswer', milliseconds: 3000 } }];
	const workflow = await node.workflow('prune', rules({ last: 1 }));
	const answer = workflow.start();
	const id = await workflow.running();
	await until(() => proxy.requests.some((line) => isGroup.test(line)));
	await n8n.stopExecution(id);
	expect((await workflow.finished(id)).status).toBe('canceled');
	await answer;

	await until(async () => (await lockRecord(storage)).releasedAt !== undefined);
	const left = await all(storage.list('postgres/'));
	const archives = left.map(({ key }) => key).filter((key) => key.endsWith('.sql'));
	expect(archives).toEqual((await backupsIn(storage)).own.toSorted());
	expect(archives).toEqual([keys[0], oldest].toSorted());
	expect(await storage.readLatest('postgres/shop_latest')).toBe(keys[0]);
	const [, [next] = []] = await node.outputs('prune', rules({ last: 1 }));
	expect(next).toMatchObject({ totals: { deleted: 1, kept: 1 }, failed: [], stuck: [] });
	expect((await backupsIn(storage)).own).toEqual([keys[0]]);
});

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
	await expect.poll(isSo, { timeout: 20_000, interval: 50 }).toBe(true);
}

/** The newest record of the storage's lock. */
async function lockRecord(storage: S3Storage): Promise<{ releasedAt?: string }> {
	const records = await all(storage.list('.stack-backup/lock-'));
	const key = records
		.map((record) => record.key)
		.toSorted()
		.at(-1)!;
	return JSON.parse(await text(await storage.read(key))) as { releasedAt?: string };
}
