/**
 * Somebody else puts a link in the place of a folder while we work in it: at each call of the file system that is made for an entry,
 * right before the call, which is later than any check can be.
 */
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { FolderPlace } from '../../../engine/minio/mirror';
import { FilesTarget } from '../../../engine/tree/folder';
import type { EntryFacts, OpenEntry } from '../../../engine/tree';
import { folder, sourceOf } from './stage';

const { signal } = new AbortController();
const CALLS = [
	...['link', 'lstat', 'lutimes', 'mkdir', 'open', 'opendir', 'readlink', 'rename', 'rm', 'rmdir', 'stat', 'symlink'],
	'unlink',
] as const;

afterEach(() => vi.restoreAllMocks());

/** A folder `a`, and one outside with the same names and other contents. */
function stage() {
	const parent = folder();
	const [root, outside] = [path.join(parent, 'root'), path.join(parent, 'outside')];
	for (const [place, content] of [
		[path.join(root, 'a'), 'inside'],
		[outside, 'secret'],
	] as const) {
		mkdirSync(path.join(place, 'deep'), { recursive: true, mode: 0o700 });
		mkdirSync(path.join(place, 'empty'));
		writeFileSync(path.join(place, 'kept'), content);
		symlinkSync(content, path.join(place, 'link'));
	}
	writeFileSync(path.join(root, 'b'), 'b');
	const state = () =>
		readdirSync(outside, { recursive: true, encoding: 'utf8' })
			.sort()
			.map((name) => {
				const { mode, nlink, ino, mtimeMs } = lstatSync(path.join(outside, name));
				return { name, mode, nlink, ino, mtimeMs };
			});
	const before = state();
	const assertUntouched = () => {
		expect(state()).toEqual(before);
		expect(readFileSync(path.join(outside, 'kept'), 'utf8')).toBe('secret');
	};
	const swap = () => {
		renameSync(path.join(root, 'a'), path.join(root, 'moved'));
		symlinkSync(outside, path.join(root, 'a'));
	};
	return { root, assertUntouched, swap };
}

/** Has something done right before a call of the file system, and says how many calls came up to then. */
function before(ordinal: number, act: () => void): () => number {
	let count = 0;
	for (const name of CALLS) {
		const original = fs[name] as (...given: unknown[]) => Promise<unknown>;
		vi.spyOn(fs, name as 'rm').mockImplementation(async (...given: unknown[]) => {
			if (count++ === ordinal) act();
			return (await original(...given)) as undefined;
		});
	}
	return () => count;
}

/**
 * Does something as often as it makes calls: with the folder swapped before it, then before each of the calls, then never.
 * @param open what nobody interferes with
 */
async function swapAtEach<T>(open: (root: string) => Promise<T>, use: (opened: T) => Promise<unknown>): Promise<void> {
	for (let ordinal = -1, isDone = false; !isDone; ordinal++) {
		const { root, assertUntouched, swap } = stage();
		const opened = await open(root);
		if (ordinal < 0) swap();
		const calls = before(ordinal, swap);
		await use(opened);
		vi.restoreAllMocks();
		assertUntouched();
		isDone = ordinal >= 0 && calls() <= ordinal;
	}
}

const facts = (name: string, more: Partial<EntryFacts> = {}): EntryFacts => ({
	...{ name, type: 'file', size: 3, modified: 1_000_000_000n, mode: 0o755 },
	...more,
});
const new3 = Buffer.from('new');
const whole = (name: string) => ({ ...facts(name), sha256: createHash('sha256').update(new3).digest('hex') });

async function* inPieces(content: Uint8Array): AsyncGenerator<Uint8Array> {
	yield await Promise.resolve(content);
}

describe('a restore into a folder in which somebody else swaps a folder for a link', () => {
	for (const existing of ['fail', 'overwrite'] as const) {
		for (const [what, use] of Object.entries<(target: FilesTarget) => Promise<unknown>>({
			'a large file': (target) => target.writeFile(facts('a/new'), inPieces(new3), signal),
			'a large file in the place of another': (target) => target.writeFile(facts('a/kept'), inPieces(new3), signal),
			'a large file in the place of a folder': (target) => target.writeFile(facts('a/empty'), inPieces(new3), signal),
			'a small file': (target) => target.writeWhole(whole('a/new'), new3, signal),
			'a small file in the place of a folder': (target) => target.writeWhole(whole('a/empty'), new3, signal),
			'a small file in new folders': (target) => target.writeWhole(whole('a/x/y/new'), new3, signal),
			'a folder': (target) => target.make(facts('a/new/', { type: 'directory' }), signal),
			'a symbolic link': (target) => target.make(facts('a/new', { type: 'symlink', target: 'x' }), signal),
			'a hard link into it': (target) => target.make(facts('a/new', { type: 'link', target: 'b' }), signal),
			'a hard link out of it': (target) => target.make(facts('new', { type: 'link', target: 'a/kept' }), signal),
			'what belongs to a folder': (target) => target.finishDirectory(facts('a/deep/', { type: 'directory' }), signal),
			'a file that is moved into it': (target) => target.move('b', 'a/new'),
			'a file that is moved out of it': (target) => target.move('a/kept', 'new'),
		})) {
			it(`writes nothing outside: ${what}, to ${existing} what is there`, async () => {
				const open = async (root: string) => {
					const target = new FilesTarget({ root, existing });
					// So that the folder was found to be one.
					await target.look(facts('a/kept'));
					return target;
				};
				await swapAtEach(open, async (target) => {
					await use(target).catch(() => {});
					await target.close();
				});
			});
		}
	}

	it('takes no file outside for one that it has to write', async () => {
		const sha256 = createHash('sha256').update('secret').digest('hex');
		const open = async (root: string) => {
			const { mtimeNs: modified } = lstatSync(path.join(root, '../outside/kept'), { bigint: true });
			const target = new FilesTarget({ root, existing: 'overwrite' });
			return await Promise.resolve({ target, entry: facts('a/kept', { size: 6, modified }) });
		};
		await swapAtEach(open, async ({ target, entry }) => {
			const found = await Promise.resolve(target.look({ ...entry, sha256 })).catch(() => 'error');
			expect(['other', 'error']).toContain(found);
			await target.close();
		});
	});
});

describe('a backup of a folder in which somebody else swaps a folder for a link', () => {
	async function read(opened: OpenEntry): Promise<string> {
		const pieces = [];
		for await (const piece of opened.bytes) pieces.push(Buffer.from(piece));
		await opened.close();
		return Buffer.concat(pieces).toString();
	}

	it('holds nothing of what lies outside', async () => {
		const contents = new Set<string>();
		await swapAtEach(
			(root) => Promise.resolve(sourceOf(root)),
			async (source) => {
				for await (const { name, target } of source.entries(signal)) if (name === 'a/link') contents.add(target!);
				const opened = await source.open(facts('a/kept'), signal);
				if (!('leftOut' in opened)) contents.add(await read(opened));
				const whole = await source.readWhole(facts('a/kept', { size: 6 }), signal);
				if (!('leftOut' in whole)) contents.add(Buffer.from(whole.content).toString());
				source.close();
			},
		);
		expect([...contents]).toEqual(['inside']);
	});

	it('holds nothing of what lies outside where the link came between two entries', async () => {
		const { root, swap } = stage();
		const source = sourceOf(root);
		const names: string[] = [];
		for await (const { name, target } of source.entries(signal)) {
			if (name === 'a/') swap();
			else expect(target).not.toBe('secret');
			names.push(name);
		}
		expect(names).toEqual(expect.arrayContaining(['a/', 'b']));
		source.close();
	});
});

describe('a mirror of a folder in which somebody else swaps a folder for a link', () => {
	async function swapAtEachUse(use: (place: FolderPlace) => Promise<unknown>, role: 'source' | 'target') {
		await swapAtEach(
			(root) => Promise.resolve(new FolderPlace({ root, role })),
			async (place) => {
				await use(place).catch(() => {});
				place.close();
			},
		);
	}

	it.each([3, 100_000])('writes nothing outside: %i bytes', async (size) => {
		const object = {
			facts: { name: 'a/new', size, modified: 1n, version: '', writtenVersion: '' },
			attributes: {},
			bytes: inPieces(Buffer.alloc(size)),
			confirm: () => Promise.resolve(),
			close: () => Promise.resolve(),
		};
		for (const [isNew, name] of [
			[true, 'a/new'],
			[false, 'a/new'],
			[true, 'a/x/new'],
		] as const) {
			object.facts.name = name;
			await swapAtEachUse(
				(place) => place.write({ ...object, bytes: inPieces(Buffer.alloc(size)) }, { isNew, signal } as never),
				'target',
			);
		}
	});

	it('removes nothing outside', async () => {
		await swapAtEachUse((place) => place.remove('a/kept'), 'target');
		await swapAtEachUse((place) => place.remove('a/deep/gone'), 'target');
		await swapAtEachUse((place) => place.move({ name: 'a/kept' } as never, 'trash/kept'), 'target');
	});

	it('reads nothing outside', async () => {
		const contents = new Set<string>();
		// Where it was larger when it was listed, it is read another way.
		for (const size of [6, 100_000]) {
			await swapAtEachUse(async (place) => {
				const listed = await place.ask('a/kept');
				const opened = listed && (await place.open({ ...listed, size }, signal));
				if (!opened) return;
				for await (const piece of opened.bytes) contents.add(Buffer.from(piece).toString());
				await opened.close();
			}, 'source');
		}
		await swapAtEachUse(async (place) => contents.add(String(await place.own.read('a/kept', signal))), 'target');
		expect([...contents].sort()).toEqual(['inside', 'undefined']);
	});

	it('lists none of its own files outside', async () => {
		const { root, swap } = stage();
		const place = new FolderPlace({ root, role: 'target' });
		const names = async (beginning: string) => {
			const found = [];
			for await (const { name } of place.own.list(beginning, signal)) found.push(name);
			return found;
		};
		expect(await names('a/')).toEqual(['a/kept']);
		expect(await names('a/k')).toEqual(['a/kept']);
		expect(await names('gone/')).toEqual([]);
		swap();
		await expect(names('a/')).rejects.toMatchObject({ code: 'TARGET_FAILED' });
		place.close();
	});
});
