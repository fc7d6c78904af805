import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it, onTestFinished, vi } from 'vitest';

import {
	backUpFiles,
	findBackup,
	openArchive,
	restoreFiles,
	verifyBackup,
	type BackUpFilesOptions,
} from '../../../engine';
import { noise } from '../../random/bytes';
import { removeFolder, temporaryFolder } from '../../services/guard';
import { temporaryStorage } from '../archive/support';
import { settled } from '../settled';

const random = noise('files/verify');
const INCREMENTAL = { wholeEvery: 0, leastUse: 0 };

function folder(): string {
	const root = temporaryFolder('files');
	onTestFinished(() => removeFolder(root));
	return root;
}

function stage(options: Partial<BackUpFilesOptions> = {}) {
	const { storage, root: storageRoot } = temporaryStorage();
	const root = folder();
	mkdirSync(path.join(root, 'docs'));
	for (const name of ['a', 'b', 'docs/c']) writeFileSync(path.join(root, name), random(20_000));
	const atOnce = async () =>
		await backUpFiles({
			storage,
			codec: { name: 'zstd' },
			root,
			name: 'documents',
			incremental: INCREMENTAL,
			...options,
		});
	const backUp = async () => {
		await settled(root);
		return await atOnce();
	};
	const verify = async (level: 'content' | 'restore', manifest: { id: string }) => {
		const { manifestKey } = await findBackup(storage, { id: manifest.id });
		const scratch = { files: { folder: folder() } };
		return await verifyBackup({
			storage,
			key: manifestKey,
			level,
			scratch,
			...(options.keys && { keys: options.keys }),
		});
	};
	return { storage, storageRoot, root, atOnce, backUp, verify };
}

describe('a backup of a folder', () => {
	it('is verified with those that it goes on from, up to a test restore', async () => {
		const { root, backUp, verify } = stage();
		await backUp();
		writeFileSync(path.join(root, 'b'), random(30_000));
		const second = await backUp();
		expect(second.counts).toMatchObject({ stored: 1, reused: 2, increment: 1 });
		const report = await verify('restore', second);
		expect(report).toMatchObject({ verdict: 'passed', reached: 'restore' });
		expect(report.levels.at(-1)?.counts).toEqual({ files: 3, bytes: 70_000 });
	});

	it('reads a file again that was written so shortly before that a later change may have the same times', async () => {
		const { root, atOnce, backUp } = stage();
		await settled(root);
		writeFileSync(path.join(root, 'a'), random(20_000));
		// As if it were read in the moment after. The clock of a file system may be some ticks behind.
		const now = vi.spyOn(Date, 'now').mockReturnValue(Math.ceil(statSync(path.join(root, 'a')).ctimeMs) + 50);
		await atOnce();
		now.mockRestore();
		expect((await backUp()).counts).toMatchObject({ stored: 1, reused: 2 });
		expect((await backUp()).counts).toMatchObject({ stored: 0, reused: 3 });
	});

	it('fails its verification when an archive that it goes on from is damaged or gone', async () => {
		const { root, backUp, verify, storageRoot } = stage();
		const first = await backUp();
		writeFileSync(path.join(root, 'b'), random(30_000));
		const second = await backUp();
		const file = path.join(storageRoot, 'files', first.file);
		const bytes = readFileSync(file);
		bytes[1000]! ^= 1;
		writeFileSync(file, bytes);
		expect(await verify('content', second)).toMatchObject({ verdict: 'failed' });
		rmSync(file);
		expect(await verify('content', second)).toMatchObject({ verdict: 'failed' });
	});

	it('is not gone on from when its verification failed', async () => {
		const { root, backUp, storage, storageRoot } = stage();
		const first = await backUp();
		rmSync(path.join(storageRoot, 'files', first.file));
		writeFileSync(path.join(root, 'b'), random(30_000));
		expect((await backUp()).counts).toMatchObject({ increment: 0, stored: 3 });
		expect((await findBackup(storage, { latest: 'documents' })).manifest.needs).toBeUndefined();
	});

	it('leaves out the storage that lies in it', async () => {
		const { root, backUp, storage } = stage();
		void storage;
		mkdirSync(path.join(root, 'backups'));
		writeFileSync(path.join(root, 'backups/old.tar.zst'), 'x');
		expect((await backUp()).counts).toMatchObject({ files: 4 });
		const without = await backUpFiles({
			storage,
			codec: { name: 'zstd' },
			root,
			name: 'documents',
			notIn: [path.join(root, 'backups')],
		});
		expect(without.counts).toMatchObject({ files: 3 });
	});

	it('is overwritten with only when that is confirmed', async () => {
		const { backUp, storage } = stage();
		const manifest = await backUp();
		const reader = await openArchive(storage, { manifest, folder: 'files' });
		const target = folder();
		writeFileSync(path.join(target, 'a'), 'mine');
		const restore = async (confirmation?: string) =>
			await restoreFiles({
				reader,
				storage,
				keys: undefined,
				root: target,
				existing: 'overwrite',
				...(confirmation !== undefined && { confirmation }),
			});
		await expect(restore()).rejects.toMatchObject({ code: 'NOT_CONFIRMED' });
		expect(readFileSync(path.join(target, 'a'), 'utf8')).toBe('mine');
		expect(await restore(target)).toMatchObject({ overwritten: 1 });
	});
});

describe('an encrypted backup of a folder', () => {
	it('is incremental, and goes on over checkpoints', async () => {
		const keys = { passphrase: 'correct horse' };
		const { root, backUp, verify } = stage({ encryption: keys, keys, checkpointBytes: 25_000 });
		const first = await backUp();
		expect(first.needs?.length).toBeGreaterThan(0);
		writeFileSync(path.join(root, 'b'), random(30_000));
		const second = await backUp();
		expect(second.counts).toMatchObject({ stored: 1, increment: 1 });
		expect(await verify('restore', second)).toMatchObject({ verdict: 'passed' });
	});
});
