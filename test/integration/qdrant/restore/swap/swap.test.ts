import { setTimeout as sleep } from 'node:timers/promises';

import { beforeEach, expect, it } from 'vitest';

import { BackupError } from '../../../../../engine/errors';
import { backUpCollections } from '../../../../../engine/qdrant';
import { FolderStorage } from '../../../../../engine/storage';
import { ask, at, contentHash, createPlain, fill, plainShape, snapshotNames } from '../../../../services/qdrant-data';
import { aliasesOn, everythingOn, failure, filesBelow, giveAlias, restore } from '../../support';
import { backup, proxy, safeSwapOf, server, setUpStage, wanted } from './stage';

// Safe swaps that work, and several at once.

setUpStage(300, { alias: 'live' });

let old: string;
beforeEach(async () => {
	// Other points, one index more and an alias of its own.
	await createPlain(server, 'changed', 50);
	await ask(server, 'PUT', at('changed', '/index?wait=true'), { field_name: 'own', field_schema: 'integer' });
	await fill(server, 'changed', plainShape(8), { from: 1000, count: 40 });
	await giveAlias(server, 'current', 'changed');
	old = await contentHash(server, 'changed');
});

const swap = safeSwapOf('changed');
const aliasSwap = safeSwapOf('current');

it('of an alias moves the aliases over in one step and keeps the old collection under another', async () => {
	await giveAlias(server, 'second', 'changed');
	const report = await restore(server, backup, aliasSwap);
	expect(report.collection).toMatch(/^current_\d{8}_\d{6}$/);
	expect(report.previous).toMatch(/^current_before_\d{8}_\d{6}$/);
	expect(report.aliases.sort()).toEqual(['current', 'second']);
	expect(await aliasesOn(server)).toEqual({
		current: report.collection,
		second: report.collection,
		[report.previous!]: 'changed',
	});
	expect((await everythingOn(server)).hashes).toEqual({ changed: old, [report.collection]: wanted });
});

it('of an alias leaves the names that earlier swaps gave to the old data with that', async () => {
	await giveAlias(server, 'current_before_20250101_000000', 'changed');
	const report = await restore(server, backup, aliasSwap, { aliases: 'all' });
	expect(report.aliases.sort()).toEqual(['current', 'live']);
	expect(await aliasesOn(server)).toMatchObject({
		current_before_20250101_000000: 'changed',
		[report.previous!]: 'changed',
	});
});

it('of a collection replaces it and keeps a copy of the old one', async () => {
	await giveAlias(server, 'older_before_20250101_000000', 'changed');
	const report = await restore(server, backup, swap);
	expect(report).toMatchObject({ collection: 'changed', points: 300, aliases: ['current'] });
	expect(await everythingOn(server)).toEqual({
		hashes: { changed: wanted, [report.previous!]: old },
		aliases: { current: 'changed', older_before_20250101_000000: report.previous },
		files: [],
	});
});

it.each([swap, aliasSwap])(
	'is refused where earlier ones have kept as many copies as there may be ($collection)',
	async (target) => {
		const first = await restore(server, backup, { ...target, keptCopies: 1 });
		const before = await everythingOn(server);
		const refused = await failure(restore(server, backup, { ...target, keptCopies: 1 }), 'TARGET_EXISTS');
		expect(refused.details).toEqual({ keptCopies: [first.previous] });
		expect(await everythingOn(server)).toEqual(before);
		const second = await restore(server, backup, { ...target, keptCopies: 2 });
		expect(second.previous).not.toBe(first.previous);
	},
);

it('of a collection that the backup does not fit makes it anew, and its aliases never have no data', async () => {
	await ask(server, 'PUT', at('unlike'), { vectors: { other: { size: 3, distance: 'Dot' } }, shard_number: 3 });
	await fill(server, 'unlike', { vector: () => ({ other: [1, 2, 3] }) }, { count: 10 });
	await giveAlias(server, 'named', 'unlike');
	const was = await contentHash(server, 'unlike');
	let meanwhile: string | undefined;
	proxy.treat = (line) => {
		if (line !== 'POST /collections/unlike/snapshots/upload') return undefined;
		return { before: async () => void (meanwhile = await contentHash(server, 'named')) };
	};
	const target = safeSwapOf('unlike');
	const report = await restore(server, backup, target, { connection: proxy });
	expect(meanwhile).toBe(was);
	expect(await contentHash(server, 'unlike')).toBe(wanted);
	expect(await contentHash(server, report.previous!)).toBe(was);
	expect(await aliasesOn(server)).toEqual({ current: 'changed', named: 'unlike' });
});

it('of a collection whose strict mode lets nobody count works as well', async () => {
	const strict = { strict_mode_config: { enabled: true, search_allow_exact: false } };
	await ask(server, 'PATCH', at('changed'), strict);
	const report = await restore(server, backup, swap);
	expect(report).toMatchObject({ collection: 'changed', aliases: ['current'] });
	expect(await contentHash(server, 'changed')).toBe(wanted);
	expect(await contentHash(server, report.previous!)).toBe(old);
});

it('of such a collection puts it back where the server fails, and keeps the copy', async () => {
	const strict = { strict_mode_config: { enabled: true, search_allow_exact: false } };
	await ask(server, 'PATCH', at('changed'), strict);
	const half = () => fill(server, 'changed', plainShape(8), { from: 50, count: 200 });
	let isFirst = true;
	proxy.treat = (line) => {
		if (!isFirst || line !== 'POST /collections/changed/snapshots/upload') return undefined;
		isFirst = false;
		return { instead: 500, after: half };
	};
	const { message } = await failure(restore(server, backup, swap, { connection: proxy }), 'TARGET_FAILED');
	const [, copy] = /its copy (changed_before_\d{8}_\d{6}) was kept/.exec(message) ?? [];
	expect(await contentHash(server, 'changed')).toBe(old);
	expect(await contentHash(server, copy!)).toBe(old);
});

it('of a collection works with a name of 190 bytes, and changes nothing where Qdrant finds it too long', async () => {
	const [long, tooLong] = ['x'.repeat(190), 'y'.repeat(215)];
	for (const name of [long, tooLong]) await createPlain(server, name, 3);
	const was = await contentHash(server, long);
	const byName = (name: string) => restore(server, backup, safeSwapOf(name));
	const { previous } = await byName(long);
	expect(await contentHash(server, long)).toBe(wanted);
	expect(await contentHash(server, previous!)).toBe(was);
	const before = await everythingOn(server);
	await expect(byName(tooLong)).rejects.toThrow(/too long/i);
	expect(await everythingOn(server)).toEqual(before);
});

it('needs its confirmation; where there is nothing to swap, it makes the collection', async () => {
	await failure(restore(server, backup, { ...swap, confirmation: '' }), 'NOT_CONFIRMED');
	const report = await restore(server, backup, { type: 'safeSwap', collection: 'fresh', confirmation: 'fresh' });
	expect(report).toMatchObject({ collection: 'fresh', previous: undefined });
});

/** The requests of one restore wait at a line until `go` is called. */
function gate(line: RegExp): { reached: Promise<void>; go: () => void } {
	let go = () => {};
	const opened = new Promise<void>((resolve) => (go = resolve));
	let arrived = () => {};
	const reached = new Promise<void>((resolve) => (arrived = resolve));
	let isDone = false;
	proxy.treat = (found) => {
		if (isDone || !line.test(found)) return undefined;
		isDone = true;
		arrived();
		return { before: () => opened };
	};
	return { reached, go };
}

it('of an alias that another swap moved meanwhile fails, and leaves what that one made alone', async () => {
	const { reached, go } = gate(/^POST .*\/snapshots\/upload$/);
	const slow = failure(restore(server, backup, aliasSwap, { connection: proxy }), 'TARGET_FAILED');
	await reached;
	await sleep(1000);
	const first = await restore(server, backup, aliasSwap);
	const after = await everythingOn(server);
	go();
	expect((await slow).message).toContain(`points at ${first.collection} by now`);
	expect((await everythingOn(server)).aliases).toEqual(after['aliases']);
	expect((await everythingOn(server)).hashes).toMatchObject({ changed: old, [first.collection]: wanted });
	expect(Object.keys((await everythingOn(server)).hashes)).toHaveLength(2);
});

it('of an alias that another swap moves in the same moment says who has it, and every data set keeps a name', async () => {
	const { reached, go } = gate(/^POST \/collections\/aliases$/);
	const slow = restore(server, backup, aliasSwap, { connection: proxy });
	await reached;
	await sleep(1000);
	const first = await restore(server, backup, aliasSwap);
	go();
	const last = await slow;
	expect(last.warnings).toEqual([
		expect.stringContaining(`points at ${first.collection}, which current had got meanwhile`),
	]);
	expect(await aliasesOn(server)).toEqual({
		current: last.collection,
		[last.previous!]: first.collection,
		[first.previous!]: 'changed',
	});
});

it('of an alias that something else moves right afterwards does not report success', async () => {
	await createPlain(server, 'winner', 5);
	proxy.treat = (line) =>
		line === 'POST /collections/aliases' ? { after: () => giveAlias(server, 'current', 'winner') } : undefined;
	const error = await failure(restore(server, backup, aliasSwap, { connection: proxy }), 'TARGET_FAILED');
	expect(error.message).toContain('was pointed at winner by something else');
	const [, kept] = /kept as (current_\d{8}_\d{6})/.exec(error.message) ?? [];
	expect((await everythingOn(server)).hashes).toMatchObject({ changed: old, [kept!]: wanted });
	expect(await aliasesOn(server)).toMatchObject({ current: 'winner' });
});

it('of a collection that is being swapped fails at once', async () => {
	const { reached, go } = gate(/^POST .*\/snapshots\/upload$/);
	const first = restore(server, backup, swap, { connection: proxy });
	await reached;
	const error = await failure(restore(server, backup, swap, { connection: proxy }), 'TARGET_FAILED');
	expect(error.message).toContain('Another safe swap of the collection changed is under way');
	go();
	expect(await first).toMatchObject({ points: 300 });
});

it('of a collection fails before its last step where another process is at it as well', async () => {
	// Another address, another process: what it has made is all that shows it.
	const { reached, go } = gate(/^POST \/collections\/changed\/snapshots$/);
	const slow = failure(restore(server, backup, swap, { connection: proxy }), 'TARGET_FAILED');
	await reached;
	await sleep(1000);
	const { previous } = await restore(server, backup, swap);
	const after = await everythingOn(server);
	go();
	expect((await slow).message).toContain(`${previous} appeared meanwhile`);
	expect(await everythingOn(server)).toEqual(after);
});

it('notes the snapshot that it makes, so that the next backup finds it where the swap could not remove it', async () => {
	const ledger = { storage: backup.storage };
	let isFirst = true;
	proxy.treat = (line) => {
		if (!isFirst || !/^DELETE \/collections\/changed\/snapshots\/changed-/.test(line)) return undefined;
		isFirst = false;
		return { instead: 503 };
	};
	const { warnings } = await restore(server, backup, swap, { connection: proxy, ledger });
	expect(warnings).toContainEqual(expect.stringContaining('the next backup into the same storage tries again'));
	expect(await snapshotNames(server, 'changed')).toHaveLength(1);
	// The ledger tells servers apart by their addresses as well.
	const { storage } = backup;
	const next = await backUpCollections({ connection: proxy, storage, codec: { name: 'none' } });
	expect(next.removedSnapshots).toHaveLength(1);
	expect(await snapshotNames(server, 'changed')).toEqual([]);
	expect(filesBelow(backup.root).filter((file) => file.includes('server-snapshots'))).toEqual([]);
});

it('works although the storage can only be read, and says that it keeps no note', async () => {
	const storage = new (class extends FolderStorage {
		override replace(): Promise<never> {
			return Promise.reject(new BackupError('STORAGE_DENIED', 'Read only.'));
		}
	})({ root: backup.root });
	const { warnings, points } = await restore(server, backup, swap, { ledger: { storage } });
	expect(warnings).toContainEqual(expect.stringContaining('keeps no note of the snapshot of the collection changed'));
	expect(points).toBe(300);
	expect(await snapshotNames(server, 'changed')).toEqual([]);
});
