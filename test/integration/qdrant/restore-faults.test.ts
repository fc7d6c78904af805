import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { BackupError } from '../../../engine/errors';
import { backUpCollections } from '../../../engine/qdrant';
import { FolderStorage } from '../../../engine/storage';
import { type FaultyProxy, startFaultyProxy } from '../../services/faultyProxy';
import { startQdrant, type QdrantServer } from '../../services/qdrant';
import { ask, at, contentHash, createPlain, snapshotNames } from '../../services/qdrant-data';
import { backUp, connectionTo, failure, filesBelow, restore, type Backup } from './support';

// Whatever goes wrong, the target ends up as it was: collections, contents, aliases, files on the server's disk.

let server: QdrantServer;
let proxy: FaultyProxy;
let backup: Backup;

beforeAll(async () => {
	server = await startQdrant();
	proxy = await startFaultyProxy(server.url);
	await createPlain(server, 'docs', 4000, 64);
	backup = await backUp(server, 'docs');
	await ask(server, 'DELETE', at('docs'));
});
afterAll(async () => {
	await proxy?.stop();
	await server?.stop();
});

let before: object;
beforeEach(async () => {
	await createPlain(server, 'target', 70, 64);
	const actions = [{ create_alias: { alias_name: 'live', collection_name: 'target' } }];
	await ask(server, 'POST', '/collections/aliases', { actions });
	before = await everything(server);
});
afterEach(async () => {
	proxy.faults = [];
	const { collections } = await ask<{ collections: { name: string }[] }>(server, 'GET', '/collections');
	for (const { name } of collections) await ask(server, 'DELETE', at(name));
});

async function everything(of: QdrantServer): Promise<object> {
	const { collections } = await ask<{ collections: { name: string }[] }>(of, 'GET', '/collections');
	const names = collections.map(({ name }) => name).sort();
	const hashes = await Promise.all(names.map(async (name) => [name, await contentHash(of, name)]));
	const { aliases } = await ask<{ aliases: { alias_name: string }[] }>(of, 'GET', '/aliases');
	aliases.sort((a, b) => (a.alias_name < b.alias_name ? -1 : 1));
	const files = filesBelow(join(of.folder, 'snapshots')).filter((file) => !file.endsWith('.checksum'));
	return { hashes, aliases, files };
}

const fresh = { type: 'newCollection', collection: 'fresh' } as const;
const over = { type: 'existing', collection: 'target', confirmation: 'target' } as const;
const swap = { type: 'safeSwap', collection: 'target', confirmation: 'target' } as const;
const aliasSwap = { type: 'safeSwap', collection: 'live', confirmation: 'live' } as const;
const targets = [fresh, over, swap, aliasSwap];
const connection = () => ({ url: proxy.endpoint });

describe.each(targets)('a restore by $type of $collection', (target) => {
	it('whose upload is cut off', async () => {
		proxy.faults = [{ when: /snapshots\/upload/, times: 1, act: { kind: 'cutUpload', afterBytes: 300_000 } }];
		await failure(restore(server, backup, target, { connection: connection() }), 'TARGET_UNREACHABLE');
		expect(await everything(server)).toEqual(before);
	});

	it('that is cancelled during the upload', async () => {
		const controller = new AbortController();
		const onProgress = () => controller.abort();
		await failure(restore(server, backup, target, { onProgress, signal: controller.signal }), 'CANCELLED');
		await expect.poll(() => everything(server), { timeout: 10_000 }).toEqual(before);
	});
});

describe.each([fresh, swap, aliasSwap])('a restore by $type of $collection', (target) => {
	it('that is cancelled while the server takes the upload in', async () => {
		const controller = new AbortController();
		const onProgress = ({ bytes, totalBytes }: { bytes: number; totalBytes: number }) =>
			void (bytes === totalBytes && setTimeout(() => controller.abort(), 60));
		await failure(restore(server, backup, target, { onProgress, signal: controller.signal }), 'CANCELLED');
		await expect.poll(() => everything(server), { timeout: 10_000 }).toEqual(before);
	});
});

it('has nothing to put back where the server refuses the last step of a safe swap', async () => {
	const act = { kind: 'status', status: 500, code: 'x' } as const;
	proxy.faults = [{ when: /\/target\/snapshots\/upload/, times: 1, act }];
	const lines: string[] = [];
	const log = (line: string) => void lines.push(line);
	await failure(restore(server, backup, swap, { connection: connection(), log }), 'TARGET_FAILED');
	expect(lines.join()).not.toContain('Putting target back');
	expect(await everything(server)).toEqual(before);
});

it('puts the old collection back where a safe swap fails in its last step', async () => {
	// The third upload: the trial and the copy go before it.
	let uploads = 0;
	const when = { test: (line: string) => /\/target\/snapshots\/upload/.test(line) && ++uploads === 1 } as RegExp;
	proxy.faults = [{ when, times: 1, act: { kind: 'cutUpload', afterBytes: 300_000 } }];
	const lines: string[] = [];
	const log = (line: string) => void lines.push(line);
	await failure(restore(server, backup, swap, { connection: connection(), log }), 'TARGET_UNREACHABLE');
	expect(lines).toContainEqual(expect.stringContaining('Putting target back'));
	expect(await everything(server)).toEqual(before);
});

it('puts a collection that was made anew back with its aliases', async () => {
	await ask(server, 'PUT', at('unlike'), { vectors: { size: 3, distance: 'Dot' }, shard_number: 2 });
	const actions = [{ create_alias: { alias_name: 'other', collection_name: 'unlike' } }];
	await ask(server, 'POST', '/collections/aliases', { actions });
	const was = await everything(server);
	const act = { kind: 'cutUpload', afterBytes: 300_000 } as const;
	proxy.faults = [{ when: /\/unlike\/snapshots\/upload/, times: 1, act }];
	const target = { type: 'safeSwap', collection: 'unlike', confirmation: 'unlike' } as const;
	await failure(restore(server, backup, target, { connection: connection() }), 'TARGET_UNREACHABLE');
	expect(await everything(server)).toEqual(was);
});

it('says where the old collection is when it cannot be put back either', async () => {
	proxy.faults = [{ when: /\/target\/snapshots\/upload/, times: 9, act: { kind: 'cutUpload', afterBytes: 1000 } }];
	const error = await failure(restore(server, backup, swap, { connection: connection() }), 'TARGET_FAILED');
	const [, kept] = /whole, as (target_before_\d{8}_\d{6})/.exec(error.hint ?? '') ?? [];
	expect(await contentHash(server, kept!)).toBe((before as { hashes: string[][] }).hashes[0]![1]);
});

it('notes the snapshot that a safe swap makes, so that the next backup finds it where the swap could not remove it', async () => {
	const notes = { storage: backup.storage };
	const when = /DELETE \/collections\/target\/snapshots\/target-/;
	proxy.faults = [{ when, times: 1, act: { kind: 'status', status: 503, code: 'x' } }];
	const { warnings } = await restore(server, backup, swap, { connection: connection(), notes });
	expect(warnings).toEqual([expect.stringContaining('the next backup into the same storage tries again')]);
	expect(await snapshotNames(server, 'target')).toHaveLength(1);
	const { storage } = backup;
	const next = await backUpCollections({ connection: connectionTo(server), storage, codec: { name: 'none' } });
	expect(next.removedLeftovers).toHaveLength(1);
	expect(await snapshotNames(server, 'target')).toEqual([]);
	expect(filesBelow(backup.root).filter((file) => file.includes('server-snapshots'))).toEqual([]);
});

it('swaps although the storage can only be read, and says that it keeps no note', async () => {
	const storage = new (class extends FolderStorage {
		override replace(): Promise<never> {
			return Promise.reject(new BackupError('STORAGE_DENIED', 'Read only.'));
		}
	})({ root: backup.root });
	const { warnings, points } = await restore(server, backup, swap, { notes: { storage } });
	expect(warnings).toEqual([expect.stringContaining('keeps no note of the snapshot of the collection target')]);
	expect(points).toBe(4000);
	expect(await snapshotNames(server, 'target')).toEqual([]);
});

it.each([fresh, over])(
	'tells what is there where the server dies during a restore by $type, and changes nothing that was',
	async (target) => {
		const mortal = await startQdrant();
		await createPlain(mortal, 'target', 70, 64);
		const was = await contentHash(mortal, 'target');
		let killed: Promise<void> | undefined;
		const onProgress = ({ bytes, totalBytes }: { bytes: number; totalBytes: number }) =>
			void (bytes === totalBytes && (killed ??= mortal.kill()));
		const run = restore(mortal, backup, target, { connection: connectionTo(mortal), onProgress });
		const { message } = await failure(run, 'TARGET_UNREACHABLE');
		await killed;
		await mortal.restart();
		expect(await contentHash(mortal, 'target')).toBe(was);
		const { collections } = await ask<{ collections: { name: string }[] }>(mortal, 'GET', '/collections');
		const made = target.type === 'newCollection' ? ['fresh'] : [];
		expect(collections.map(({ name }) => name).sort()).toEqual([...made, 'target']);
		expect(message).toContain(
			made.length > 0 ? 'collection fresh could not be removed' : 'target holds its old points, or already those',
		);
		await mortal.stop();
	},
);
