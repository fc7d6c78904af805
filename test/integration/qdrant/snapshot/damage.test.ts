import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';

import { checkSnapshot, type SnapshotReport } from '../../../../engine/qdrant/snapshot';
import { startQdrant } from '../../../services/qdrant';
import { inPieces } from '../../../unit/tar/build-tar';
import { check, joined, membersOf, points, SnapshotServer, vectorOf, withContent, type Piece } from './snapshots';

let collection: Buffer;
let shard: Buffer;
let storage: Buffer;
/** Headers and padding: what tells the structure, as opposed to the content of files. */
let structure: number[];

beforeAll(async () => {
	const qdrant = new SnapshotServer(await startQdrant());
	try {
		await qdrant.create('shop', { vectors: { size: 4, distance: 'Dot' }, shard_number: 2 });
		await qdrant.put(
			'shop',
			points(20, (index) => vectorOf(4, index)),
		);
		collection = await qdrant.snapshot('/collections/shop/snapshots');
		shard = await qdrant.snapshot('/collections/shop/shards/0/snapshots');
		storage = await qdrant.snapshot('/snapshots');
	} finally {
		await qdrant.server.stop();
	}
	structure = await structuralBytes(collection);
});

async function structuralBytes(snapshot: Buffer): Promise<number[]> {
	const offsets: number[] = [];
	let offset = 0;
	for (const { name, bytes, content } of await membersOf(snapshot)) {
		const contentStart = bytes.indexOf(content, 512);
		for (let index = 0; index < bytes.length; index++) {
			const isContent = content.length > 0 && index >= contentStart && index < contentStart + content.length;
			if (!isContent) offsets.push(offset + index);
		}
		if (name.endsWith('.tar')) {
			const inner = await structuralBytes(Buffer.concat([content, Buffer.alloc(1024)]));
			for (const at of inner) if (at < content.length) offsets.push(offset + contentStart + at);
		}
		offset += bytes.length;
	}
	return offsets;
}

/** The snapshot with some of its members changed or, for undefined, left out. */
async function altered(snapshot: Buffer, change: (piece: Piece) => Piece | undefined): Promise<SnapshotReport> {
	return await check(joined((await membersOf(snapshot)).map(change)));
}

/** The same inside the first segment that has points. */
async function alteredSegment(change: (piece: Piece) => Piece | undefined): Promise<SnapshotReport> {
	const pieces = await membersOf(collection);
	const sizes = pieces.map(({ name, content }) => (name.endsWith('.tar') ? content.length : 0));
	const index = sizes.indexOf(Math.max(...sizes));
	const inner = await membersOf(Buffer.concat([pieces[index]!.content, Buffer.alloc(1024)]));
	pieces[index] = withContent(pieces[index]!, joined(inner.map(change), false));
	return await check(joined(pieces));
}

const without = (name: RegExp) => (piece: Piece) => (name.test(piece.name) ? undefined : piece);

function replaced(name: RegExp, change: (text: string) => string) {
	return (piece: Piece) =>
		name.test(piece.name) ? withContent(piece, Buffer.from(change(piece.content.toString()))) : piece;
}

const found = (where: RegExp, what: RegExp) =>
	expect.arrayContaining([
		{
			severity: 'error',
			where: expect.stringMatching(where) as string,
			what: expect.stringMatching(what) as string,
		},
	]) as unknown[];

describe('a damaged snapshot', () => {
	it('is noticed wherever it was cut off', async () => {
		await fc.assert(
			fc.asyncProperty(
				fc.constantFrom('collection', 'shard', 'storage'),
				fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
				async (kind, part) => {
					const whole = { collection, shard, storage }[kind];
					const { intact, findings } = await check(whole.subarray(0, Math.floor(whole.length * part)));
					expect(intact).toBe(false);
					expect(findings.at(-1)?.what).toMatch(/ends too early|is empty/);
				},
			),
			{ numRuns: 200 },
		);
		for (let missing = 1; missing <= 1100; missing += 7) {
			expect((await check(collection.subarray(0, -missing))).intact).toBe(false);
		}
	});

	it('is noticed wherever a bit of a header or of padding was flipped, in nested tars too', async () => {
		await fc.assert(
			fc.asyncProperty(fc.nat(), fc.nat(7), async (number, bit) => {
				const flipped = Buffer.from(collection);
				flipped[structure[number % structure.length]!]! ^= 1 << bit;
				const { intact, findings } = await check(flipped);
				expect(intact).toBe(false);
				expect(findings.length).toBeGreaterThan(0);
			}),
			{ numRuns: 300 },
		);
	});

	it('never makes the check itself fail, whatever bytes were changed', async () => {
		const change = fc.record({ at: fc.nat(), bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }) });
		await fc.assert(
			fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 5 }), async (changes) => {
				const changed = Buffer.from(collection);
				for (const { at, bytes } of changes) changed.set(bytes, at % (changed.length - bytes.length));
				const report = await check(changed);
				expect(report.intact).toBe(!report.findings.some(({ severity }) => severity === 'error'));
			}),
			{ numRuns: 200 },
		);
	});

	it('is noticed when bytes were added', async () => {
		const { findings } = await check(Buffer.concat([collection, Buffer.from('more')]));
		expect(findings).toEqual(found(/^/, /other bytes behind its end/));
	});

	it('is told from files of other kinds', async () => {
		expect((await check(Buffer.from('-- PostgreSQL database dump'.repeat(100)))).intact).toBe(false);
		expect(await check(Buffer.alloc(1024))).toMatchObject({ type: 'unknown', intact: false });
		expect((await check(Buffer.alloc(0))).findings).toEqual(found(/^$/, /is empty/));
	});
});

describe('an incomplete snapshot', () => {
	it.each([
		['a shard', /^1\//, /^1$/, /Shard 1 is missing/],
		['the segments of a shard', /^0\/segments\//, /^0\/segments$/, /no segments/],
		['the write-ahead log of a shard', /^0\/wal\//, /^0\/wal$/, /write-ahead log is missing/],
		['the state of a replica', /^0\/replica_state/, /^0\/replica_state\.json$/, /missing/],
		['the configuration of a shard', /^0\/shard_config/, /^0\/shard_config\.json$/, /missing/],
		['the configuration', /^config\.json/, /^config\.json$/, /missing/],
		['the version', /^version\.info/, /^version\.info$/, /missing/],
	])('is named when it lacks %s', async (_, leftOut, where, what) => {
		const { intact, findings } = await altered(collection, without(leftOut));
		expect(intact).toBe(false);
		expect(findings).toEqual(found(where, what));
	});

	it.each([
		['its state', /segment\.json$/, /\.tar\/segment\.json$/],
		['its version', /version\.info$/, /\.tar\/version\.info$/],
		['its vectors', /\/vector_storage\//, /\.tar\/vector_storage$/],
		['its payloads', /\/payload_storage\//, /\.tar\/payload_storage$/],
	])('is named when a segment lacks %s', async (_, leftOut, where) => {
		expect((await alteredSegment(without(leftOut))).findings).toEqual(found(where, /missing/));
	});

	it('is named when a full one lacks a collection', async () => {
		const { findings } = await altered(storage, without(/\.snapshot$/));
		expect(findings).toEqual(found(/^shop-.*\.snapshot$/, /of the collection shop is missing/));
	});
});

describe('a snapshot that contradicts itself', () => {
	it('is named when text is no JSON, or JSON of another shape', async () => {
		const cut = await altered(
			collection,
			replaced(/^config\.json$/, (text) => text.slice(0, -1)),
		);
		expect(cut.findings).toEqual(found(/^config\.json$/, /not valid JSON/));
		const other = await altered(
			collection,
			replaced(/^config\.json$/, (text) => text.replace('"params"', '"parbms"')),
		);
		expect(other.findings).toEqual(found(/^config\.json$/, /params/));
		const segment = await alteredSegment(replaced(/segment\.json$/, () => '{"version":1}'));
		expect(segment.findings).toEqual(found(/segment\.json$/, /config/));
		const inner = await alteredSegment(replaced(/payload_index\/config\.json$/, () => '{'));
		expect(inner.findings).toEqual(found(/payload_index\/config\.json$/, /not valid JSON/));
	});

	it('is named when a segment has other vectors than the collection', async () => {
		const size = await altered(
			collection,
			replaced(/^config\.json$/, (text) => text.replace('"size":4', '"size":5')),
		);
		expect(size.findings).toEqual(found(/segment\.json$/, /another size or distance/));
		const name = await alteredSegment(replaced(/segment\.json$/, (text) => text.replace('{"":{', '{"x":{')));
		expect(name.findings).toEqual(found(/segment\.json$/, /vectors are not those/));
	});

	it('is named when a member is there twice', async () => {
		const pieces = await membersOf(collection);
		const twice = pieces.flatMap((piece) => (piece.name.endsWith('.tar') ? [piece, piece] : [piece]));
		expect((await check(joined(twice))).findings).toEqual(found(/\.tar$/, /twice/));
	});
});

describe('checking', () => {
	it('can be cancelled, and closes its source', async () => {
		const abort = new AbortController();
		let closed = false;
		async function* endless() {
			try {
				yield* inPieces(collection.subarray(0, 2000));
				abort.abort();
				for (;;) yield new Uint8Array(512);
			} finally {
				closed = true;
			}
		}
		await expect(checkSnapshot(endless(), { signal: abort.signal })).rejects.toMatchObject({ code: 'CANCELLED' });
		await new Promise(setImmediate);
		expect(closed).toBe(true);
	});

	it('passes on what the source throws', async () => {
		async function* failing() {
			yield collection.subarray(0, 2000);
			await Promise.reject(new Error('the disk is gone'));
		}
		await expect(checkSnapshot(failing())).rejects.toThrow('the disk is gone');
	});

	it('closes a source that it does not read to the end', async () => {
		let closed = false;
		async function* garbage() {
			try {
				for (;;) yield Buffer.alloc(512, 'x');
			} finally {
				closed = true;
			}
		}
		expect((await checkSnapshot(garbage())).intact).toBe(false);
		await new Promise(setImmediate);
		expect(closed).toBe(true);
	});
});
