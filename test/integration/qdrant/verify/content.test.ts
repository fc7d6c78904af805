import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openArchive } from '../../../../engine/archive';
import { backUpStorage, collectionSource } from '../../../../engine/qdrant';
import { startQdrant, type QdrantServer } from '../../../services/qdrant';
import { ask, at, createPlain, plainShape, fill } from '../../../services/qdrant-data';
import { altered, backUp, connectionTo, restore, temporaryStorage, type Backup } from '../support';
import { joined, membersOf } from '../snapshot/snapshots';
import { createKind, KINDS } from './collections';
import { contentAs, contentOf, inChunks, rawOf } from './support';

let server: QdrantServer;
let plain: Backup;

beforeAll(async () => {
	server = await startQdrant();
	await createPlain(server, 'plain', 500);
	plain = await backUp(server, 'plain');
});
afterAll(async () => {
	await server?.stop();
});

describe('a good backup passes', () => {
	it.each(Object.keys(KINDS))('of %s, and of what was restored from it', async (name) => {
		await createKind(server, name);
		const backup = await backUp(server, name);
		const { counts, errors, warnings, inconclusive } = await contentOf(await backup.open());
		expect({ errors, warnings, inconclusive }).toEqual({ errors: [], warnings: [], inconclusive: [] });
		const { points, shards } = backup.manifest.counts;
		expect(counts).toMatchObject({ points, shards });
		const again = `${name}-again`;
		await restore(server, backup, { type: 'newCollection', collection: again });
		const second = await contentOf(await (await backUp(server, again)).open());
		expect({ errors: second.errors, warnings: second.warnings }).toEqual({ errors: [], warnings: [] });
	});

	it.each(['safeSwap', 'existing'] as const)('of a collection over which one was restored: %s', async (type) => {
		const collection = `over-${type}`;
		await createPlain(server, collection, 20);
		await ask(server, 'PUT', at('plain', '/index?wait=true'), { field_name: 'text', field_schema: 'text' });
		const backup = await backUp(server, 'plain');
		await ask(server, 'DELETE', at('plain', '/index/text?wait=true'));
		await restore(server, backup, { type, collection, confirmation: collection });
		const { errors, warnings } = await contentOf(await (await backUp(server, collection)).open());
		expect({ errors, warnings }).toEqual({ errors: [], warnings: [] });
	});

	it('whatever its codec and encryption', async () => {
		const encryption = { passphrase: 'sesame' };
		const backup = await backUp(server, 'plain', { codec: { name: 'gzip' }, encryption });
		const reader = await openArchive(backup.storage, { manifest: backup.manifest, folder: 'qdrant' }, encryption);
		expect(await contentOf(reader)).toMatchObject({ errors: [], warnings: [], counts: { points: 500, shards: 1 } });
	});

	it('of a collection whose points were deleted and written again', async () => {
		await createPlain(server, 'churned', 1000);
		for (let round = 0; round < 3; round++) {
			await ask(server, 'POST', at('churned', '/points/delete?wait=true'), {
				filter: { must: [{ key: 'group', match: { value: `g${round}` } }] },
			});
			await fill(server, 'churned', plainShape(8), { from: 5000 + round * 100, count: 100 });
		}
		const backup = await backUp(server, 'churned');
		const { errors, warnings } = await contentOf(await backup.open());
		expect({ errors, warnings }).toEqual({ errors: [], warnings: [] });
	});
});

describe('a bad backup fails', () => {
	it('that is cut off, anywhere', async () => {
		const reader = await plain.open();
		const raw = await rawOf(reader);
		for (const length of [0, 1, 511, 512, 10_000, Math.floor(raw.length / 2), raw.length - 1024, raw.length - 1]) {
			const { errors } = await contentOf(reader, raw.subarray(0, length));
			expect({ length, errors }).toMatchObject({ length, errors: expect.arrayContaining([expect.any(String)]) });
		}
	});

	it('of which one bit has changed, anywhere', async () => {
		const reader = await plain.open();
		const raw = await rawOf(reader);
		for (let step = 0; step < 20; step++) {
			const flipped = Buffer.from(raw);
			const at = Math.floor((step * raw.length) / 20) + step * 7;
			flipped[at]! ^= 1 << (step % 8);
			expect((await contentOf(reader, flipped)).errors).not.toEqual([]);
		}
	});

	it('that has bytes behind its end', async () => {
		const reader = await plain.open();
		const raw = Buffer.concat([await rawOf(reader), Buffer.alloc(512)]);
		expect((await contentOf(reader, raw)).errors).toEqual([expect.stringMatching(/has \d+ bytes; the server/)]);
	});

	it('that is the snapshot of another collection, whatever its manifest tells of the snapshot', async () => {
		await createKind(server, 'payload indexes of every type').catch(() => {});
		const other = await backUp(server, 'payload indexes of every type');
		const { snapshot } = collectionSource(other.manifest);
		const reader = await other.open();
		expect((await contentAs(plain.manifest, reader.raw())).errors).toContainEqual(
			expect.stringContaining('The snapshot has '),
		);
		const forged = altered(plain, { snapshot }).manifest;
		const { errors } = await contentAs(forged, reader.raw());
		expect(errors).toEqual([
			expect.stringContaining('are those of another collection'),
			expect.stringContaining('The payload index group is not in it'),
		]);
	});

	it('that holds none of its points, or far fewer', async () => {
		for (const kept of [0, 100]) {
			await createPlain(server, 'emptied', kept);
			const backup = await backUp(server, 'emptied');
			await ask(server, 'DELETE', at('emptied'));
			const points = { before: 500, after: 500 };
			const { errors } = await contentOf(await altered(backup, { points }).open());
			expect(errors).toEqual([`It holds ${kept} points; 500 were counted when it was made.`]);
		}
	});

	it('but not for a number of points that writing explains', async () => {
		const points = { before: 505, after: 505 };
		const { errors, warnings } = await contentOf(await altered(plain, { points }).open());
		expect(errors).toEqual([]);
		expect(warnings).toEqual([expect.stringContaining('It holds 500 points; 505 were counted')]);
	});

	it('in which a shard is missing', async () => {
		await ask(server, 'PUT', at('sharded'), { vectors: { size: 8, distance: 'Cosine' }, shard_number: 3 });
		await fill(server, 'sharded', plainShape(8), { count: 200 });
		const backup = await backUp(server, 'sharded');
		const reader = await backup.open();
		const members = await membersOf(await rawOf(reader));
		const less = joined(members.filter(({ name }) => !name.startsWith('1/')));
		const { errors } = await contentOf(reader, less);
		expect(errors).toContain('1: Shard 1 is missing.');
		expect(errors).toContain('1: Shard 1 is not in it.');
	});

	it('whose manifest was edited beyond sense', async () => {
		const backup = altered(plain, { shards: 'none' });
		const { errors } = await contentAs(backup.manifest, (await plain.open()).raw());
		expect(errors).toEqual([expect.stringContaining('source.shards')]);
	});
});

describe('a backup of the whole storage', () => {
	it('passes, and fails where it lacks a collection, an alias, or is a collection', async () => {
		const mine = await startQdrant();
		try {
			for (const name of ['one', 'two']) await createPlain(mine, name, 100);
			const actions = [{ create_alias: { alias_name: 'live', collection_name: 'one' } }];
			await ask(mine, 'POST', '/collections/aliases', { actions });
			const { storage } = temporaryStorage();
			const manifest = await backUpStorage({ connection: connectionTo(mine), storage, codec: { name: 'zstd' } });
			const reader = await openArchive(storage, { manifest, folder: 'qdrant' });
			const good = await contentOf(reader);
			expect(good).toMatchObject({ errors: [], warnings: [], counts: { collections: 2, shards: 2, points: 200 } });
			const told = { collections: ['one', 'three', 'two'], aliases: [{ alias: 'dead', collection: 'one' }] };
			const more = { ...manifest, source: { ...manifest.source, ...told } };
			expect((await contentAs(more, reader.raw())).errors).toEqual([
				'three: The collection three is not in it.',
				'config.json: The alias dead is not in it.',
			]);
			const raw = await rawOf(reader);
			expect((await contentOf(reader, raw.subarray(0, raw.length - 2000))).errors).not.toEqual([]);
			expect((await contentOf(reader, await rawOf(await plain.open()))).errors).toContain(
				'It is a snapshot of a collection, not of a storage.',
			);
		} finally {
			await mine.stop();
		}
	});
});

it('passes on what the source fails with, and a cancel', async () => {
	const { manifest } = plain;
	const broken = async function* () {
		yield await Promise.resolve(Buffer.alloc(0));
		throw new Error('the storage is gone');
	};
	await expect(contentAs(manifest, broken())).rejects.toThrow('the storage is gone');
	const cut = async function* () {
		yield* inChunks((await rawOf(await plain.open())).subarray(0, 200_000));
		throw new Error('the storage went away');
	};
	await expect(contentAs(manifest, cut())).rejects.toThrow('the storage went away');
});
