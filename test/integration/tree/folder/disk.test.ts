import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { giveBack } from '../../../../engine/storage/lent';
import { Disk } from '../../../../engine/tree/folder';
import { noise } from '../../../random/bytes';
import { folder } from '../../files/stage';

const random = noise('tree/folder/disk');
const { signal } = new AbortController();

function diskIn(root: string): Disk {
	const disk = new Disk(Buffer.from(root));
	onTestFinished(() => disk.close());
	return disk;
}

const sha256Of = (content: Uint8Array) => hash('sha256', content, 'hex');

describe('files that a thread reads', () => {
	it('come whole, with their hash, and their memory is used again only when it was given back', async () => {
		const root = folder();
		const sizes = [
			0,
			1,
			511,
			65_535,
			65_536,
			300_000,
			1_048_576,
			...Array.from({ length: 400 }, (_, index) => index * 7),
		];
		const contents = sizes.map((size) => random(size));
		for (const [index, content] of contents.entries()) writeFileSync(path.join(root, `${index}`), content);
		const disk = diskIn(root);
		const kept: [Uint8Array, Buffer][] = [];
		for (let round = 0; round < 4; round++) {
			const read = await Promise.all(contents.map(({ length }, index) => disk.read(`${index}`, length, signal)));
			for (const [index, { content, sha256, stat }] of read.entries()) {
				expect(contents[index]!.equals(content), `${index}`).toBe(true);
				expect(sha256).toBe(sha256Of(content));
				expect([stat.isFile(), Number(stat.size)]).toEqual([true, content.length]);
				if (index % 3 === round % 3) kept.push([content, contents[index]!]);
				else giveBack(content);
			}
		}
		expect(kept.every(([content, expected]) => expected.equals(content))).toBe(true);
	});

	it('show that there is more, or less, than was expected', async () => {
		const root = folder();
		writeFileSync(path.join(root, 'file'), 'twelve bytes');
		const disk = diskIn(root);
		const lengthFor = async (size: number) => (await disk.read('file', size, signal)).content.length;
		expect([await lengthFor(5), await lengthFor(12), await lengthFor(100)]).toEqual([6, 12, 12]);
	});

	it('are no links, pipes, directories, and nothing that is gone', async () => {
		const root = folder();
		writeFileSync(path.join(root, 'file'), 'content');
		symlinkSync('file', path.join(root, 'link'));
		mkdirSync(path.join(root, 'directory'));
		execFileSync('mkfifo', [path.join(root, 'pipe')]);
		const disk = diskIn(root);
		const names = ['link', 'directory', 'pipe', 'gone', 'file/below'];
		const codes = await Promise.all(
			names.map(async (name) => await disk.read(name, 7, signal).catch((error: NodeJS.ErrnoException) => error.code)),
		);
		expect(codes).toEqual(['ELOOP', 'EISDIR', 'ESPIPE', 'ENOENT', 'ENOTDIR']);
		expect((await disk.read('file', 7, signal)).stat.isFile()).toBe(true);
	});

	it('are not read for who gave up, or after the end', async () => {
		const root = folder();
		writeFileSync(path.join(root, 'file'), 'content');
		const disk = diskIn(root);
		const controller = new AbortController();
		const read = disk.read('file', 7, controller.signal);
		controller.abort();
		await expect(read).rejects.toMatchObject({ code: 'CANCELLED' });
		const last = disk.read('file', 7, signal);
		disk.close();
		await expect(last).rejects.toMatchObject({ code: 'CANCELLED' });
		await expect(disk.list('', signal)).rejects.toMatchObject({ code: 'CANCELLED' });
	});
});

describe('files that a thread writes', () => {
	const attributes = { owner: undefined, mode: 0o640, seconds: 1_234_567_890.25 };
	const newFile = (name: string, content: Buffer, replaces = false) => ({
		...{ name, partial: `${name}.partial`, content, sha256: sha256Of(content), attributes, replaces },
		isDurable: false,
	});

	it('stand there whole under their names alone', async () => {
		const root = folder();
		const disk = diskIn(root);
		const contents = [0, 1, 70_000, 1_048_576, 1_048_576, 1_048_576, 1_048_576, 1_048_576, 9].map((size) =>
			random(size),
		);
		const outcomes = await Promise.all(
			contents.map(async (content, index) => await disk.write(newFile(`${index}`, content), signal)),
		);
		expect(new Set(outcomes)).toEqual(new Set(['named']));
		expect(readdirSync(root)).toEqual(contents.map((_content, index) => `${index}`));
		for (const [index, content] of contents.entries()) {
			const file = path.join(root, `${index}`);
			const { mode, mtimeMs } = statSync(file);
			expect([readFileSync(file).equals(content), mode & 0o777, mtimeMs]).toEqual([true, 0o640, 1_234_567_890_250]);
		}
	});

	it('are not written where their content is not what it should be, and keep no others from it', async () => {
		const root = folder();
		const disk = diskIn(root);
		const outcomes = await Promise.all(
			['a', 'b', 'c'].map(async (name) => {
				const file = newFile(name, Buffer.from(name));
				if (name === 'b') file.content[0]! ^= 1;
				return await disk.write(file, signal);
			}),
		);
		expect(outcomes).toEqual(['named', 'changed', 'named']);
		expect(readdirSync(root)).toEqual(['a', 'c']);
	});

	it('take the place of nothing, unless they may', async () => {
		const root = folder();
		writeFileSync(path.join(root, 'file'), 'mine');
		symlinkSync('file', path.join(root, 'link'));
		const disk = diskIn(root);
		const write = async (name: string, replaces: boolean) =>
			await disk.write(newFile(name, Buffer.from('new'), replaces), signal);
		expect([await write('file', false), await write('link', false)]).toEqual(['written', 'written']);
		expect(readFileSync(path.join(root, 'file'), 'utf8')).toBe('mine');
		rmSync(path.join(root, 'link.partial'));
		expect(await write('link', true)).toBe('named');
		expect([readFileSync(path.join(root, 'file'), 'utf8'), readFileSync(path.join(root, 'link'), 'utf8')]).toEqual([
			'mine',
			'new',
		]);
		await expect(write('file', true)).rejects.toMatchObject({ code: 'EEXIST' });
		await expect(write('gone/file', false)).rejects.toMatchObject({ code: 'ENOENT' });
		await expect(disk.finish('link', attributes, signal)).rejects.toMatchObject({ code: 'ENOTDIR' });
	});
});

describe('directories that a thread makes', () => {
	it('are made in order, and none after one that cannot be, which could lead elsewhere', async () => {
		const [root, elsewhere] = [folder(), folder()];
		mkdirSync(path.join(root, 'there'));
		symlinkSync(elsewhere, path.join(root, 'link'));
		const disk = diskIn(root);
		const make = async (name: string) => await disk.make(name, signal).catch((error: unknown) => error);
		expect(await Promise.all(['new', 'new/below', 'there', 'there/new'].map(make))).toEqual([
			'made',
			'made',
			'found',
			'made',
		]);
		const failing = ['link', 'link/below'].map(make);
		// They have gone to the thread by then, and nothing can have come back.
		await new Promise((resolve) => setImmediate(resolve));
		failing.push(make('link/late'));
		for (const error of await Promise.all(failing)) expect(error).toMatchObject({ code: 'ENOTDIR' });
		expect(readdirSync(elsewhere)).toEqual([]);
		expect(await make('new/later')).toBe('made');
	});
});
