import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';

import { backUpCollections } from '../../../engine/qdrant';
import { FolderStorage } from '../../../engine/storage';
import {
	backUp,
	connectionTo,
	everythingOn,
	failure,
	restore,
	temporaryStorage,
	type Backup,
} from '../../integration/qdrant/support';
import { startQdrant, type QdrantServer } from '../../services/qdrant';
import { createPlain, snapshotNames } from '../../services/qdrant-data';

let server: QdrantServer;
let backup: Backup;
let before: Awaited<ReturnType<typeof everythingOn>>;
let mounted: string | undefined;

beforeAll(async () => {
	server = await startQdrant();
	// Some 20 MB as a snapshot.
	await createPlain(server, 'docs', 10_000, 256);
	backup = await backUp(server, 'docs');
	before = await everythingOn(server);
});
afterEach(() => {
	if (mounted !== undefined) execFileSync('umount', ['--lazy', mounted]);
	mounted = undefined;
});
afterAll(async () => {
	await server?.stop();
});

/** A disk of a few megabytes in the place of a folder. */
function mountSmall(folder: string): void {
	mkdirSync(folder, { recursive: true });
	execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder]);
	mounted = folder;
}

it('of the storage: the backup fails, and leaves neither an archive nor a snapshot on the server', async () => {
	const { root } = temporaryStorage();
	mountSmall(root);
	const run = await backUpCollections({
		connection: connectionTo(server),
		storage: new FolderStorage({ root }),
		codec: { name: 'none' },
		selection: { names: ['docs'] },
	});
	expect(run.backups).toEqual([]);
	expect(run.failures).toMatchObject([{ collection: 'docs', error: { code: 'STORAGE_FULL' } }]);
	const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
	expect(files.map(({ name }) => name)).toEqual([]);
	expect(await snapshotNames(server, 'docs')).toEqual([]);
});

it('of the server: the backup fails with what the server says, and leaves nothing', async () => {
	mountSmall(join(server.folder, 'snapshots'));
	const { storage, root } = temporaryStorage();
	const run = await backUpCollections({
		connection: connectionTo(server),
		storage,
		codec: { name: 'none' },
		selection: { names: ['docs'] },
	});
	expect(run.backups).toEqual([]);
	expect(run.failures).toMatchObject([{ collection: 'docs', error: { code: 'SOURCE_FAILED' } }]);
	expect(String(run.failures[0]?.error)).toContain('No space left on device');
	expect(run.failures[0]?.error).toMatchObject({ hint: expect.stringContaining('disk of the Qdrant server is full') });
	const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
	expect(files.map(({ name }) => name)).toEqual([]);
	expect(await everythingOn(server)).toEqual(before);
});

it.each(['newCollection', 'safeSwap', 'existing'] as const)(
	'of the server: a restore (%s) fails, and everything stays as it was',
	async (type) => {
		mountSmall(join(server.folder, 'snapshots'));
		const collection = type === 'newCollection' ? 'copy' : 'docs';
		const error = await failure(
			restore(server, backup, { type, collection, confirmation: collection }),
			'TARGET_FAILED',
		);
		expect(error.hint).toContain('look whether the disk that its snapshots go to is full');
		expect(await everythingOn(server)).toEqual(before);
	},
);
