import { afterAll, beforeAll, expect, it } from 'vitest';

import { S3Storage } from '../../engine';
import { startFaultyProxy, type FaultyProxy } from '../services/faultyProxy';
import { startS3rver } from '../services/s3/s3rver';
import type { S3Server } from '../services/s3/server';
import { inProcessN8n } from './harness';
import { NodeRunner } from './node-runner';
import { NODE_TYPE as PRUNE, writeDaily } from './retention-support';
import { PACKAGE } from './workflow';

const n8n = await inProcessN8n();
let s3: S3Server;
let proxy: FaultyProxy;

beforeAll(async () => {
	s3 = await startS3rver();
	proxy = await startFaultyProxy(s3.endpoint);
});

afterAll(async () => {
	await proxy.stop();
	await s3.stop();
});

it('reads the stored catalogue once, no manifest and no lock in each operation, however many backups go next', async () => {
	const { accessKeyId, secretAccessKey, region } = s3;
	const access = { region, accessKeyId, secretAccessKey, bucket: await s3.createBucket() };
	const storage = new S3Storage({ endpoint: s3.endpoint, ...access });
	await writeDaily(storage, 4);
	storage.close();
	const data = { type: 's3', endpoint: proxy.endpoint, ...access };
	const backupStorageApi = await n8n.createCredential('bucket', 'backupStorageApi', data);
	// It notes its policy, by which all but one would go a day later; this time it may let none go.
	const policy = { policy: 'custom', rules: { last: 1 }, options: { maxShare: 1 } };
	await new NodeRunner(n8n, PRUNE, { backupStorageApi }).outputs('prune', policy).catch(() => undefined);
	const node = new NodeRunner(n8n, `${PACKAGE}.backupReport`, { backupStorageApi });
	const pages: string[] = [];
	for (const operation of ['createReport', 'getMetrics', 'getStatusPage', 'checkAlerts']) {
		proxy.requests.splice(0);
		const [items] = await node.outputs(operation, operation === 'createReport' ? { storeReport: false } : {});
		pages.push(JSON.stringify(items));
		const requests = proxy.requests.splice(0);
		const reads = (pattern: RegExp) => requests.filter((line) => line.startsWith('GET') && pattern.test(line)).length;
		expect([operation, reads(/catalog\.jsonl\.gz/), reads(/manifest\.json/), reads(/retention|legal-hold/)]).toEqual([
			operation,
			1,
			0,
			0,
		]);
		expect(requests.length).toBeLessThan(20);
	}
	expect(pages[2]).toContain('refused');
});
