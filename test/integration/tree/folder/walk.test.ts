import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { compareNames, nameOf } from '../../../../engine/tree';
import { Disk, walk, walkOn, type WalkOptions } from '../../../../engine/tree/folder';
import { folder } from '../../files/stage';

const plain: Omit<WalkOptions, 'root'> = {
	isExcluded: () => false,
	oneFileSystem: false,
	onUnreadable: (_name, error) => {
		throw error;
	},
	signal: new AbortController().signal,
};

/** Counts how many directories are listed, and in how many turns that is asked for. */
class CountedDisk extends Disk {
	lists = 0;
	turns = 0;
	#running = 0;
	#isSameTurn = false;

	override async list(name: string, signal: AbortSignal): Promise<string[]> {
		this.lists++;
		if (!this.#isSameTurn) {
			this.turns++;
			this.#isSameTurn = true;
			setImmediate(() => (this.#isSameTurn = false));
		}
		return await this.#counted(super.list(name, signal));
	}

	override async look(names: string[], signal: AbortSignal) {
		return await this.#counted(super.look(names, signal));
	}

	/** Resolves when nothing is asked for any more. */
	async isQuiet(): Promise<void> {
		do await new Promise((resolve) => setImmediate(resolve));
		while (this.#running > 0);
	}

	async #counted<T>(answer: Promise<T>): Promise<T> {
		this.#running++;
		return await answer.finally(() => this.#running--);
	}
}

async function walked(root: string, options: Partial<WalkOptions> = {}): Promise<string[]> {
	const names: string[] = [];
	for await (const { name, stat } of walk({ root: Buffer.from(root), ...plain, ...options })) {
		expect(stat.isDirectory()).toBe(name.endsWith('/'));
		names.push(name);
	}
	return names;
}

/** What is in a folder, by the plain calls. */
function listed(root: Buffer, below = ''): string[] {
	return readdirSync(root, { withFileTypes: true, encoding: 'buffer' }).flatMap((entry) => {
		const name = below + nameOf(entry.name);
		if (!entry.isDirectory()) return [name];
		return [`${name}/`, ...listed(Buffer.concat([root, Buffer.from('/'), entry.name]), `${name}/`)];
	});
}

describe('a walk', () => {
	it('gives all entries of any folder in the order of names', async () => {
		const part = fc.constantFrom('a', 'a-b', 'a.b', 'B', 'ä', '\u{1f600}', '\uffee', '%');
		const paths = fc.array(fc.array(part, { minLength: 1, maxLength: 5 }), { maxLength: 40 });
		await fc.assert(
			fc.asyncProperty(paths, async (all) => {
				const root = folder();
				for (const parts of all) {
					// One of the names is no text.
					const bytes = Buffer.from(parts.join('/').replaceAll('%', '\u0001'));
					for (const [index, byte] of bytes.entries()) if (byte === 1) bytes[index] = 0xff;
					mkdirSync(Buffer.concat([Buffer.from(`${root}/`), bytes]), { recursive: true });
					writeFileSync(Buffer.concat([Buffer.from(`${root}/`), bytes, Buffer.from('/file')]), '');
				}
				expect(await walked(root)).toEqual(listed(Buffer.from(root)).sort(compareNames));
			}),
			{ numRuns: 15 },
		);
	});

	it('goes through more directories and entries than it looks at ahead', async () => {
		const root = folder();
		for (let outer = 0; outer < 70; outer++) {
			for (let inner = 0; inner < 3; inner++)
				mkdirSync(path.join(root, `${outer}/${inner}/below`), { recursive: true });
			writeFileSync(path.join(root, `${outer}/1/below/file`), '');
		}
		mkdirSync(path.join(root, 'wide'));
		for (let index = 0; index < 3000; index++) {
			if (index % 100 === 0) mkdirSync(path.join(root, `wide/${index}`));
			else writeFileSync(path.join(root, `wide/${index}`), '');
		}
		expect(await walked(root)).toEqual(listed(Buffer.from(root)).sort(compareNames));
	});

	it('lists directories together, those that come next, whatever was listed that comes late', async () => {
		const root = folder();
		for (let index = 0; index < 120; index++) {
			for (let part = 0; part < 4; part++) {
				mkdirSync(path.join(root, `near/${index}/below/${part}`), { recursive: true });
			}
			// These are known, and would fill all room, before what is in the others is.
			mkdirSync(path.join(root, `z/${index}`), { recursive: true });
			for (let file = 0; file < 40; file++) writeFileSync(path.join(root, `z/${index}/${file}`), '');
		}
		const disk = new CountedDisk(Buffer.from(root));
		for await (const _ of walkOn(disk, plain)) await disk.isQuiet();
		disk.close();
		expect(disk.lists).toBe(1 + 2 + 120 + 120 + 120 * 5);
		expect(disk.turns).toBeLessThan(disk.lists / 10);
	});

	it('looks at nothing that is excluded, follows no links but to its root, and tells what it cannot list', async () => {
		const root = folder();
		mkdirSync(path.join(root, 'kept'));
		mkdirSync(path.join(root, 'out/deep'), { recursive: true });
		symlinkSync('out', path.join(root, 'link'));
		const entry = path.join(folder(), 'entry');
		symlinkSync(root, entry);
		const asked: string[] = [];
		const isExcluded = (name: string) => {
			asked.push(name);
			return name === 'out/';
		};
		expect(await walked(entry, { isExcluded, oneFileSystem: true })).toEqual(['kept/', 'link']);
		expect(asked).toEqual(['kept/', 'link', 'out/']);
		const missing: string[] = [];
		expect(await walked(path.join(root, 'nothing'), { onUnreadable: (name) => missing.push(name) })).toEqual([]);
		expect(missing).toEqual(['']);
	});

	it('ends where its reader stops, and when it is cancelled', async () => {
		const root = folder();
		for (let index = 0; index < 600; index++) mkdirSync(path.join(root, `${index}/below`), { recursive: true });
		const controller = new AbortController();
		const options = { root: Buffer.from(root), isExcluded: () => false, oneFileSystem: false, onUnreadable: () => {} };
		for await (const { name } of walk({ ...options, signal: controller.signal })) if (name === '3/') break;
		const names = walk({ ...options, signal: controller.signal });
		await names.next();
		controller.abort();
		await expect(
			(async () => {
				for await (const each of names) void each;
			})(),
		).rejects.toMatchObject({ code: 'CANCELLED' });
	});
});
