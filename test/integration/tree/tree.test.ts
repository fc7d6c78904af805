import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { findBackup, listManifests } from '../../../engine/archive';
import { checkTree, readIndex, Selection } from '../../../engine/tree';
import { noise } from '../../random/bytes';
import { temporaryStorage } from '../archive/support';
import { MemorySource, VersionedSource, type Contents } from './memory-set';
import { backUp, NO_BASE, open, restored } from './stage';

const random = noise('tree');

function sample(): Contents {
	return new Map([
		['a.txt', Buffer.from('one')],
		['docs/large.bin', random(5_000_000)],
		['docs/empty', Buffer.alloc(0)],
		[`docs/${'long '.repeat(60)}`, random(512)],
		['docs/naïve – ünïcode.pdf', random(70_000)],
		['z/\udcff\udc80', Buffer.from('a name that is no text')],
		...Array.from({ length: 300 }, (_, index): [string, Buffer] => [`many/${index}`, random(index)]),
	]);
}

describe('a set', () => {
	for (const codec of ['zstd', 'gzip', 'none'] as const) {
		for (const passphrase of [undefined, 'correct horse']) {
			it(`comes back by ${codec}${passphrase ? ', encrypted' : ''}`, async () => {
				const { storage } = temporaryStorage();
				const contents = sample();
				const options = { codec, ...(passphrase && { passphrase }) };
				const manifest = await backUp(storage, contents, options);
				expect(manifest.counts).toMatchObject({ files: contents.size, stored: contents.size, reused: 0, increment: 0 });
				expect(await restored(storage, manifest, options)).toEqual(contents);
			});
		}
	}

	it('is checked as it streams by', async () => {
		const { storage } = temporaryStorage();
		const contents = sample();
		const manifest = await backUp(storage, contents);
		const found: string[] = [];
		const reader = await open(storage, manifest);
		expect(await checkTree(reader.raw(), manifest, (message) => found.push(message))).toMatchObject({
			files: contents.size,
		});
		expect(found).toEqual([]);
	});

	it('can be restored in part, by prefix and by globs', async () => {
		const { storage } = temporaryStorage();
		const contents = sample();
		const manifest = await backUp(storage, contents);
		const some = async (choices: ConstructorParameters<typeof Selection>[0]) =>
			[...(await restored(storage, manifest, { selection: new Selection(choices) })).keys()].sort();
		expect(await some({ prefix: 'docs/' })).toHaveLength(4);
		expect(await some({ include: ['*.pdf', 'many/1?'] })).toEqual([
			'docs/naïve – ünïcode.pdf',
			...Array.from({ length: 10 }, (_, index) => `many/${10 + index}`),
		]);
		expect(await some({ exclude: ['many', 'docs/l*'] })).toHaveLength(4);
		await expect(some({ prefix: 'nothing/' })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
	});
});

describe('an increment', () => {
	it('reads nothing again that an earlier backup has under another name, and restores all of it', async () => {
		const { storage } = temporaryStorage();
		const contents: Contents = new Map();
		const names = Array.from({ length: 60 }, (_, index) => `many/${index}`);
		const change = (some: readonly string[], size: number) => {
			for (const name of some) VersionedSource.change(contents, name, random(size));
		};
		change(names, 3000);
		change(names.slice(20), 4000);
		const first = await backUp(storage, new VersionedSource(contents));
		change(names, 5000);
		// Gone, and only an older version by now.
		VersionedSource.change(contents, names[3]!, undefined);
		const source = new VersionedSource(contents);
		const second = await backUp(storage, source);
		const opened = names.filter((name) => name !== names[3]);
		expect(source.opened.slice(0, -1)).toEqual(opened.sort());
		expect(source.opened.at(-1)).toContain(names[3]);
		expect(second.needs).toEqual([first.id]);
		expect(await restored(storage, second)).toEqual(contents);
		const again = new VersionedSource(contents);
		const third = await backUp(storage, again, { checkpointBytes: 1 });
		expect(again.opened).toEqual([]);
		expect(await restored(storage, third)).toEqual(contents);
		const selection = new Selection({ include: ['?many/7\u0001*'] });
		expect([...(await restored(storage, third, { selection })).values()].map(({ length }) => length)).toEqual([3000]);
	});

	it('finds under another name what only a checkpoint has, and what a newer checkpoint has replaced', async () => {
		const { storage } = temporaryStorage();
		const contents: Contents = new Map([['a', random(2000)]]);
		await backUp(storage, new VersionedSource(contents));
		class Breaking extends VersionedSource {
			override async open(facts: Parameters<MemorySource['open']>[0]) {
				if (facts.name === 'z') throw new Error('broken off');
				return await super.open(facts);
			}
		}
		VersionedSource.change(contents, 'a', random(2001));
		contents.set('z', random(1));
		await expect(backUp(storage, new Breaking(contents), { checkpointBytes: 1 })).rejects.toThrow('broken off');
		VersionedSource.change(contents, 'a', random(2002));
		const source = new VersionedSource(contents);
		const manifest = await backUp(storage, source);
		expect(source.opened).toEqual(['a', 'z']);
		expect(await restored(storage, manifest)).toEqual(contents);
	});

	it('holds the new content alone, and restores all of the set', async () => {
		const { storage } = temporaryStorage();
		const contents = sample();
		const first = await backUp(storage, contents);
		contents.set('a.txt', Buffer.from('two'));
		contents.set('new', random(1000));
		contents.delete('many/7');
		const source = new MemorySource(contents);
		const second = await backUp(storage, source);
		expect(source.opened.sort()).toEqual(['a.txt', 'new']);
		expect(second.needs).toEqual([first.id]);
		expect(second.counts).toMatchObject({ stored: 2, increment: 1, files: contents.size });
		expect(await restored(storage, second)).toEqual(contents);
		const entries: string[] = [];
		for await (const { name } of readIndex(await open(storage, second))) entries.push(name);
		expect(entries).toHaveLength(contents.size);
	});

	it('is whole again after so many', async () => {
		const { storage } = temporaryStorage();
		const contents: Contents = new Map([
			['a', random(100_000)],
			['b', random(1000)],
		]);
		const steps: (number | undefined)[] = [];
		for (let round = 0; round < 5; round++) {
			contents.set('b', random(1000));
			steps.push((await backUp(storage, contents, { wholeEvery: 3 })).counts['increment']);
		}
		expect(steps).toEqual([0, 1, 2, 0, 1]);
	});

	it('is whole again when too little of the older ones is in use', async () => {
		const { storage } = temporaryStorage();
		const contents: Contents = new Map([
			['a', random(100_000)],
			['b', random(100_000)],
		]);
		await backUp(storage, contents);
		// Of two archives of 200 kB and 100 kB, half of the first one is of use.
		contents.set('a', random(100_000));
		expect(await backUp(storage, contents)).toMatchObject({ counts: { increment: 1 } });
		contents.set('c', random(10));
		expect(await backUp(storage, contents, { leastUse: 0.5 })).toMatchObject({ counts: { increment: 2 } });
		expect(await backUp(storage, contents, { leastUse: 0.9 })).toMatchObject({ counts: { increment: 0 } });
	});

	it('goes on from archives in which headers and indexes are larger than the files', async () => {
		const { storage } = temporaryStorage();
		const contents: Contents = new Map(Array.from({ length: 20 }, (_, index) => [`tiny-${10 + index}`, random(3)]));
		const next = async () => (await backUp(storage, contents, { leastUse: 0.9 })).counts['increment'];
		expect([await next(), await next(), await next()]).toEqual([0, 1, 2]);
	});
});

describe('a large set', () => {
	it('is committed in checkpoints, which are no backups', async () => {
		const { storage } = temporaryStorage();
		const contents = sample();
		for (const name of ['b', 'e', 'n']) contents.set(name, random(3_000_000));
		const manifest = await backUp(storage, contents, { checkpointBytes: 2_000_000 });
		const { backups } = await listManifests(storage, '');
		expect(backups.map((backup) => backup.manifest.id)).toEqual([manifest.id]);
		const all = await listManifests(storage, '', { checkpoints: true });
		expect(all.backups.length).toBeGreaterThan(3);
		expect(new Set(manifest.needs)).toEqual(
			new Set(all.backups.map((backup) => backup.manifest.id).filter((id) => id !== manifest.id)),
		);
		expect((await findBackup(storage, { latest: 'set' })).manifest.id).toBe(manifest.id);
		expect(await restored(storage, manifest)).toEqual(contents);
	});

	it('goes on from its checkpoints when a run was broken off', async () => {
		const { storage } = temporaryStorage();
		const contents = sample();
		for (const name of ['b', 'e', 'n']) contents.set(name, random(3_000_000));
		class Breaking extends MemorySource {
			override async open(facts: Parameters<MemorySource['open']>[0]) {
				if (facts.name === 'n') throw new Error('broken off');
				return await super.open(facts);
			}
		}
		const options = { checkpointBytes: 2_000_000 };
		await expect(backUp(storage, new Breaking(contents), options)).rejects.toThrow('broken off');
		expect((await listManifests(storage, '')).backups).toEqual([]);
		const source = new MemorySource(contents);
		const manifest = await backUp(storage, source, options);
		expect(source.opened).not.toContain('b');
		expect(source.opened).not.toContain('docs/large.bin');
		expect(source.opened).toContain('n');
		expect(await restored(storage, manifest)).toEqual(contents);
	});
});

describe('any history of a set', () => {
	it('comes back at each of its points, to the byte', async () => {
		const change = fc.record({
			name: fc.constantFrom('a', 'b/c', 'b-c', 'b/d/e', '\u{1f600}', '\uffee', '\udc80'),
			size: fc.option(fc.constantFrom(0, 1, 511, 512, 513, 70_000, 1_100_000), { nil: undefined, freq: 3 }),
		});
		const run = fc.record({
			changes: fc.array(change, { maxLength: 4 }),
			isWhole: fc.boolean(),
			checkpointBytes: fc.constantFrom(1000, 1_000_000, 1e9),
		});
		await fc.assert(
			fc.asyncProperty(fc.array(run, { minLength: 1, maxLength: 4 }), async (runs) => {
				const { storage } = temporaryStorage();
				const contents: Contents = new Map();
				const points: [Awaited<ReturnType<typeof backUp>>, Contents][] = [];
				for (const { changes, isWhole, checkpointBytes } of runs) {
					for (const { name, size } of changes) {
						if (size === undefined) contents.delete(name);
						else contents.set(name, random(size));
					}
					if (contents.size === 0) continue;
					const manifest = await backUp(storage, contents, { checkpointBytes, ...(isWhole && { base: NO_BASE }) });
					points.push([manifest, new Map(contents)]);
				}
				for (const [manifest, expected] of points) {
					expect(await restored(storage, manifest)).toEqual(expected);
					const found: string[] = [];
					await checkTree((await open(storage, manifest)).raw(), manifest, (message) => found.push(message));
					expect(found).toEqual([]);
				}
			}),
			{ numRuns: 12 },
		);
	});
});
