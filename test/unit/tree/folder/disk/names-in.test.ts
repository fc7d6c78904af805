import { mkdirSync, mkdtempSync, opendirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { namesIn } from '../../../../../engine/tree/folder/disk/names-in';

function stage(): Buffer {
	const root = mkdtempSync(path.join(tmpdir(), 'names-in-'));
	onTestFinished(() => rmSync(root, { recursive: true, force: true }));
	mkdirSync(path.join(root, 'b'));
	for (const name of ['a', 'b.txt', '\u{1f600}', '\uffee']) writeFileSync(path.join(root, name), '');
	return Buffer.from(root);
}

/** As a file system that does not say what its entries are, of which one is removed while a directory is listed, so many times. */
function removing(times: number): typeof opendirSync {
	const opened = (...args: Parameters<typeof opendirSync>) => {
		const directory = opendirSync(...args);
		if (times-- > 0) {
			directory.readSync = () => {
				throw Object.assign(new Error("ENOENT: no such file or directory, lstat 'x'"), { code: 'ENOENT' });
			};
		}
		return directory;
	};
	return opened;
}

describe('the names in a directory', () => {
	it('are in the order of their bytes, those of directories with a slash', () => {
		expect(namesIn(stage())).toEqual(['a', 'b.txt', 'b/', '\uffee', '\u{1f600}']);
	});

	it('are all there where one goes away while they are listed, and never none', () => {
		const root = stage();
		expect(namesIn(root, removing(2))).toEqual(namesIn(root));
		expect(() => namesIn(root, removing(Infinity))).toThrow(expect.objectContaining({ code: 'EAGAIN' }));
	});

	it('are those of no directory that is gone', () => {
		expect(() => namesIn(Buffer.from('/nowhere/at/all'))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
	});
});
