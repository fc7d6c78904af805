import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { backUpStorage, checkQdrant, collectionSource, listServerSnapshots } from '../../../engine/qdrant';
import { startFaultyProxy } from '../../services/faultyProxy';
import { temporaryFolder } from '../../services/guard';
import { startQdrant, type QdrantServer } from '../../services/qdrant';
import { startQdrantCluster } from '../../services/qdrant-cluster';
import { ask, at, contentHash, countPoints, fill, plainShape } from '../../services/qdrant-data';
import { backUp, connectionTo, failure, restore, temporaryStorage, type Backup } from './support';

let peers: QdrantServer[];
let first: QdrantServer;
let second: QdrantServer;
let third: QdrantServer;
let single: QdrantServer;
const backups = new Map<string, Backup>();

/** All peers listen on one host here, so their ports cannot be guessed. */
function connection(through = first) {
	return { ...connectionTo(through), peerUrls: peers.map(({ url }) => url) };
}

async function create(name: string, settings: object): Promise<void> {
	await ask(first, 'PUT', at(name), { vectors: { size: 8, distance: 'Cosine' }, shard_number: 3, ...settings });
	await ask(first, 'PUT', at(name, '/index?wait=true'), { field_name: 'group', field_schema: 'keyword' });
}

beforeAll(async () => {
	[peers, single] = await Promise.all([startQdrantCluster(3), startQdrant()]);
	[first, second, third] = peers as [QdrantServer, QdrantServer, QdrantServer];
	for (const replicas of [1, 2]) {
		await create(`r${replicas}`, { replication_factor: replicas });
		await fill(first, `r${replicas}`, plainShape(8), { count: 3000 });
	}
});
afterAll(async () => {
	await Promise.all([...(peers ?? []), single].map((server) => server?.stop()));
});

it('says who can be reached', async () => {
	expect(await checkQdrant(connection())).toMatchObject({
		peers: 3,
		collections: 2,
		unreachable: [],
		version: '1.16.3',
	});
	expect((await checkQdrant(connectionTo(first))).unreachable).toHaveLength(2);
	const warnings: string[] = [];
	await listServerSnapshots(connectionTo(first), undefined, undefined, (warning) => void warnings.push(warning));
	expect(warnings).toHaveLength(2);
	for (const warning of warnings) expect(warning).toMatch(/^Peer \d+ .* cannot be reached over HTTP/);
});

it.each(['r1', 'r2'])('takes every shard of %s once, and leaves no snapshot on any peer', async (name) => {
	const backup = await backUp(second, name, { connection: connection(second) });
	backups.set(name, backup);
	const source = collectionSource(backup.manifest);
	expect(backup.manifest).toMatchObject({ counts: { points: 3000, shards: 3 }, warnings: [] });
	expect(source.form).toBe('shards');
	expect(source.shards.map(({ id }) => id)).toEqual([0, 1, 2]);
	expect(source.peers).toHaveLength(3);
	expect(await listServerSnapshots(connection())).toEqual([]);
});

it('stores a tar that stock tools open: curl uploads each shard', async () => {
	const { manifest, root } = backups.get('r1')!;
	const folder = temporaryFolder('tar');
	execFileSync('bash', ['-c', `zstd -dcq "$1" | tar -x -C "$2"`, 'bash', join(root, 'qdrant', manifest.file), folder]);
	const told = JSON.parse(readFileSync(join(folder, 'collection.json'), 'utf8')) as { config: { params: object } };
	await ask(single, 'PUT', at('by hand'), told.config.params);
	for (const { id, snapshot } of collectionSource(manifest).shards) {
		const file = join(folder, `shard-${id}.snapshot`);
		expect(createHash('sha256').update(readFileSync(file)).digest('hex')).toBe(snapshot?.sha256);
		const url = `${single.url}${at('by hand')}/shards/${id}/snapshots/upload?priority=no_sync&checksum=${snapshot?.sha256}`;
		execFileSync('curl', ['-sSf', '-o', '/dev/null', '-F', `snapshot=@${file}`, url]);
	}
	expect(await countPoints(single, 'by hand')).toBe(3000);
});

it.each(['r1', 'r2'])('restores %s into the cluster, all replicas active', async (name) => {
	const target = { type: 'newCollection', collection: `${name} again` } as const;
	const report = await restore(third, backups.get(name)!, target, { connection: connection(third) });
	expect(report).toMatchObject({ points: 3000, warnings: [], sampleSearch: 'passed' });
	for (const peer of peers) {
		expect(await contentHash(peer, `${name} again`)).toBe(await contentHash(first, name));
		const { local_shards: local } = await ask<{ local_shards: { state: string }[] }>(
			peer,
			'GET',
			at(`${name} again`, '/cluster'),
		);
		expect(local.every(({ state }) => state === 'Active')).toBe(true);
		expect(local).toHaveLength(name === 'r1' ? 1 : 2);
	}
});

it('restores into a single server, and by a safe swap into both', async () => {
	const backup = backups.get('r2')!;
	await restore(single, backup, { type: 'newCollection', collection: 'r2' });
	expect(await contentHash(single, 'r2')).toBe(await contentHash(first, 'r2'));
	await ask(first, 'POST', at('r2 again', '/points/delete?wait=true'), {
		filter: { must: [{ key: 'group', match: { value: 'g1' } }] },
	});
	const changed = await contentHash(first, 'r2 again');
	const target = { type: 'safeSwap', collection: 'r2 again', confirmation: 'r2 again' } as const;
	const report = await restore(first, backup, target, { connection: connection() });
	const wanted = await contentHash(first, 'r2');
	// Each peer reads its own replicas.
	for (const peer of peers) {
		expect(await contentHash(peer, 'r2 again')).toBe(wanted);
		expect(await contentHash(peer, report.previous!)).toBe(changed);
	}
	expect(await listServerSnapshots(connection())).toEqual([]);
	const over = { type: 'existing', collection: 'r2 again', confirmation: 'r2 again' } as const;
	await failure(restore(first, backup, over, { connection: connection() }), 'INVALID_INPUT');
}, 180_000);

it('keeps a new collection whose server may still be restoring a shard, and says so', async () => {
	const proxy = await startFaultyProxy(single.url);
	try {
		const upload = /POST \/collections\/lost\/shards\/1\/snapshots\/upload/;
		proxy.faults = [{ when: upload, times: 1, act: { kind: 'cutAnswer', afterBytes: 0 } }];
		const target = { type: 'newCollection', collection: 'lost' } as const;
		const run = restore(single, backups.get('r1')!, target, { connection: { url: proxy.endpoint } });
		const { message, details } = await failure(run, 'TARGET_UNREACHABLE');
		expect(message).toContain('the server may have restored the collection lost, or may be at it still');
		expect(details?.['left']).toHaveLength(1);
		expect(await countPoints(single, 'lost')).toBeGreaterThan(0);
	} finally {
		await proxy.stop();
	}
});

it('keeps shard keys', async () => {
	const settings = { vectors: { size: 8, distance: 'Cosine' }, sharding_method: 'custom', shard_number: 1 };
	await ask(first, 'PUT', at('keyed'), settings);
	for (const [key, count] of [
		['east', 2],
		['west', 1],
	] as const) {
		await ask(first, 'PUT', at('keyed', '/shards'), { shard_key: key, shards_number: count });
		const points = Array.from({ length: 50 }, (_value, index) => ({
			id: index + (key === 'east' ? 0 : 1000),
			vector: plainShape(8).vector(() => 0.9),
		}));
		await ask(first, 'PUT', at('keyed', '/points?wait=true'), { points, shard_key: key });
	}
	const backup = await backUp(first, 'keyed', { connection: connection() });
	await restore(first, backup, { type: 'newCollection', collection: 'keyed again' }, { connection: connection() });
	for (const [key, count] of [
		['east', 50],
		['west', 50],
	] as const) {
		const answer = await ask(first, 'POST', at('keyed again', '/points/count'), { exact: true, shard_key: key });
		expect(answer).toEqual({ count });
	}
	await ask(first, 'DELETE', at('keyed'));
});

it("refuses what would lose shards: a single server's snapshot, and one of the whole storage", async () => {
	const backup = await backUp(single, 'r2');
	const target = { type: 'newCollection', collection: 'lossy' } as const;
	const error = await failure(restore(first, backup, target, { connection: connection() }), 'INVALID_INPUT');
	expect(error.message).toContain('it would lose the shards that the others hold');
	const { storage, files } = temporaryStorage();
	await failure(backUpStorage({ connection: connection(), storage, codec: { name: 'zstd' } }), 'INVALID_INPUT');
	expect(files()).toEqual([]);
});

it('names the peers that it cannot reach', async () => {
	const target = { type: 'newCollection', collection: 'half' } as const;
	await failure(restore(first, backups.get('r2')!, target), 'TARGET_UNREACHABLE');
	expect(await ask(first, 'GET', at('half', '/exists'))).toEqual({ exists: false });
	const error = await failure(backUp(first, 'r1'), 'SOURCE_FAILED');
	expect(error.message).toMatch(/cannot be backed up whole: shard \d \(peer \d+: not reachable\); shard \d /);
	expect(error.hint).toMatch(/Not reachable over HTTP: \d+ at http:/);
});
