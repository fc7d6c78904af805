import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { ByteCursor, EndedEarly } from '../../../engine/archive/cursor';
import { TarDamage } from '../../../engine/tar/damage';
import { walkTar, type TarMember, type WalkOptions } from '../../../engine/tar/walk';
import { END_MARK, inPieces, memberOf, padded, tarOf, type BuiltMember } from './build-tar';

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
