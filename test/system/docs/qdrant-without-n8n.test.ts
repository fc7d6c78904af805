import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { backUpStorage } from '../../../engine/qdrant';
import { backUp, connectionTo, filesBelow, temporaryStorage } from '../../integration/qdrant/support';
import { temporaryFolder } from '../../services/guard';
import { startQdrant, type QdrantServer } from '../../services/qdrant';
import { startQdrantCluster } from '../../services/qdrant-cluster';
import { ask, at, contentHash, createPlain, fill, plainShape } from '../../services/qdrant-data';
import { runCommand } from './commands';

describe('the commands of "Restore without n8n", for Qdrant', () => {
	let server: QdrantServer;
	let wanted: string;

	beforeAll(async () => {
		server = await startQdrant({ apiKey: 'the key' });
		await createPlain(server, 'docs', 300);
		const actions = [{ create_alias: { alias_name: 'live', collection_name: 'docs' } }];
		await ask(server, 'POST', '/collections/aliases', { actions });
		wanted = await contentHash(server, 'docs');
	});
	afterAll(async () => await server?.stop());

	const run = (name: string, variables: Record<string, string>, to = server) =>
		runCommand(name, { QDRANT_URL: to.url, API_KEY: to.apiKey ?? '', ...variables }, temporaryFolder('without-n8n'));

	it('restore a lost collection and its aliases', async () => {
		const { root, manifest } = await backUp(server, 'docs');
		const variables = { ARCHIVE: join(root, 'qdrant', manifest.file), COLLECTION: 'docs' };
		await ask(server, 'DELETE', at('docs'));
		await run('qdrant', variables);
		await run('qdrant-aliases', variables);
		expect(await contentHash(server, 'live')).toBe(wanted);
		expect(filesBelow(join(server.folder, 'snapshots')).filter((file) => file.endsWith('.snapshot'))).toEqual([]);
	});

	it('restore the shards of a cluster, with the settings and indexes of the collection', async () => {
		const peers = await startQdrantCluster(2);
		const single = await startQdrant();
		try {
			const [first] = peers as [QdrantServer];
			await ask(first, 'PUT', at('spread'), { vectors: { size: 8, distance: 'Dot' }, shard_number: 3 });
			await ask(first, 'PUT', at('spread', '/index?wait=true'), { field_name: 'group', field_schema: 'keyword' });
			await fill(first, 'spread', plainShape(8), { count: 300 });
			const before = await contentHash(first, 'spread');
			const { root, manifest } = await backUp(first, 'spread', {
				connection: { url: first.url, peerUrls: peers.map(({ url }) => url) },
			});
			await run('qdrant-shards', { ARCHIVE: join(root, 'qdrant', manifest.file), COLLECTION: 'spread' }, single);
			expect(await contentHash(single, 'spread')).toBe(before);
			const info = await ask<{ payload_schema: object; config: { params: object } }>(single, 'GET', at('spread'));
			expect(info).toMatchObject({
				config: { params: { shard_number: 3, vectors: { size: 8, distance: 'Dot' } } },
				payload_schema: { group: { data_type: 'keyword' } },
			});
		} finally {
			await Promise.all([...peers, single].map((one) => one.stop()));
		}
	});

	it('start a server from a snapshot of the whole storage', async () => {
		const { root, storage } = temporaryStorage();
		const manifest = await backUpStorage({ connection: connectionTo(server), storage, codec: { name: 'zstd' } });
		const folder = temporaryFolder('without-n8n');
		await runCommand('qdrant-storage', { ARCHIVE: join(root, 'qdrant', manifest.file) }, folder);
		const rebuilt = await startQdrant({ arguments: ['--storage-snapshot', join(folder, 'storage.snapshot')] });
		try {
			expect(await contentHash(rebuilt, 'live')).toBe(wanted);
		} finally {
			await rebuilt.stop();
		}
	});
});
