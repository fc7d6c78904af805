import { renameSync, symlinkSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';

import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { FolderPlace } from '../../../../engine/minio/mirror';
import { ChunkLines, formatHead } from '../../../../engine/minio/mirror/state';
import { StateStore } from '../../../../engine/minio/mirror/stateStore';
import type { Listed, OpenObject, WriteOptions } from '../../../../engine/minio/mirror/place';
import { removeFolder } from '../../../services/guard';
import { broken } from './broken-place';
import { filesIn, folder, folderPlace, run } from './support';

const signal = new AbortController().signal;

describe('a folder that is read while somebody else changes it', () => {
	it('gives nothing of a place that a folder in it was made a link to', async () => {
		const outside = folder({ key: 'a secret', other: 'another' });
		const root = folder({ 'a/key': 'own text', b: 'b' });
		const copy = folder();
		let isSwapped = false;
		const before = (what: string, name: string) => {
			if (what !== 'open' || name !== 'a/key' || isSwapped) return;
			isSwapped = true;
			renameSync(path.join(root, 'a'), path.join(root, '..', `${path.basename(root)}-a`));
			symlinkSync(outside, path.join(root, 'a'));
		};
		const report = await run(broken(folderPlace(root, 'source'), { before }), folderPlace(copy, 'target'));
		expect(isSwapped).toBe(true);
		expect(report).toMatchObject({ added: { count: 1 }, vanished: { names: ['a/key'] } });
		expect(filesIn(copy)).toEqual({ b: 'b' });
	});

	it.each([8, 100_000])(
		'gives nothing through a link, also where it leads to the very file: %i bytes',
		async (size) => {
			const root = folder({ 'a/key': 'x'.repeat(size), b: 'b' });
			const copy = folder();
			const elsewhere = path.join(root, '..', `${path.basename(root)}-a`);
			onTestFinished(() => removeFolder(elsewhere));
			const before = (what: string, name: string) => {
				if (what !== 'open' || name !== 'a/key') return;
				renameSync(path.join(root, 'a'), elsewhere);
				symlinkSync(elsewhere, path.join(root, 'a'));
			};
			const report = await run(broken(folderPlace(root, 'source'), { before }), folderPlace(copy, 'target'));
			expect(report).toMatchObject({ added: { count: 1 }, vanished: { names: ['a/key'] } });
			expect(filesIn(copy)).toEqual({ b: 'b' });
		},
	);

	it('gives nothing that must not be read, whatever the record in the target says', async () => {
		const root = folder({ 'secret/key': 'a secret', b: 'b' });
		const copy = folder();
		const forbidden = { has: (file: string) => file.endsWith('/key'), because: 'It is a secret.' };
		const source = new FolderPlace({ root, role: 'source', forbidden });
		const target = folderPlace(copy, 'target');
		const below = `.stack-backup-mirror/${new StateStore(source, target).id}/`;
		const key = '00000000-0000-0000-0000-000000000000';
		const forged = ['../key', 'secret/key'].map((name) => ({ name, size: 8, source: 's', target: 't' }));
		const lines = new ChunkLines();
		for (const record of forged) lines.add(record);
		await target.own.write(below + key, await lines.chunk(), signal);
		await target.own.write(`${below}head.json`, formatHead([{ key }]), signal);
		expect(await run(source, target)).toMatchObject({ added: { names: ['b'] }, unlisted: { count: 0 } });
		expect(filesIn(copy)).toEqual({ b: 'b' });
	});
});

describe('a folder in which folders go, for nothing is in them any more, and come again', () => {
	for (const size of [3, 100_000]) {
		for (const isNew of [true, false]) {
			it(`is written to at once: ${size} bytes, ${isNew ? 'added' : 'overwritten'}`, async () => {
				const root = folder();
				const place = folderPlace(root, 'target');
				await place.write(objectOf('a/b/first', size), { isNew, signal } as WriteOptions);
				await place.remove('a/b/first');
				await place.write(objectOf('a/b/second', size), { isNew, signal } as WriteOptions);
				await place.move(objectOf('a/b/second', size).facts, 'trash/second');
				await place.write(objectOf('a/b/third', size), { isNew, signal } as WriteOptions);
				expect(Object.keys(filesIn(root)).sort()).toEqual(['a/b/third', 'trash/second']);
			});
		}
	}

	function objectOf(name: string, size: number): OpenObject {
		return {
			facts: { name, size, modified: 1n, version: '', writtenVersion: '' },
			attributes: {},
			bytes: (async function* () {
				yield await Promise.resolve(Buffer.alloc(size));
			})(),
			confirm: () => Promise.resolve(),
			close: () => Promise.resolve(),
		};
	}
});

describe('a folder that takes two names for one', () => {
	/** As one that does not tell upper from lower case shows a file that was there as `A.txt`: under that name alone. */
	const underAnotherName = async function* (listing: AsyncIterable<Listed>): AsyncGenerator<Listed> {
		for await (const listed of listing) if (listed.name !== 'a.txt') yield listed;
	};

	it('keeps what stands there, says so, and removes nothing', async () => {
		const root = folder({ 'a.txt': 'of a', b: 'b' });
		const copy = folder({ 'a.txt': 'of A', extra: 'x', b: 'c' });
		const target = broken(folderPlace(copy, 'target'), { list: underAnotherName });
		const report = await run(folderPlace(root, 'source'), target, { removal: { ceilingPercent: 90 } });
		expect(report).toMatchObject({ failed: { names: ['a.txt'] }, changed: { names: ['b'] }, removed: { count: 0 } });
		expect(report.warnings.join()).toMatch(/Something stands where a\.txt has to be, and was not overwritten/);
		expect(filesIn(copy)).toEqual({ 'a.txt': 'of A', extra: 'x', b: 'b' });
	});
});

describe('a disk that says only at the end that it could not write', () => {
	it('keeps a file from having its name, and the next run copies it', async () => {
		const root = folder({ small: 'small', large: 'x'.repeat(100_000) });
		const copy = folder();
		const handle = await open(root);
		const prototype = Object.getPrototypeOf(handle) as FileHandle;
		await handle.close();
		// What a share answers whose server has no room for what it took.
		const full = vi.spyOn(prototype, 'datasync');
		full.mockRejectedValueOnce(Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' }));
		onTestFinished(() => full.mockRestore());
		const mirrored = async () => await run(folderPlace(root, 'source'), folderPlace(copy, 'target'));
		expect(await mirrored()).toMatchObject({ added: { count: 1 }, failed: { names: ['large'] } });
		expect(filesIn(copy)).toEqual({ small: 'small' });
		expect(await mirrored()).toMatchObject({ added: { count: 1 }, failed: { count: 0 } });
		expect(full).toHaveBeenCalledTimes(2);
		expect(Object.keys(filesIn(copy))).toEqual(['large', 'small']);
	});
});
