import { hash } from 'node:crypto';
import { fdatasync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { expect, it, onTestFinished } from 'vitest';

import { ThreadFolders } from '../../../../../engine/tree/folder/disk/thread-folders';
import { writeFiles } from '../../../../../engine/tree/folder/disk/write';

it('gives files their names when their contents are on the disk, and none to one that cannot be brought there', async () => {
	const root = mkdtempSync(path.join(tmpdir(), 'write-'));
	const folders = new ThreadFolders(Buffer.from(root));
	onTestFinished(() => {
		folders.close();
		rmSync(root, { recursive: true, force: true });
	});
	const names = Array.from({ length: 100 }, (_, index) => `${index}`);
	const content = Buffer.from('content');
	const orders = names.map((name) => ({
		...{ name, partial: `${name}.partial`, sha256: hash('sha256', content), offset: 0, length: content.length },
		attributes: { owner: undefined, mode: 0o644, seconds: 1 },
		...{ replaces: false, isDurable: true, isTimeWanted: false },
	}));
	let synced = 0;
	const sync = (file: number, done: (error: NodeJS.ErrnoException | null) => void) => {
		const named = readdirSync(root).filter((name) => !name.endsWith('.partial'));
		expect(named.length).toBeLessThanOrEqual(synced++);
		if (synced === 50) done(Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' }));
		else fdatasync(file, done);
	};
	const outcome = await writeFiles(folders, orders, content, () => {}, sync);
	expect(synced).toBe(names.length);
	expect([...outcome]).toMatchObject([[49, { code: 'EIO' }]]);
	expect(readdirSync(root).sort()).toEqual([...names.filter((name) => name !== '49'), '49.partial'].sort());
	expect(readFileSync(path.join(root, '99'), 'utf8')).toBe('content');
});
