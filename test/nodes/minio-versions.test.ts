import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { versionIn } from '../../engine/minio/versions';
import { nameOfVersion } from '../../engine/minio/versions/names';
import { FolderStorage } from '../../engine/storage/folder';
import { backUpTree, NO_BASE, type EntryFacts } from '../../engine/tree';
import { MemorySource } from '../integration/tree/memory-set';
import { startS3rver } from '../services/s3/s3rver';
import type { S3Server } from '../services/s3/server';
import { inProcessN8n } from './harness';
import { backup, byName, NodeRunner } from './node-runner';
import { columnsOf, expectNoGaps } from './table';
import { PACKAGE } from './workflow';

const n8n = await inProcessN8n();
const NODE_TYPE = `${PACKAGE}.minioMirror`;

/** What a server without versions cannot give: a bucket with older ones. */
class Versions extends MemorySource {
	protected override factsOf(name: string): EntryFacts {
		const facts = super.factsOf(name);
		const attributes = { versionId: 'v1', ...(facts.size === 0 && { deleteMarker: true }) };
		const contentType = facts.size === 0 ? {} : { contentType: 'text/plain' };
		return { ...facts, attributes: { ...contentType, ...(versionIn({ name, attributes }) && attributes) } };
	}
}

describe('older versions of objects in a backup', () => {
	let server: S3Server;
	beforeAll(async () => {
		server = await startS3rver();
	});
	afterAll(async () => {
		await server?.stop();
	});

	const stage = async () => {
		const { endpoint, region, accessKeyId, secretAccessKey } = server;
		const data = { endpoint, region, accessKeyId, secretAccessKey, forcePathStyle: true };
		const s3 = await n8n.createCredential('objects', 's3', data);
		return await NodeRunner.withFolder(n8n, NODE_TYPE, { s3 });
	};

	it('are listed, offered, and restored one by one; all of them only where the bucket keeps versions', async () => {
		const { node, folder } = await stage();
		const of = (key: string, seconds: number) => nameOfVersion(key, BigInt(seconds) * 1_000_000_000n, 'v1');
		const contents = { 'a.txt': 'Two.', [of('a.txt', 1)]: 'One', [of('b', 1)]: 'x', [of('b', 2)]: '' };
		const { id } = await backUpTree({
			storage: new FolderStorage({ root: folder }),
			codec: { name: 'zstd' },
			archive: { kind: 'minio', name: 'documents', startedAt: new Date() },
			source: new Versions(new Map(Object.entries(contents).map(([name, text]) => [name, Buffer.from(text)]))),
			base: NO_BASE,
			describe: () => ({
				source: { system: 'minio', version: 'S3', bucket: 'documents' },
				counts: { versions: 2, deleteMarkers: 1 },
			}),
		});
		const held = backup('id', id);
		expect(await node.ok('listBackups')).toMatchObject([{ objects: 1, versions: 2, deleteMarkers: 1 }]);

		expect(await node.ok('listObjects', held)).toMatchObject([{ key: 'a.txt', bytes: 4 }]);
		const all = await node.ok('listObjects', { ...held, versions: 'all', simplify: true });
		const path = '.stack-backup-versions/a.txt/19700101T000001.000000000Z_v1';
		expect(all).toMatchObject([
			{ key: 'a.txt', version: 'current', object: 'a.txt' },
			{ key: 'a.txt', version: 'older', object: path, bytes: 3 },
			{ key: 'b', version: 'older' },
			{ key: 'b', version: 'delete marker' },
		]);
		columnsOf(all);
		expectNoGaps(all);

		const request = { nodeType: NODE_TYPE, credentials: node.credentials, path: 'parameters.entry' };
		const parameters = { operation: 'restore', source: 'storage', ...held };
		const { results } = await n8n.searchList({ ...request, parameters, methodName: 'searchEntries', filter: 'older' });
		expect(results).toMatchObject([
			{ name: expect.stringMatching(/^a\.txt · older version · 3 B · /) as string, value: path },
			{ name: expect.stringMatching(/^b · older version · 1 B · /) as string },
		]);

		const into = { targetBucket: byName(await server.createBucket()) };
		const one = { what: 'entry', entry: { __rl: true, mode: 'list', value: path } };
		expect(await node.ok('restore', { ...held, ...one, ...into })).toMatchObject([{ written: 1 }]);
		expect((await server.client.statObject(into.targetBucket.value as string, 'a.txt')).size).toBe(3);
		const message = await node.fails('restore', { ...held, ...into, versions: 'all' });
		expect(message).toMatch(/does not keep versions/);
	});

	it('are none where the bucket keeps none', async () => {
		const { node } = await stage();
		const bucket = await server.createBucket();
		await server.client.putObject(bucket, 'a.txt', 'One.');
		const chosen = { bucketMode: 'chosen', buckets: [bucket], versions: 'all' };
		expect(await node.ok('backUp', chosen)).toMatchObject([
			{ objects: 1, versions: 0, deleteMarkers: 0, warnings: [] },
		]);
	});
});
