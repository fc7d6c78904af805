import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listObjects, openArchive, readToc } from '../../../../engine/postgres/foreign';
import { ByteReader } from '../../../../engine/postgres/foreign/bytes';
import { inPieces, readBlocks, watched } from './read-blocks';
import { type ArchiveModel, entryOf, writeArchive } from './write-archive';

const ROWS = Array.from({ length: 5000 }, (_, row) => `${row}\trow ${(row * 7919) % 1000}\n`).join('');
const OBJECT = Buffer.from(Array.from({ length: 20_000 }, (_, index) => (index * index) % 251));

function model(overrides: Partial<ArchiveModel> = {}): ArchiveModel {
	return {
		minor: 14,
		compression: 'gzip',
		entries: [
			entryOf({ id: 90, type: 'ENCODING', name: 'ENCODING', definition: "SET client_encoding = 'UTF8';\n" }),
			entryOf({
				id: 91,
				type: 'STDSTRINGS',
				name: 'STDSTRINGS',
				definition: "SET standard_conforming_strings = 'on';\n",
			}),
			entryOf({
				id: 1,
				type: 'TABLE',
				schema: 'public',
				name: 'größe',
				oid: 4_000_000_000,
				owner: 'jo',
				definition: 'CREATE TABLE',
			}),
			entryOf({
				id: 2,
				type: 'TABLE DATA',
				schema: 'public',
				name: 'größe',
				section: 'data',
				hasData: true,
				copy: 'COPY public."größe" (a, b) FROM stdin;\n',
				dependencies: [1],
			}),
			entryOf({ id: 3, type: 'TABLE DATA', schema: 'public', name: 'inserted', section: 'data', hasData: true }),
			entryOf({ id: 4, type: 'BLOBS', name: 'BLOBS', section: 'data', hasData: true }),
		],
		blocks: [
			{ id: 2, data: Buffer.from(`${ROWS}\\.\n\n\n`) },
			{
				id: 4,
				objects: [
					{ oid: 16400, data: OBJECT },
					{ oid: 4_000_000_001, data: Buffer.alloc(0) },
				],
			},
			{ id: 3, data: Buffer.from('INSERT INTO inserted VALUES (1);\n') },
		],
		...overrides,
	};
}

const CONTENTS = [
	{ id: 2, statement: 'COPY public."größe" (a, b) FROM stdin', rows: ROWS },
	{
		id: 4,
		objects: [
			[16400, OBJECT.toString('latin1')],
			[4_000_000_001, ''],
		],
	},
	{ id: 3, sql: 'INSERT INTO inserted VALUES (1);\n' },
].map((block) => JSON.parse(JSON.stringify(block)) as Record<string, unknown>);

const open = (bytes: Uint8Array, size?: number) => openArchive(inPieces(bytes, size));

describe('an archive in the custom format', () => {
	it.each(
		[12, 13, 14, 15, 16].flatMap((minor) => (['none', 'gzip', 'zstd'] as const).map((name) => [minor, name] as const)),
	)('of version 1.%i with compression %s is read', async (minor, compression) => {
		// Before 1.15 zlib was the only compression.
		if (minor < 15 && compression === 'zstd') compression = 'gzip';
		const { bytes } = writeArchive(model({ minor, compression }));
		const archive = await open(bytes);
		expect(archive.toc).toMatchObject({
			version: `1.${minor}`,
			compression,
			createdAt: '2026-01-02T03:04:05',
			database: 'shop',
			standardStrings: true,
			searchPath: null,
		});
		expect(archive.toc.entries).toEqual(model().entries);
		expect(await readBlocks(archive)).toEqual(CONTENTS);
	});

	it('comes out the same whatever the pieces it comes in', async () => {
		const { bytes } = writeArchive(model());
		await fc.assert(
			fc.asyncProperty(fc.integer({ min: 1, max: 5000 }), async (size) => {
				expect(await readBlocks(await open(bytes, size))).toEqual(CONTENTS);
			}),
			{ numRuns: 20, examples: [[1]] },
		);
	});

	it('may have been written into a pipe, without offsets', async () => {
		expect(await readBlocks(await open(writeArchive(model({ piped: true })).bytes))).toEqual(CONTENTS);
	});

	it('may have been written with integers of another size', async () => {
		expect(await readBlocks(await open(writeArchive(model({ intSize: 8 })).bytes))).toEqual(CONTENTS);
	});

	it('gives only the blocks that are wanted', async () => {
		const archive = await open(writeArchive(model()).bytes);
		expect(await readBlocks(archive, (entry) => entry.id === 3)).toEqual([CONTENTS[2]]);
	});

	it('skips what the consumer does not read', async () => {
		for (const compression of ['none', 'gzip'] as const) {
			const source = watched(writeArchive(model({ compression })).bytes);
			const seen: unknown[] = [];
			for await (const block of (await openArchive(source)).blocks()) {
				seen.push(block.entry.id);
				if (block.type === 'copy') for await (const rows of block.rows) if (rows.length > 0) break;
				if (block.type === 'large-objects') {
					for await (const { oid, data } of block.objects) {
						seen.push(oid);
						for await (const chunk of data) if (chunk.length > 0) break;
					}
				}
			}
			expect(seen).toEqual([2, 4, 16400, 4_000_000_001, 3]);
			expect(source.open).toBe(0);
		}
	});

	it('lets the source go when the consumer leaves in the middle of a block', async () => {
		const source = watched(writeArchive(model()).bytes);
		const leave = async () => {
			for await (const block of (await openArchive(source)).blocks()) {
				if (block.type === 'copy') for await (const rows of block.rows) if (rows.length > 0) return;
			}
		};
		await leave();
		expect(source.open).toBe(0);
		await readToc(source);
		expect(source.open).toBe(0);
	});

	it('stops when cancelled', async () => {
		const controller = new AbortController();
		const source = watched(writeArchive(model()).bytes);
		const archive = await openArchive(source, { signal: controller.signal });
		const read = async () => {
			for await (const block of archive.blocks()) {
				if (block.type !== 'copy') continue;
				for await (const rows of block.rows) if (rows.length > 0) controller.abort();
			}
		};
		await expect(read()).rejects.toMatchObject({ code: 'CANCELLED' });
		expect(source.open).toBe(0);
	});

	it('has empty tables without any compressed piece', async () => {
		const { bytes } = writeArchive(model({ compression: 'none', blocks: [] }));
		const block = Buffer.from([1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0]);
		const archive = await open(Buffer.concat([bytes, block]));
		expect(await readBlocks(archive, (entry) => entry.id === 3)).toEqual([{ id: 3, sql: '' }]);
	});

	it('in another encoding comes out as text, and COPY says which its rows have', async () => {
		const latin1 = model({ compression: 'none' });
		latin1.entries[0]!.definition = "SET client_encoding = 'KOI8R';\n";
		const archive = await open(writeArchive(latin1).bytes);
		// The writer writes UTF-8: the bytes of ö and ß read as KOI8-R.
		expect(archive.toc.entries[2]!.name).toBe('grц╤ц÷e');
		const blocks = await readBlocks(archive);
		expect(blocks[0]!['statement']).toMatch(/ FROM stdin WITH \(ENCODING 'KOI8R'\)$/);
		expect(blocks[2]!['sql']).toMatch(/^SET client_encoding = 'KOI8R';\nINSERT/);
	});

	it('from before standard_conforming_strings says so before its INSERTs', async () => {
		const old = model({ compression: 'none' });
		old.entries[1]!.definition = "SET standard_conforming_strings = 'off';\n";
		const blocks = await readBlocks(await open(writeArchive(old).bytes));
		expect(blocks[2]!['sql']).toMatch(/^SET standard_conforming_strings = off;\nINSERT/);
	});

	it('is listed object by object', async () => {
		const { toc } = await open(writeArchive(model()).bytes);
		expect(listObjects(toc)).toEqual([
			{ id: 1, type: 'TABLE', schema: 'public', name: 'größe', owner: 'jo', hasData: true },
			{ id: 3, type: 'TABLE', schema: 'public', name: 'inserted', owner: null, hasData: true },
			{ id: 4, type: 'BLOBS', schema: null, name: 'BLOBS', owner: null, hasData: true },
		]);
	});
});

describe('an archive that cannot be read', () => {
	it.each<[string, (bytes: Buffer) => void, string, RegExp]>([
		['is something else', (bytes) => bytes.write('NOPE!'), 'INVALID_INPUT', /custom format/],
		['is too old', (bytes) => (bytes[6] = 11), 'UNSUPPORTED_VERSION', /1\.11/],
		['is too new', (bytes) => (bytes[6] = 17), 'UNSUPPORTED_VERSION', /1\.17/],
		['is of the directory format', (bytes) => (bytes[10] = 5), 'INVALID_INPUT', /directory/],
		['has integers of no size', (bytes) => (bytes[8] = 0), 'ARCHIVE_CORRUPT', /integers of 0/],
		['has an unknown compression', (bytes) => (bytes[11] = 9), 'ARCHIVE_CORRUPT', /compression 9/],
	])('is refused when it %s', async (_, damage, code, message) => {
		const { bytes } = writeArchive(model({ minor: 16 }));
		damage(bytes);
		await expect(open(bytes)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
	});

	it('is listed, but its data refused, when it is compressed with lz4', async () => {
		const archive = await open(writeArchive(model({ minor: 16, compression: 'lz4' })).bytes);
		expect(archive.toc.entries).toHaveLength(6);
		await expect(readBlocks(archive)).rejects.toMatchObject({
			code: 'UNSUPPORTED_VERSION',
			message: expect.stringContaining('lz4'),
		});
	});

	it('is found out wherever it was cut off', async () => {
		for (const compression of ['none', 'gzip', 'zstd'] as const) {
			const { bytes } = writeArchive(model({ minor: 16, compression }));
			const step = Math.max(1, Math.floor(bytes.length / 150));
			for (let length = 0; length < bytes.length; length += step) {
				const read = async () => readBlocks(await open(bytes.subarray(0, length)));
				await expect(read(), `${compression}, ${length} bytes`).rejects.toMatchObject({ code: 'ARCHIVE_INCOMPLETE' });
			}
		}
	});

	it('names the entry that it was cut off in, or before', async () => {
		const { bytes, offsets } = writeArchive(model());
		const cutAt = async (length: number) => readBlocks(await open(bytes.subarray(0, length)));
		await expect(cutAt(offsets.get(2)! + 100)).rejects.toThrow('the data of TABLE DATA public.größe');
		await expect(cutAt(offsets.get(4)!)).rejects.toThrow('before that of TABLE DATA public.inserted');
	});

	it('names the entry whose rows are damaged', async () => {
		const { bytes, offsets } = writeArchive(model());
		bytes[offsets.get(2)! + 3000]! ^= 0xff;
		await expect(open(bytes).then((archive) => readBlocks(archive))).rejects.toMatchObject({
			code: 'ARCHIVE_CORRUPT',
			message: expect.stringContaining('TABLE DATA public.größe'),
		});
	});

	it.each<[string, string]>([
		['lack their end marker', ROWS],
		['go on after their end marker', `${ROWS}\\.\n\n\n1\t2\n`],
	])('is found out when its rows %s', async (_, rows) => {
		const { bytes } = writeArchive(model({ compression: 'none', blocks: [{ id: 2, data: Buffer.from(rows) }] }));
		await expect(open(bytes).then((archive) => readBlocks(archive))).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' });
	});

	it('is found out when its compressed data goes on after its end', async () => {
		const { bytes, offsets } = writeArchive(model({ blocks: [{ id: 3, data: Buffer.from('SELECT 1;') }] }));
		const start = offsets.get(3)!;
		const length = bytes.readUInt32LE(start + 7);
		const more = Buffer.concat([
			bytes.subarray(0, start + 11 + length),
			Buffer.from([0, 4, 0, 0, 0]),
			Buffer.from('more'),
			Buffer.from([0, 0, 0, 0, 0]),
		]);
		const read = async () => readBlocks(await open(more), (entry) => entry.id === 3);
		await expect(read()).rejects.toMatchObject({
			code: 'ARCHIVE_CORRUPT',
			message: expect.stringContaining('after its end'),
		});
	});

	it.each<[string, Buffer, RegExp]>([
		['a block of an unknown type', Buffer.from([9]), /unknown type 9/],
		['a block of an unknown entry', Buffer.from([1, 0, 77, 0, 0, 0]), /unknown entry 77/],
		['a piece of negative length', Buffer.from([1, 0, 3, 0, 0, 0, 1, 5, 0, 0, 0]), /-5 bytes/],
	])('is found out when it holds %s', async (_, block, message) => {
		const { bytes } = writeArchive(model({ compression: 'none', blocks: [] }));
		await expect(open(Buffer.concat([bytes, block])).then((archive) => readBlocks(archive))).rejects.toMatchObject({
			code: 'ARCHIVE_CORRUPT',
			message: expect.stringMatching(message),
		});
	});

	it('costs no memory when it only claims to be large', async () => {
		const { bytes } = writeArchive(model({ minor: 16 }));
		const stringAt = bytes.indexOf('shop') - 4;
		const head = Buffer.from(bytes.subarray(0, stringAt + 20));
		const before = process.memoryUsage().rss;
		for (const size of [0x1ffffff0, 0x7fffffff]) {
			head.writeUInt32LE(size, stringAt);
			await expect(open(head)).rejects.toMatchObject({ code: expect.stringMatching(/^ARCHIVE_/) });
		}
		const piece = Buffer.from([1, 0, 3, 0, 0, 0, 0, 255, 255, 255, 127, 1, 2, 3]);
		const huge = Buffer.concat([writeArchive(model({ blocks: [] })).bytes, piece]);
		await expect(open(huge).then((archive) => readBlocks(archive))).rejects.toMatchObject({
			code: 'ARCHIVE_INCOMPLETE',
		});
		expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
	});

	it('never breaks the reader, whatever bytes are changed', async () => {
		const original = writeArchive(model({ minor: 16, blocks: [{ id: 3, data: Buffer.from('SELECT 1;') }] })).bytes;
		await fc.assert(
			fc.asyncProperty(
				fc.array(fc.tuple(fc.integer({ min: 0, max: original.length - 1 }), fc.integer({ min: 0, max: 255 })), {
					minLength: 1,
					maxLength: 3,
				}),
				async (changes) => {
					const bytes = Buffer.from(original);
					for (const [at, value] of changes) bytes[at] = value;
					try {
						await readBlocks(await open(bytes), (entry) => entry.id === 3);
					} catch (error) {
						expect(error).toHaveProperty('name', 'BackupError');
					}
				},
			),
			{ numRuns: 200 },
		);
	});
});

describe('what has to be kept whole', () => {
	it('is read up to a limit, whatever the archive claims', async () => {
		async function* endless() {
			for (;;) yield await Promise.resolve(Buffer.alloc(1000));
		}
		const reader = new ByteReader(endless());
		reader.limit = 100_000;
		expect(await reader.read(50_000)).toHaveLength(50_000);
		await expect(reader.read(2 ** 31)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
		reader.limit = Infinity;
		expect(await reader.read(10)).toHaveLength(10);
	});
});
