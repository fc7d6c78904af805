import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startFaultyProxy } from '../services/faultyProxy';
import { startS3rver } from '../services/s3/s3rver';
import type { S3Server } from '../services/s3/server';
import { freshFilesFolder, inProcessN8n } from './harness';
import { byName, type Json, NodeRunner } from './node-runner';
import { columnsOf, expectMore } from './table';
import { PACKAGE } from './workflow';

const n8n = await inProcessN8n();
const NODE_TYPE = `${PACKAGE}.minioMirror`;
let near: S3Server;
let far: S3Server;

beforeAll(async () => {
	[near, far] = await Promise.all([startS3rver(), startS3rver()]);
});

afterAll(async () => {
	await Promise.all([near?.stop(), far?.stop()]);
});

const dataOf = ({ endpoint, region, accessKeyId, secretAccessKey }: S3Server) => ({
	endpoint,
	region,
	accessKeyId,
	secretAccessKey,
	forcePathStyle: true,
});

/** MinIO Mirror on a server, with a Backup Storage credential for the other one. */
async function mirrorNode(more: { endpoint?: string } = {}) {
	const s3 = await n8n.createCredential('near', 's3', { ...dataOf(near), ...more });
	const storage = { type: 's3', bucket: 'no-such-bucket', ...dataOf(far) };
	const backupStorageApi = await n8n.createCredential('far', 'backupStorageApi', storage);
	return new NodeRunner(n8n, NODE_TYPE, { s3, backupStorageApi });
}

type Contents = Record<string, string>;

const CONTENTS: Contents = Object.fromEntries(
	['a.txt', 'b/c.pdf', 'b/c.tmp', ...Array.from({ length: 17 }, (_, index) => `d/${index + 10}`)].map((name) => [
		name,
		`Of ${name}.`,
	]),
);

async function filled(server: S3Server, contents: Contents = CONTENTS): Promise<string> {
	const bucket = await server.createBucket();
	for (const [key, text] of Object.entries(contents)) await server.client.putObject(bucket, key, text);
	return bucket;
}

async function objectsIn(server: S3Server, bucket: string): Promise<Contents> {
	const found: Contents = {};
	for await (const item of server.client.listObjectsV2(bucket, '', true)) {
		const { name } = item as { name: string };
		const pieces: Buffer[] = [];
		for await (const piece of await server.client.getObject(bucket, name)) pieces.push(piece as Buffer);
		found[name] = Buffer.concat(pieces).toString();
	}
	return found;
}

/** Without what belongs to the mirror itself. */
function ownOf(contents: Contents): Contents {
	return Object.fromEntries(Object.entries(contents).filter(([name]) => !name.startsWith('.stack-backup-')));
}

function folder(contents: Contents = {}): string {
	const root = join(freshFilesFolder(n8n), 'place');
	for (const [name, text] of Object.entries(contents)) {
		mkdirSync(dirname(join(root, name)), { recursive: true });
		writeFileSync(join(root, name), text);
	}
	return root;
}

function filesIn(root: string): Contents {
	const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
	const names = files.map(({ parentPath, name }) => join(parentPath, name).slice(root.length + 1));
	return ownOf(Object.fromEntries(names.map((name) => [name, readFileSync(join(root, name), 'utf8')])));
}

const between = (from: string, to: string) => ({ fromBucket: byName(from), toBucket: byName(to) });

describe('Mirror', () => {
	it('makes a bucket like another one of the server, and copies what changed the next time', async () => {
		const node = await mirrorNode();
		const own = node.with({ backupStorageApi: undefined });
		const from = await filled(near);
		const to = await near.createBucket();
		const [first] = await own.ok('mirror', between(from, to));
		expect(first).toMatchObject({
			source: `bucket ${from} at ${new URL(near.endpoint).host}`,
			target: `bucket ${to} at ${new URL(near.endpoint).host}`,
			state: 'complete',
			added: 20,
			changed: 0,
			removed: 0,
			isFirst: true,
			failed: 0,
			warnings: [],
		});
		expect(ownOf(await objectsIn(near, to))).toEqual(CONTENTS);
		await near.client.putObject(from, 'a.txt', 'Changed.');
		await near.client.removeObject(from, 'd/10');
		const [next] = await own.ok('mirror', between(from, to));
		expect(next).toMatchObject({ isFirst: false, added: 0, changed: 1, unchanged: 18, removed: 0, size: '8 B' });
		expect(ownOf(await objectsIn(near, to))).toEqual({ ...CONTENTS, 'a.txt': 'Changed.' });
	});

	it('mirrors to another server, below prefixes and by patterns, and brings back from there', async () => {
		const node = await mirrorNode();
		const from = await filled(near);
		const to = `${from}-made`;
		const missing = { ...between(from, to), servers: 'to', fromPrefix: '/b', toPrefix: 'copies/of' };
		expect(await node.fails('mirror', missing)).toMatch(
			/There is no bucket .*-made .*nothing was mirrored.*Create Bucket on/,
		);
		const wanted = { ...missing, createBucket: true, excludePatterns: '*.tmp' };
		expect(await node.ok('mirror', { ...wanted, dryRun: true })).toMatchObject([{ state: 'dry run', added: 1 }]);
		expect(await far.client.bucketExists(to)).toBe(false);
		expect(await node.ok('mirror', wanted)).toMatchObject([{ added: 1, state: 'complete' }]);
		expect(ownOf(await objectsIn(far, to))).toMatchObject({ 'copies/of/c.pdf': 'Of b/c.pdf.' });
		await near.client.removeObject(from, 'b/c.pdf');
		const back = { ...between(to, from), servers: 'from', fromPrefix: 'copies/of/', toPrefix: 'b/' };
		expect(await node.ok('mirror', back)).toMatchObject([{ added: 1, removed: 0 }]);
		expect(ownOf(await objectsIn(near, from))).toMatchObject(CONTENTS);
	});

	it('makes no bucket for a source that cannot be read', async () => {
		const node = await mirrorNode();
		const to = `never-made-${process.pid}`;
		const failed = await node.fails('mirror', { ...between('no-such-bucket', to), createBucket: true });
		expect(failed).toMatch(/no-such-bucket.*Choose one from the list/);
		expect(await near.client.bucketExists(to)).toBe(false);
	});

	it('mirrors a bucket to a folder and back, within what n8n allows', async () => {
		const node = (await mirrorNode()).with({ backupStorageApi: undefined });
		const from = await filled(near, { ...CONTENTS, '.git/config': 'Not to be written.' });
		const root = folder();
		const down = { direction: 'bucketToFolder', fromBucket: byName(from), toFolder: root };
		const [copied] = await node.ok('mirror', down);
		expect(copied).toMatchObject({
			state: 'without some objects',
			added: 20,
			warnings: [
				expect.stringMatching(/1 object cannot be in the target.*\.git/),
				expect.stringMatching(/\.git\/config: its name .* must not be written/),
			],
		});
		expect(filesIn(root)).toEqual(CONTENTS);

		mkdirSync(join(root, '.git'));
		writeFileSync(join(root, '.git', 'secret'), 'Not to be read.');
		const to = await filled(near, { '.git/secret': 'Of somebody else.' });
		const up = { direction: 'folderToBucket', fromFolder: root, toBucket: byName(to), removeExtra: true };
		const [sent] = await node.ok('mirror', up);
		expect(sent).toMatchObject({
			added: 20,
			removed: 0,
			warnings: [expect.stringMatching(/1 entry was left out.*\.git.*N8N_BLOCK_FILE_PATTERNS/)],
		});
		expect(ownOf(await objectsIn(near, to))).toEqual({ ...CONTENTS, '.git/secret': 'Of somebody else.' });

		const denied = /does not let nodes use the folder \/etc.*N8N_RESTRICT_FILE_ACCESS_TO/;
		expect(await node.fails('mirror', { ...up, fromFolder: '/etc' })).toMatch(denied);
		expect(await node.fails('mirror', { ...down, toFolder: '/etc/mirror' })).toMatch(denied);
		expect(await node.fails('mirror', { ...up, fromFolder: '={{ "" }}' })).toMatch(/Fill in From Folder/);
		expect(await node.fails('mirror', { ...up, fromFolder: join(root, 'nothing') })).toMatch(/does not exist.*mounted/);
	});

	it('tells what it would do, and changes nothing', async () => {
		const node = await mirrorNode();
		const from = await filled(near);
		const to = await filled(near, {
			'a.txt': 'Another.',
			...Object.fromEntries(['x', 'y', 'z'].map((one) => [one, one])),
		});
		const before = await objectsIn(near, to);
		const parameters = { ...between(from, to), removeExtra: true, dryRun: true };
		const [plan] = (await node.ok('mirror', parameters)) as [Json];
		expect(plan).toMatchObject({
			state: 'would be refused',
			dryRun: true,
			isFirst: true,
			added: 19,
			changed: 1,
			removed: 3,
			problem: expect.stringMatching(
				/3 of the 4 objects .* would be removed, more than 10 %\. The first: x, y, z/,
			) as string,
			objects: { removed: { count: 3, bytes: 3, names: ['x', 'y', 'z'] } },
			subject: expect.stringMatching(
				/^Mirror of bucket .*: 19 would be added, 1 changed, 3 removed, which would be/,
			) as string,
			text: expect.stringMatching(/dry run[^]*Would be removed: 3 \(3 B\)\n {4}x\n {4}y\n {4}z\n/) as string,
		});
		const [allowed] = await node.ok('mirror', { ...parameters, ceiling: 80 });
		expect(allowed).toMatchObject({ state: 'dry run', removed: 3, problem: null });
		expect(await objectsIn(near, to)).toEqual(before);
		const [simple] = await node.ok('mirror', { ...parameters, simplify: true });
		expect(columnsOf([simple!])).toEqual(
			'source target state added changed removed unchanged size warning durationSeconds'.split(' '),
		);
		expectMore({ ...simple, durationSeconds: plan['durationSeconds'] as number }, plan);
	});

	it('removes what the source has no more into the trash, and not too much of it', async () => {
		const node = await mirrorNode();
		const from = await filled(near);
		const to = await near.createBucket();
		const removing = { ...between(from, to), removeExtra: true };
		await node.ok('mirror', removing);
		for (const key of ['d/10', 'd/11', 'd/12']) await near.client.removeObject(from, key);
		await near.client.putObject(from, 'new', 'New.');
		const refused = await node.fails('mirror', removing);
		expect(refused).toMatch(/3 of the 20 objects .*more than 10 %.*was copied.*raise the ceiling/);
		expect(ownOf(await objectsIn(near, to))).toEqual({ ...CONTENTS, new: 'New.' });
		const [done] = (await node.ok('mirror', { ...removing, ceiling: 20 })) as [Json];
		expect(done).toMatchObject({ removed: 3, unchanged: 18, state: 'complete' });
		expect(ownOf(await objectsIn(near, to))).toEqual(ownOf(await objectsIn(near, from)));
		expect(await objectsIn(near, to)).toMatchObject({ [`${done['trash']}d/10`]: 'Of d/10.' });
		const restored = await near.createBucket();
		const back = { ...between(to, restored), fromPrefix: { __rl: true, mode: 'list', value: done['trash'] as string } };
		expect(await node.ok('mirror', back)).toMatchObject([{ added: 3 }]);
		expect(Object.keys(ownOf(await objectsIn(near, restored)))).toEqual(['d/10', 'd/11', 'd/12']);
		// An empty source is none to be like.
		const nothing = await near.createBucket();
		const emptied = await node.fails('mirror', { ...removing, fromBucket: byName(nothing), ceiling: 100 });
		expect(emptied).toMatch(/all of them.*source is the right one/);
		expect(await node.ok('mirror', between(nothing, to))).toMatchObject([
			{ removed: 0, warnings: [expect.stringMatching(/holds nothing of what was chosen/)] },
		]);
		expect(await node.ok('mirror', { ...between(to, restored), includePatterns: 'd/*, e/*' })).toMatchObject([
			{ warnings: [expect.stringMatching(/^Nothing fits the pattern e\/\*\./)] },
		]);
	});

	it('fails where single objects could not be copied, and says what was; or goes on with both', async () => {
		const node = await mirrorNode();
		const from = await filled(near, { a: '1', 'b/c': '2', d: '3' });
		const blocked = () => folder({ b: 'A file stands where a folder has to be.' });
		const to = (toFolder: string) => ({ direction: 'bucketToFolder', fromBucket: byName(from), toFolder });
		const failed = await node.fails('mirror', to(blocked()));
		expect(failed).toMatch(/1 object of the bucket .* could not be copied: b\/c\. The others were/);
		const settings = { onError: 'continueErrorOutput' };
		const root = blocked();
		const run = await node.run('mirror', to(root), settings);
		expect(run.outputs.map((items) => items.map(({ json }) => json))).toMatchObject([
			[{ state: 'incomplete', added: 2, failed: 1 }],
			[{ error: expect.stringMatching(/b\/c/) as string, details: { code: 'TARGET_FAILED', copied: 2 } }],
		]);
		expect(filesIn(root)).toMatchObject({ a: '1', d: '3' });
		expect((await node.run('mirror', to(root), settings)).outputs[0]![0]!.json).toMatchObject({
			unchanged: 2,
			added: 0,
		});
	});

	it('runs once for each item, and links what comes out to it', async () => {
		const node = await mirrorNode();
		const [one, two] = [await filled(near, { a: '1' }), await filled(near, { b: '2' })];
		const to = await near.createBucket();
		const jsonOutput = JSON.stringify({ buckets: [one, 'no-such-bucket', two] });
		const list = { type: 'n8n-nodes-base.set', typeVersion: 3.4, parameters: { mode: 'raw', jsonOutput } };
		const split = {
			type: 'n8n-nodes-base.splitOut',
			parameters: { fieldToSplitOut: 'buckets', options: { destinationFieldName: 'bucket' } },
		};
		const parameters = {
			fromBucket: byName('={{ $json.bucket }}'),
			toBucket: byName(to),
			toPrefix: '={{ $json.bucket }}',
		};
		const settings = { onError: 'continueRegularOutput' };
		const run = await (await node.workflow('mirror', parameters, settings, [list, split])).run();
		expect(run.items.map(({ json, pairedItem }) => ({ ...json, pairedItem }))).toMatchObject([
			{ added: 1, pairedItem: { item: 0 } },
			{ error: expect.stringMatching(/no-such-bucket/) as string, pairedItem: { item: 1 } },
			{ added: 1, pairedItem: { item: 2 } },
		]);
		expect(ownOf(await objectsIn(near, to))).toMatchObject({ [`${one}/a`]: '1', [`${two}/b`]: '2' });
	});

	it('says which credential is wrong for a second server', async () => {
		const node = await mirrorNode();
		const backupStorageApi = await n8n.createCredential('folder', 'backupStorageApi', {
			type: 'folder',
			folderPath: '/',
		});
		const from = await filled(near);
		const wrong = { ...between(from, from), servers: 'to' };
		expect(await node.with({ backupStorageApi }).fails('mirror', wrong)).toMatch(/is a folder.*type S3/);
		const same = { ...between(from, from), toPrefix: 'copy' };
		expect(await node.fails('mirror', same)).toMatch(/overlap.*outside of the source/);
		expect(await node.fails('mirror', { ...same, removeExtra: true, ceiling: 101 })).toMatch(/Ceiling \(%\) is 101/);
		expect(await node.fails('mirror', between('={{ "" }}', from))).toMatch(/Fill in From Bucket/);
	});

	it('lists the buckets of the server that each end is on', async () => {
		const { credentials } = await mirrorNode();
		const [here, there] = [
			await near.createBucket(`here-${process.pid}`),
			await far.createBucket(`there-${process.pid}`),
		];
		const names = async (methodName: string, servers: string, more: Json = {}) => {
			const parameters = { operation: 'mirror', direction: 'bucketToBucket', servers, ...more };
			const request = { nodeType: NODE_TYPE, credentials, parameters, methodName, path: 'parameters.fromBucket' };
			return (await n8n.searchList(request)).results.map(({ value }) => value);
		};
		expect(await names('searchSourceBuckets', 'same')).toContain(here);
		expect(await names('searchSourceBuckets', 'from')).toContain(there);
		expect(await names('searchSourceBuckets', 'to')).toContain(here);
		expect(await names('searchTargetBuckets', 'to')).toContain(there);
		expect(await names('searchTargetBuckets', 'from')).not.toContain(there);
		for (const key of ['b/c/d', 'b/e', 'f']) await far.client.putObject(there, key, key);
		expect(await names('searchTargetPrefixes', 'to', { toBucket: byName(there) })).toEqual(['b/']);
		expect(await names('searchSourcePrefixes', 'from', { fromBucket: byName(there) })).toEqual(['b/']);
		await expect(names('searchSourcePrefixes', 'to', { fromBucket: byName('={{ 1 }}') })).rejects.toThrow(/chosen yet/);
		const proxy = await startFaultyProxy(far.endpoint);
		proxy.faults.push({
			when: /^GET \/(\?[^ ]*)? HTTP/,
			times: 9,
			act: { kind: 'status', status: 403, code: 'AccessDenied' },
		});
		const limited = { type: 's3', ...dataOf(far), endpoint: proxy.endpoint, bucket: there };
		credentials['backupStorageApi'] = await n8n.createCredential('limited', 'backupStorageApi', limited);
		expect(await names('searchTargetBuckets', 'to')).toEqual([there]);
		await proxy.stop();
	});
});

it('the folder of a mirror is not made by a dry run', async () => {
	const node = await mirrorNode();
	const root = folder();
	const down = { direction: 'bucketToFolder', fromBucket: byName(await filled(near)), toFolder: root, dryRun: true };
	expect(await node.ok('mirror', down)).toMatchObject([{ added: 20 }]);
	expect(existsSync(root)).toBe(false);
});
