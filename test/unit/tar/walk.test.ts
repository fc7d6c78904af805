import fc from 'fast-check';
import { pack } from 'tar-stream';
import { describe, expect, it } from 'vitest';

import { ByteCursor, EndedEarly } from '../../../engine/archive/cursor';
import { isTar, TarDamage, type TarMember, type WalkOptions, walkTar } from '../../../engine/tar';
import { END_MARK, inPieces, memberOf, padded, sealed, tarOf, type BuiltMember } from './build-tar';

interface Walked extends TarMember {
	content: string;
}

async function walk(bytes: Uint8Array, options: WalkOptions = {}, pieces = bytes.length): Promise<Walked[]> {
	const found: Walked[] = [];
	await walkTar(
		new ByteCursor(inPieces(bytes, pieces || 1)),
		async (member, cursor) => {
			found.push({ ...member, content: Buffer.from(await cursor.take(member.storedSize)).toString() });
		},
		options,
	);
	return found;
}

const names = (members: Walked[]) => members.map(({ name }) => name);
const damage = (what: RegExp) => expect.objectContaining({ message: expect.stringMatching(what) as string });

describe('walkTar', () => {
	it('hands out every member with its content, however the bytes come', async () => {
		const members = [
			{ name: 'config.json', content: '{}' },
			{ name: 'wal/', type: '5' },
			{ name: 'wal/open-1', content: 'x'.repeat(512) },
			{ name: 'empty' },
		];
		await fc.assert(
			fc.asyncProperty(fc.integer({ min: 1, max: 4000 }), async (pieces) => {
				const found = await walk(tarOf(...members), {}, pieces);
				expect(found.map(({ name, type, content }) => [name, type, content])).toEqual([
					['config.json', 'file', '{}'],
					['wal', 'directory', ''],
					['wal/open-1', 'file', 'x'.repeat(512)],
					['empty', 'file', ''],
				]);
			}),
			{ numRuns: 30 },
		);
	});

	it('skips what a visitor leaves unread', async () => {
		const bytes = tarOf({ name: 'a', content: 'x'.repeat(5000) }, { name: 'b', content: 'y' });
		const seen: string[] = [];
		await walkTar(new ByteCursor(inPieces(bytes, 700)), async ({ name }, cursor) => {
			seen.push(name);
			if (name === 'a') await cursor.take(10);
		});
		expect(seen).toEqual(['a', 'b']);
	});

	it('joins a long name with its member', async () => {
		const name = `segments/${'v'.repeat(200)}`;
		const bytes = tarOf({ name: '././@LongLink', type: 'L', content: `${name}\0` }, { name: name.slice(0, 100) });
		expect(names(await walk(bytes))).toEqual([name]);
	});

	it('reads sizes beyond what octal digits can say', async () => {
		const sizeField = Buffer.from([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3]);
		expect((await walk(tarOf({ name: 'big', content: 'abc', sizeField })))[0]?.content).toBe('abc');
	});

	it.each([3, 4, 5, 25, 26, 60])('reads a sparse file in %i pieces, and the member behind it', async (count) => {
		const runs = Array.from({ length: count }, (_, index): [number, number] => [index * 8192, 512]);
		const sparse: BuiltMember = {
			name: 'page_0.dat',
			type: 'S',
			content: 'z'.repeat(count * 512),
			sparse: { runs, size: 1 << 24 },
		};
		const [member, next] = await walk(tarOf(sparse, { name: 'next' }), {}, 1000);
		expect(member).toMatchObject({ size: 1 << 24, storedSize: count * 512 });
		expect(next?.name).toBe('next');
	});

	it.each<[string, Array<[number, number]>, number]>([
		[
			'overlap',
			[
				[0, 400],
				[200, 112],
			],
			1024,
		],
		[
			'go backwards',
			[
				[512, 256],
				[0, 256],
			],
			1024,
		],
		['reach beyond the file', [[0, 512]], 500],
		['do not add up', [[0, 500]], 1024],
	])('refuses a sparse file whose pieces %s', async (_, runs, size) => {
		const bytes = tarOf({ name: 's', type: 'S', content: 'z'.repeat(512), sparse: { runs, size } });
		await expect(walk(bytes)).rejects.toEqual(damage(/pieces/));
	});

	it('notices every flipped bit of a header', async () => {
		const bytes = tarOf({ name: 'a', content: 'x' }, { name: 'b' });
		await fc.assert(
			fc.asyncProperty(fc.nat(511), fc.nat(7), async (byte, bit) => {
				const flipped = Buffer.from(bytes);
				flipped[byte]! ^= 1 << bit;
				await expect(walk(flipped)).rejects.toBeInstanceOf(TarDamage);
			}),
			{ numRuns: 300 },
		);
	});

	it('notices every truncation', async () => {
		const bytes = tarOf({ name: 'a', content: 'x'.repeat(600) }, { name: 'b' });
		await fc.assert(
			fc.asyncProperty(fc.nat(bytes.length - 1), async (length) => {
				await expect(walk(bytes.subarray(0, length))).rejects.toBeInstanceOf(EndedEarly);
			}),
			{ numRuns: 200 },
		);
	});

	it('refuses anything but zeros behind the end, far behind it too', async () => {
		const bytes = tarOf({ name: 'a' });
		await expect(walk(Buffer.concat([bytes, Buffer.alloc(9000)]))).resolves.toHaveLength(1);
		await expect(walk(Buffer.concat([bytes, Buffer.from('x')]))).rejects.toEqual(damage(/behind its end/));
		const far = Buffer.concat([bytes, Buffer.alloc(9000), Buffer.from('x')]);
		await expect(walk(far, {}, 100)).rejects.toEqual(damage(/behind its end/));
	});

	it('refuses a single block of zeros, and padding that is not zeros', async () => {
		const single = Buffer.concat([memberOf({ name: 'a' }), Buffer.alloc(512), memberOf({ name: 'b' })]);
		await expect(walk(single)).rejects.toEqual(damage(/only one of the two blocks/));
		const padding = tarOf({ name: 'a', content: 'x' });
		padding[1000] = 1;
		await expect(walk(padding)).rejects.toEqual(damage(/other than zeros/));
	});

	it.each(['../up', '/absolute', 'a/../../b'])('refuses a member called %s', async (name) => {
		await expect(walk(tarOf({ name }))).rejects.toEqual(damage(/with the name/));
	});

	it('refuses kinds of members that snapshots never have', async () => {
		await expect(walk(tarOf({ name: 'link', type: '2' }))).rejects.toEqual(damage(/type "2"/));
	});

	it('walks a tar inside another one up to its end, with and without the blocks that end it', async () => {
		const inner = memberOf({ name: 'a', content: 'x' });
		const rest = Buffer.from('what follows');
		const within = { end: inner.length, endMarkOptional: true };
		expect(names(await walk(Buffer.concat([inner, rest]), within))).toEqual(['a']);
		const marked = Buffer.concat([inner, END_MARK]);
		const whole = { end: marked.length, endMarkOptional: false };
		expect(names(await walk(Buffer.concat([marked, rest]), whole))).toEqual(['a']);
		const needed = { end: inner.length, endMarkOptional: false };
		await expect(walk(Buffer.concat([inner, rest]), needed)).rejects.toEqual(damage(/middle of a block/));
	});

	it('refuses a member that reaches beyond the end of its tar', async () => {
		const inner = Buffer.concat([memberOf({ name: 'a', content: 'x'.repeat(2000) }), padded(Buffer.from('y'))]);
		await expect(walk(inner, { end: 1024, endMarkOptional: true })).rejects.toEqual(damage(/reaches beyond/));
	});
});

/** Members as other programs write them. */
async function anyOf(bytes: Uint8Array): Promise<TarMember[]> {
	const found: TarMember[] = [];
	await walkTar(new ByteCursor(inPieces(bytes, 700)), (member) => void found.push(member), { dialect: 'any' });
	return found;
}

const pax = (...records: string[]): BuiltMember => ({ name: 'PaxHeader', type: 'x', content: records.join('') });

describe('walkTar in the dialect of any program', () => {
	it('reads what tar-stream packs: links, PAX names, prefixes', async () => {
		const packer = pack();
		packer.entry({ name: 'folder/', type: 'directory' });
		packer.entry({ name: `${'long/'.repeat(60)}näme` }, 'x'.repeat(5000));
		packer.entry({ name: `${'p'.repeat(90)}/${'n'.repeat(90)}` }, 'y');
		packer.entry({ name: 'link', type: 'symlink', linkname: 'elsewhere' });
		packer.entry({ name: 'hard', type: 'link', linkname: 'folder/file' });
		packer.entry({ name: 'pipe', type: 'fifo' });
		packer.finalize();
		const chunks: Uint8Array[] = [];
		for await (const chunk of packer as unknown as AsyncIterable<Uint8Array>) chunks.push(chunk);
		expect((await anyOf(Buffer.concat(chunks))).map(({ name, type, size }) => [name, type, size])).toEqual([
			['folder', 'directory', 0],
			[`${'long/'.repeat(60)}näme`, 'file', 5000],
			[`${'p'.repeat(90)}/${'n'.repeat(90)}`, 'file', 1],
			['link', 'symlink', 0],
			['hard', 'link', 0],
			['pipe', 'device', 0],
		]);
	});

	it('takes a size from PAX, for its own member alone, whatever else stands between', async () => {
		const bytes = tarOf(
			{ name: 'pax_global_header', type: 'g', content: '13 comment=x\n' },
			pax('10 size=5\n', '13 mtime=1.5\n'),
			{ name: '././@LongLink', type: 'K', content: 'target\0' },
			{ name: '././@LongLink', type: 'L', content: 'its name\0' },
			{ name: 'short', content: '12345', sizeField: Buffer.alloc(12, '0') },
			{ name: 'next', content: 'abc' },
		);
		expect((await anyOf(bytes)).map(({ name, size }) => [name, size])).toEqual([
			['its name', 5],
			['next', 3],
		]);
	});

	it.each(['8 size=5\n', 'size=5\n', '99 size=5\n', '10 size=5 ', '-1 a=b\n'])(
		'refuses a PAX header that cannot be read: %j',
		async (record) => {
			await expect(anyOf(tarOf(pax(record), { name: 'a' }))).rejects.toEqual(damage(/PAX header/));
		},
	);

	it('refuses records without a member, and those of unlikely length', async () => {
		await expect(anyOf(tarOf(pax('7 a=bc\n')))).rejects.toEqual(damage(/ends behind/));
		const long = pax(`${1024 * 1024 + 16} comment=${'x'.repeat(1024 * 1024)}\n`);
		await expect(anyOf(tarOf(long, { name: 'a' }))).rejects.toEqual(damage(/unlikely length/));
		const name = { name: '././@LongLink', type: 'L', content: 'x'.repeat(20_000) };
		await expect(anyOf(tarOf(name, { name: 'a' }))).rejects.toEqual(damage(/unlikely length/));
	});

	it('takes blank sizes, old checksums, labels and unknown types as the programs mean them', async () => {
		const blank: BuiltMember = { name: 'old', type: '5', sizeField: Buffer.alloc(12, ' ') };
		const bytes = tarOf(blank, { name: 'label', type: 'V' }, { name: 'odd', type: 'Q', content: 'abc' });
		bytes.write(' ', 155);
		expect((await anyOf(bytes)).map(({ name, type, size }) => [name, type, size])).toEqual([
			['old', 'directory', 0],
			['odd', 'other', 3],
		]);
	});

	it('checks the pieces of sparse files', async () => {
		const sparse = (runs: Array<[number, number]>): BuiltMember => ({
			name: 's',
			type: 'S',
			content: 'z'.repeat(512),
			sparse: { runs, size: 4096 },
		});
		// GNU tar ends the list with an empty run at the end of the file.
		const [member] = await anyOf(
			tarOf(
				sparse([
					[1024, 512],
					[4096, 0],
				]),
			),
		);
		expect(member).toMatchObject({ type: 'file', size: 4096, storedSize: 512 });
		await expect(anyOf(tarOf(sparse([[4000, 512]])))).rejects.toEqual(damage(/pieces/));
	});
});

describe('isTar', () => {
	it('tells tars by their format or their checksum', () => {
		const bytes = tarOf({ name: 'a', content: 'x' });
		expect(isTar(bytes)).toBe(true);
		const old = Buffer.from(bytes);
		old.fill(0, 257, 265);
		expect(isTar(sealed(old.subarray(0, 512)))).toBe(true);
		expect(isTar(END_MARK)).toBe(true);
		expect(isTar(Buffer.alloc(512, 'x'))).toBe(false);
		expect(isTar(bytes.subarray(0, 511))).toBe(false);
	});
});
