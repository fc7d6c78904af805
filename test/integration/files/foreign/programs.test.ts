import { execFileSync } from 'node:child_process';
import { linkSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { listTar } from '../../../../engine/files';
import { folder } from '../stage';
import { restoreFrom, tarFrom } from './stage';
import { isSparse, sample, seen } from './tree';

function tar(...args: string[]): Buffer {
	return execFileSync('tar', args, { maxBuffer: 1 << 28 });
}

describe('a tar by GNU tar', () => {
	for (const [format, ...options] of [
		['gnu'],
		['gnu', '--sparse'],
		['oldgnu', '--sparse'],
		['pax'],
		['pax', '--sparse', '--sparse-version=1.0'],
		['pax', '--sparse', '--sparse-version=0.1'],
		['pax', '--sparse', '--sparse-version=0.0'],
	] as const) {
		it(`in its format ${[format, ...options].join(' ')} comes back whole, and a second time nothing is written`, async () => {
			const root = sample({ times: format === 'pax' });
			const bytes = tar(`--format=${format}`, ...options, '-C', root, '-c', '.');
			const target = folder();
			const restored = await restoreFrom(bytes, target);
			expect(seen(target)).toEqual(seen(root));
			expect(restored).toMatchObject({ same: 0, skipped: 0, overwritten: 0, warnings: [] });
			if (options.length > 0) expect(isSparse(path.join(target, 'sparse'))).toBe(true);
			expect(statSync(path.join(target, 'run.sh')).ino).toBe(statSync(path.join(target, 'docs/run-too.sh')).ino);
			const again = await restoreFrom(bytes, target);
			// Folders get their times once more.
			expect(again).toMatchObject({ written: 4, bytes: 0 });
			expect(seen(target)).toEqual(seen(root));
		});
	}

	it('in the format ustar comes back whole', async () => {
		const root = folder();
		writeFileSync(path.join(root, 'a'), 'a');
		const name = `${'p'.repeat(90)}`;
		execFileSync('mkdir', ['-p', path.join(root, name)]);
		writeFileSync(path.join(root, name, 'q'.repeat(90)), 'by prefix');
		const target = folder();
		await restoreFrom(tar('--format=ustar', '-C', root, '-c', 'a', name), target);
		expect(seen(target)).toEqual(seen(root));
	});

	it('is read in gzip and zstd of many members and frames, and of tars that were joined', async () => {
		const [one, other] = [folder(), folder()];
		writeFileSync(path.join(one, 'a'), 'x'.repeat(100_000));
		writeFileSync(path.join(other, 'b'), 'y');
		const [first, second] = [tar('-C', one, '-c', 'a'), tar('-C', other, '-c', 'b')];
		const halves = [first.subarray(0, 50_000), first.subarray(50_000)];
		for (const pack of [gzipSync, zstdCompressSync]) {
			const target = folder();
			await restoreFrom(Buffer.concat([...halves.map((half) => pack(half)), pack(second)]), target);
			expect(Object.keys(seen(target))).toEqual(['a', 'b']);
			expect(readFileSync(path.join(target, 'a'), 'utf8')).toBe('x'.repeat(100_000));
		}
		const target = folder();
		await restoreFrom(Buffer.concat([first, Buffer.alloc(137 * 512), second, Buffer.alloc(999)]), target);
		expect(Object.keys(seen(target))).toEqual(['a', 'b']);
	});

	it('to which files were added gives the last of each name, and links what they meant', async () => {
		const root = folder();
		const file = path.join(folder(), 'their.tar');
		const put = (name: string, content: string) => writeFileSync(path.join(root, name), content);
		put('a', 'first');
		linkSync(path.join(root, 'a'), path.join(root, 'b'));
		linkSync(path.join(root, 'a'), path.join(root, 'c'));
		put('d', 'first');
		symlinkSync('d', path.join(root, 's'));
		tar('-C', root, '-cf', file, 'a', 'b', 'c', 'd', 's');
		rmSync(path.join(root, 'a'));
		rmSync(path.join(root, 's'));
		put('a', 'second, longer');
		put('s', 'a file now');
		tar('-C', root, '-rf', file, 'a', 's');
		const [target, theirs] = [folder(), folder()];
		await restoreFrom(readFileSync(file), target);
		tar('-C', theirs, '-xf', file);
		expect(seen(target)).toEqual(seen(theirs));
		expect(readFileSync(path.join(target, 'c'), 'utf8')).toBe('first');
	});

	it('with a part selected gives that part, and links as the files that they lead to', async () => {
		const bytes = tar('-C', sample(), '-c', '.');
		const target = folder();
		await restoreFrom(bytes, target, { choices: { include: ['*run-too.sh'] } });
		expect(readFileSync(path.join(target, 'docs/run-too.sh'), 'utf8')).toBe('#!/bin/sh\n');
		expect(readdirSync(target)).toEqual(['docs']);
		const other = folder();
		expect(await restoreFrom(bytes, other, { choices: { name: 'docs' } })).toMatchObject({ written: 6 });
		expect(readdirSync(other)).toEqual(['docs']);
		await expect(restoreFrom(bytes, other, { choices: { prefix: 'Docs' } })).rejects.toMatchObject({
			code: 'INVALID_INPUT',
		});
	});

	it('with devices and pipes is restored without them, which is told', async () => {
		const root = folder();
		writeFileSync(path.join(root, 'a'), 'a');
		execFileSync('mkfifo', [path.join(root, 'pipe')]);
		linkSync(path.join(root, 'pipe'), path.join(root, 'pipe-too'));
		const target = folder();
		const { warnings } = await restoreFrom(tar('-C', root, '-c', 'a', 'pipe', 'pipe-too'), target);
		expect(warnings).toEqual(['2 devices and pipes were left out: pipe, pipe-too']);
		expect(readdirSync(target)).toEqual(['a']);
	});

	it('is listed in its own order', async () => {
		const root = sample();
		const names: string[] = [];
		const bytes = tar('-C', root, '-c', 'sparse', 'docs/large', 'docs/run-too.sh', 'run.sh', 'empty');
		await listTar(tarFrom(bytes), ({ name, type, size }) => names.push(`${name} ${type} ${size}`) < 4);
		expect(names).toEqual([
			'sparse file 5000000',
			'docs/large file 2500001',
			'docs/run-too.sh file 10',
			'run.sh link 0',
		]);
	});
});
