import { createReadStream } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { foreignSnapshot, restoreCollection } from '../../../../engine/qdrant';
import { startQdrant, type QdrantServer } from '../../../services/qdrant';
import { ask, at, contentHash } from '../../../services/qdrant-data';
import { backUp, connectionTo, restore } from '../support';

// Shard keys of a user's own, which need the cluster mode: here with a single peer.

let server: QdrantServer;
beforeAll(async () => {
	server = await startQdrant({ cluster: {} });
	await ask(server, 'PUT', at('keyed'), { vectors: { size: 2, distance: 'Dot' }, sharding_method: 'custom' });
	for (const [id, key] of ['a', 'b'].entries()) {
		await ask(server, 'PUT', at('keyed', '/shards'), { shard_key: key, shards_number: id + 1 });
		const points = [id, id + 10].map((number) => ({ id: number, vector: [number, 1] }));
		await ask(server, 'PUT', at('keyed', '/points?wait=true'), { points, shard_key: key });
	}
});
afterAll(async () => await server?.stop());

it('restores a collection with shard keys, with a manifest and without', async () => {
	const backup = await backUp(server, 'keyed', { codec: { name: 'none' } });
	const wanted = await contentHash(server, 'keyed');
	const report = await restore(server, backup, { type: 'newCollection', collection: 'again' });
	expect(report).toMatchObject({ points: 4, warnings: [] });
	expect(await contentHash(server, 'again')).toBe(wanted);

	const path = join(backup.root, 'qdrant', backup.manifest.file);
	const source = await foreignSnapshot({ description: 'x', open: () => Promise.resolve(createReadStream(path)) });
	const target = { type: 'newCollection', collection: 'bare' } as const;
	expect(await restoreCollection({ connection: connectionTo(server), source, target })).toMatchObject({ points: 4 });
	expect(await contentHash(server, 'bare')).toBe(wanted);
	const { count } = await ask<{ count: number }>(server, 'POST', at('bare', '/points/count'), { shard_key: 'b' });
	expect(count).toBe(2);
});
