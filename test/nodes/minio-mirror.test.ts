import { generateKey } from 'openpgp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createAuthority } from '../services/certificates';
import { startFaultyProxy } from '../services/faultyProxy';
import { startS3rver } from '../services/s3/s3rver';
import type { S3Server } from '../services/s3/server';
import { inProcessN8n } from './harness';
import { backup, byName, type Json, NodeRunner } from './node-runner';
import { columnsOf, expectNoGaps } from './table';
import { NODE_TYPE as VERIFY, verdicts } from './verify-support';
import { PACKAGE } from './workflow';

const n8n = await inProcessN8n();
const NODE_TYPE = `${PACKAGE}.minioMirror`;
let server: S3Server;

beforeAll(async () => {
	server = await startS3rver();
});

afterAll(async () => {
	await server?.stop();
});

/** MinIO Mirror with a fresh folder as the storage, and a bucket to back up. */
async function stage() {
	const { endpoint, region, accessKeyId, secretAccessKey } = server;
	const data = { endpoint, region, accessKeyId, secretAccessKey, forcePathStyle: true };
	const s3 = await n8n.createCredential('objects', 's3', data);
	const { node } = await NodeRunner.withFolder(n8n, NODE_TYPE, { s3 });
	const bucket = await server.createBucket();
	const put = async (key: string, text: string) => void (await server.client.putObject(bucket, key, text));
	await put('contracts/offer.pdf', 'An offer.');
	await put('contracts/offer.tmp', 'Scratch.');
	await put('readme.txt', 'Read me.');
	return { node, bucket, put, chosen: { bucketMode: 'chosen', buckets: [bucket] } };
}

async function textOf(bucket: string, key: string): Promise<string> {
	const stream = await server.client.getObject(bucket, key);
	const pieces: Buffer[] = [];
	for await (const piece of stream) pieces.push(piece as Buffer);
	return Buffer.concat(pieces).toString();
}

async function keysIn(bucket: string): Promise<string[]> {
	const keys: string[] = [];
	for await (const { name } of server.client.listObjectsV2(bucket, '', true)) keys.push(name as string);
	return keys.sort();
}

describe('Back Up Bucket and Restore', () => {
	it('backs a bucket up, what is new of it the next time, and restores it into a bucket that it creates', async () => {
		const { node, bucket, put, chosen } = await stage();
		const [whole] = (await node.ok('backUp', chosen)) as [Json];
		expect(whole).toMatchObject({
			bucket,
			state: 'whole',
			objects: 3,
			stored: 3,
			endpoint: server.endpoint,
			warnings: [],
		});
		await put('readme.txt', 'Read me again.');
		const [next] = (await node.ok('backUp', chosen)) as [Json];
		expect(next).toMatchObject({ state: 'incremental', stored: 1, reused: 2, needs: [whole['id']] });
		const into = { targetBucket: byName(`${bucket}-new`), addPrefix: 'restored/' };
		expect(await node.fails('restore', { ...backup('id', next['id']), ...into })).toMatch(/There is no bucket/);
		const dry = { ...backup('id', next['id']), ...into, options: { dryRun: true } };
		expect(await node.ok('restore', dry)).toMatchObject([{ ready: false, problems: [{ code: 'INVALID_INPUT' }] }]);
		expect(await node.ok('restore', { ...dry, createBucket: true })).toMatchObject([
			{ ready: true, replaces: 'nothing: it does not exist', restores: { objects: 3 } },
		]);
		const existing = { addPrefix: '', existing: 'overwrite', confirmation: 'whatever' };
		expect(await node.ok('restore', { ...dry, targetBucket: byName(bucket), ...existing })).toMatchObject([
			{
				ready: true,
				replaces: 'of 3 objects, those that differ from the backup',
				target: { exists: true, objects: 3, isMore: false },
				backup: { checked: 'content' },
			},
		]);
		const [report] = await node.ok('restore', { ...backup('id', next['id']), ...into, createBucket: true });
		expect(report).toMatchObject({ bucket: `${bucket}-new`, written: 3, isBucketCreated: true, warnings: [] });
		expect(await textOf(`${bucket}-new`, 'restored/readme.txt')).toBe('Read me again.');
	});

	it('says what of a choice fits nothing, in a backup and in a restore', async () => {
		const { node, bucket, chosen } = await stage();
		const backUp = async (parameters: Json) => (await node.ok('backUp', { ...chosen, ...parameters }))[0]!;
		const empty = await backUp({ keyPrefix: 'contarcts/' });
		const nothing = [
			expect.stringMatching(`^Nothing in the bucket ${bucket} fits what was chosen: the backup is empty`),
		];
		expect(empty).toMatchObject({ objects: 0, warnings: nothing });
		expect(await backUp({ includePatterns: '*.pfd' })).toMatchObject({ objects: 0, warnings: nothing });
		const some = [expect.stringMatching(/^Nothing fits the pattern \*\.pfd\./)];
		expect(await backUp({ includePatterns: '*.txt, *.pfd' })).toMatchObject({ objects: 1, warnings: some });
		const whole = await backUp({});
		const into = { targetBucket: byName(`${bucket}-new`), createBucket: true };
		const patterns = { what: 'patterns', includePatterns: '*.txt, *.pfd' };
		expect(await node.ok('restore', { ...backup('id', whole['id']), ...into, ...patterns })).toMatchObject([
			{ written: 1, warnings: some },
		]);
		const one = { what: 'entry', entry: { __rl: true, mode: 'key', value: 'readme.txt' } };
		expect(await node.fails('restore', { ...backup('id', empty['id']), ...into, ...one })).toMatch(
			/holds nothing of what was chosen/,
		);
	});

	it('restores what fits, and overwrites only what was confirmed', async () => {
		const { node, bucket, put, chosen } = await stage();
		const [made] = (await node.ok('backUp', { ...chosen, excludePatterns: '*.tmp' })) as [Json];
		expect(made).toMatchObject({ objects: 2, state: 'without some data' });
		await put('readme.txt', 'Other.');
		const restore = { ...backup('latest', bucket), targetBucket: byName(bucket) };
		expect(await node.fails('restore', restore)).toMatch(/The target has others of these already: readme.txt/);
		const skipped = await node.ok('restore', { ...restore, existing: 'skip' });
		expect(skipped).toMatchObject([{ written: 0, same: 1, skipped: 1, skippedNames: ['readme.txt'] }]);
		expect(await node.fails('restore', { ...restore, existing: 'overwrite', confirmation: 'other' })).toMatch(
			/not confirmed/,
		);
		const overwrite = { ...restore, existing: 'overwrite', confirmation: bucket, what: 'prefix', prefix: 'read' };
		expect(await node.ok('restore', overwrite)).toMatchObject([{ written: 1, overwritten: 1 }]);
		expect(await textOf(bucket, 'readme.txt')).toBe('Read me.');
	});

	it('restores one object and no other, and what begins alike, as the lists of the backup have them', async () => {
		const { node, put, chosen } = await stage();
		await put('contracts/offer.pdf.asc', 'Signed.');
		await put('contracts/2026/new.pdf', 'New.');
		const [made] = (await node.ok('backUp', chosen)) as [Json];
		const search = async (methodName: string, filter?: string) => {
			const parameters = { operation: 'restore', source: 'storage', ...backup('id', made['id']) };
			const request = { nodeType: NODE_TYPE, credentials: node.credentials, path: 'parameters.entry', parameters };
			const { results } = await n8n.searchList({ ...request, methodName, ...(filter !== undefined && { filter }) });
			return results;
		};
		const all = await search('searchEntries');
		expect(all.map(({ value }) => value)).toEqual([
			'contracts/2026/new.pdf',
			'contracts/offer.pdf',
			'contracts/offer.pdf.asc',
			'contracts/offer.tmp',
			'readme.txt',
		]);
		expect(all[1]!.name).toMatch(/^contracts\/offer\.pdf · 9 B · \d{4}-\d\d-\d\d \d\d:\d\d UTC$/);
		expect((await search('searchEntries', 'OFFER asc')).map(({ value }) => value)).toEqual(['contracts/offer.pdf.asc']);
		expect((await search('searchPrefixes')).map(({ value }) => value)).toEqual(['contracts/', 'contracts/2026/']);
		const restored = async (what: Json) => {
			const targetBucket = await server.createBucket();
			const [report] = await node.ok('restore', {
				...backup('id', made['id']),
				targetBucket: byName(targetBucket),
				...what,
			});
			return [report!['written'] as number, await keysIn(targetBucket)];
		};
		const one = { what: 'entry', entry: { __rl: true, mode: 'list', value: 'contracts/offer.pdf' } };
		expect(await restored(one)).toEqual([1, ['contracts/offer.pdf']]);
		const below = { what: 'prefix', prefix: { __rl: true, mode: 'list', value: 'contracts/2026/' } };
		expect(await restored(below)).toEqual([1, ['contracts/2026/new.pdf']]);
		const nothing = { what: 'entry', entry: { __rl: true, mode: 'key', value: '={{ "" }}' } };
		await expect(restored(nothing)).rejects.toThrow(/No object is chosen.*Fill in Object/);
	});

	it('says that a backup is a whole one where nothing opens the one before', async () => {
		const { node, chosen } = await stage();
		const { publicKey } = await generateKey({ userIDs: [{ name: 'backup' }] });
		const backupEncryptionApi = await n8n.createCredential('key', 'backupEncryptionApi', { publicKeys: publicKey });
		const [made] = await node.with({ backupEncryptionApi }).ok('backUp', { ...chosen, encrypt: true });
		expect(made).toMatchObject({ warnings: [expect.stringMatching(/whole one.*private key/) as string] });
	});

	it('takes a certificate that nobody knows where the credential of n8n ignores that, and tells of it otherwise', async () => {
		const tls = await startS3rver({ tls: createAuthority().issue('127.0.0.1'), buckets: ['from'] });
		const { endpoint, region, accessKeyId, secretAccessKey } = tls;
		const backUp = async (ignoreSSLIssues: boolean) => {
			const data = { endpoint, region, accessKeyId, secretAccessKey, forcePathStyle: true, ignoreSSLIssues };
			const s3 = await n8n.createCredential('objects', 's3', data);
			const { node } = await NodeRunner.withFolder(n8n, NODE_TYPE, { s3 });
			return { node, chosen: { bucketMode: 'chosen', buckets: ['from'] } };
		};
		const ignoring = await backUp(true);
		expect(await ignoring.node.ok('backUp', ignoring.chosen)).toMatchObject([{ bucket: 'from', state: 'whole' }]);
		const checking = await backUp(false);
		expect(await checking.node.fails('backUp', checking.chosen)).toMatch(/certificate/);
		await tls.stop();
	});

	it('never backs up the storage of the backups, and says so', async () => {
		const own = await startS3rver();
		try {
			const { endpoint, region, accessKeyId, secretAccessKey } = own;
			const keys = { endpoint, region, accessKeyId, secretAccessKey, forcePathStyle: true };
			const s3 = await n8n.createCredential('objects', 's3', keys);
			const storageIn = async (bucket: string, prefix: string) =>
				await n8n.createCredential('backups', 'backupStorageApi', { type: 's3', ...keys, bucket, prefix });
			for (const name of ['backups', 'documents']) await own.createBucket(name);
			await own.client.putObject('documents', 'a.txt', 'One.');
			const node = new NodeRunner(n8n, NODE_TYPE, { s3, backupStorageApi: await storageIn('backups', '') });
			await node.ok('backUp');
			const again = await node.run('backUp');
			expect(again.outputs[0]).toMatchObject([{ json: { bucket: 'documents', objects: 1 } }]);
			expect(again.hints).toEqual([expect.stringMatching(/bucket backups is the storage.*left out/)]);
			const chosen = { bucketMode: 'chosen', buckets: ['backups'] };
			expect(await node.fails('backUp', chosen)).toMatch(/is the storage of the backups.*not the backups/);
			const inPrefix = node.with({ backupStorageApi: await storageIn('documents', 'backups') });
			await inPrefix.ok('backUp', { ...chosen, buckets: ['documents'] });
			expect(await inPrefix.ok('backUp', { ...chosen, buckets: ['documents'] })).toMatchObject([{ objects: 1 }]);
		} finally {
			await own.stop();
		}
	});

	it('leaves out what the key may not read where that is asked for', async () => {
		const { node, bucket, chosen } = await stage();
		const proxy = await startFaultyProxy(server.endpoint);
		const { region, accessKeyId, secretAccessKey } = server;
		const data = { endpoint: proxy.endpoint, region, accessKeyId, secretAccessKey, forcePathStyle: true };
		const denied = { kind: 'status' as const, status: 403, code: 'AccessDenied' };
		proxy.faults = [{ when: new RegExp(`^GET /${bucket}/readme`), times: 100, act: denied }];
		const through = node.with({ s3: await n8n.createCredential('proxy', 's3', data) });
		expect(await through.fails('backUp', chosen)).toMatch(/not allow access to readme\.txt/);
		const [made] = await through.ok('backUp', { ...chosen, options: { skipUnreadable: true } });
		expect(made).toMatchObject({ objects: 2, warnings: [expect.stringMatching(/left out: readme\.txt/) as string] });
		await proxy.stop();
	});

	it('names the buckets that failed, and keeps the backups of the others', async () => {
		const { node, bucket } = await stage();
		const buckets = [bucket, 'no-such-bucket'];
		expect(await node.fails('backUp', { bucketMode: 'chosen', buckets })).toMatch(/no-such-bucket/);
		const [listed] = await node.ok('listBackups', { simplify: true });
		expect(listed).toMatchObject({ name: bucket, state: 'whole', objects: 3 });
		expectNoGaps([listed!]);
		expect(columnsOf([listed!]).length).toBeLessThanOrEqual(10);
	});
});

describe('List Objects', () => {
	it('lists what a backup holds, by prefix and patterns, with what belongs to each object', async () => {
		const { node, bucket, chosen } = await stage();
		await server.client.putObject(bucket, 'logo.svg', '<svg/>', 6, { 'content-type': 'image/svg+xml', author: 'Ada' });
		await node.ok('backUp', chosen);
		const list = async (parameters: Json = {}) =>
			await node.ok('listObjects', { ...backup('latest', bucket), ...parameters });
		const all = await list({ simplify: true });
		expect(all.map(({ key }) => key as string)).toEqual([
			'contracts/offer.pdf',
			'contracts/offer.tmp',
			'logo.svg',
			'readme.txt',
		]);
		expect(columnsOf(all)).toEqual(['key', 'size', 'bytes', 'modified', 'contentType', 'storageClass', 'sha256']);
		expectNoGaps(all);
		const objectPrefix = { __rl: true, mode: 'list', value: 'contracts/' };
		expect((await list({ objectPrefix, excludePatterns: '*.tmp' })).map(({ key }) => key as string)).toEqual([
			'contracts/offer.pdf',
		]);
		const [logo] = await list({ includePatterns: '*.svg' });
		expect(logo).toMatchObject({ contentType: 'image/svg+xml', metadata: { author: 'Ada' }, tags: {}, bytes: 6 });
		expect(await list({ limit: 2 })).toHaveLength(2);
	});
});

describe('Key Prefix', () => {
	it('offers what keys in the chosen buckets begin with, level by level', async () => {
		const { node, bucket, put, chosen } = await stage();
		await put('contracts/2026/new.pdf', 'New.');
		await put('ü/a b.txt', 'Odd.');
		const other = await server.createBucket();
		await server.client.putObject(other, 'contracts/other.pdf', 'Other.');
		const search = async (parameters: Json, filter?: string) => {
			const request = { nodeType: NODE_TYPE, methodName: 'searchKeyPrefixes', path: 'parameters.keyPrefix' };
			const { credentials } = node;
			return (await n8n.searchList({ ...request, credentials, parameters, ...(filter && { filter }) })).results;
		};
		expect((await search(chosen)).map(({ value }) => value)).toEqual(['contracts/', 'ü/']);
		expect(await search(chosen, 'contracts/')).toEqual([{ name: 'contracts/2026/', value: 'contracts/2026/' }]);
		const both = { ...chosen, buckets: [bucket, other, 'no-such-bucket'] };
		expect((await search(both, 'contr')).map(({ name }) => name)).toEqual([`contracts/ · ${bucket}, ${other}`]);
		await expect(search({ ...chosen, buckets: ['no-such-bucket'] })).rejects.toThrow(/There is no bucket/);
		await expect(search({ ...chosen, buckets: '={{ $json.bucket }}' })).rejects.toThrow(/No bucket is chosen yet/);
		// As it was stored before there was a list to choose from, and as it is now.
		for (const keyPrefix of ['contracts/2026/', { __rl: true, mode: 'list', value: 'contracts/2026/' }])
			expect((await node.ok('backUp', { ...chosen, keyPrefix, backupType: 'whole' }))[0]).toMatchObject({ objects: 1 });
	});
});

describe('Verify Archive', () => {
	it('restores backups of buckets for a test, with the older archives that they need, and leaves nothing behind', async () => {
		const { node, put, chosen } = await stage();
		const verify = new NodeRunner(n8n, VERIFY, node.credentials);
		await node.ok('backUp', chosen);
		await put('new.txt', 'New.');
		await node.ok('backUp', chosen);
		const scratchBucket = await server.createBucket();
		const before = (await server.client.listBuckets()).length;
		const into = { minioTarget: 'prefix', scratchBucket: byName(scratchBucket) };
		for (const target of [into, { minioTarget: 'bucket' }]) {
			const all = await verdicts(verify, 'verify', { which: 'all', level: 'restore', ...target });
			expect(all.failed).toEqual([]);
			expect(all.passed).toMatchObject([
				{ kind: 'minio', reached: 'restore', counts: { files: 4 } },
				{ kind: 'minio', reached: 'restore', counts: { files: 3 } },
			]);
			expect((await verdicts(verify, 'drill', target)).passed).toMatchObject([{ verdict: 'passed' }]);
		}
		expect(await keysIn(scratchBucket)).toEqual([]);
		expect(await server.client.listBuckets()).toHaveLength(before);
		const without = await verdicts(verify, 'verify', { which: 'newest', level: 'restore' });
		expect(without.passed).toMatchObject([{ reached: 'content' }]);
		expect((await verdicts(verify, 'drill')).failed).toMatchObject([
			{ verdict: 'incomplete', problem: expect.stringMatching(/no bucket is chosen in Buckets Into/) as string },
		]);
		const unknown = { ...into, scratchBucket: byName('no-such-bucket') };
		expect((await verdicts(verify, 'drill', unknown)).failed).toMatchObject([
			{ verdict: 'incomplete', problem: expect.stringMatching(/no-such-bucket/) as string },
		]);
	});

	it('finds a backup with far fewer objects than those before it', async () => {
		const { node, bucket, chosen } = await stage();
		const verify = new NodeRunner(n8n, VERIFY, node.credentials);
		const options = { minSamples: 2 };
		for (let run = 0; run < 3; run++) await node.ok('backUp', { ...chosen, backupType: 'whole' });
		expect((await verdicts(verify, 'checkTrend', { options })).failed).toEqual([]);
		for (const key of ['contracts/offer.pdf', 'contracts/offer.tmp']) await server.client.removeObject(bucket, key);
		await node.ok('backUp', { ...chosen, backupType: 'whole' });
		expect((await verdicts(verify, 'checkTrend', { options })).failed).toMatchObject([
			{ verdict: 'unusual', kind: 'minio', problem: expect.stringMatching(/number of objects/) as string },
		]);
	});
});
