import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';

import {
	archiveSource,
	restoreCollection,
	type QdrantRestoreSource,
	type RestoreCollectionOptions,
} from '../../../../engine/qdrant';
import { type FaultyProxy, startFaultyProxy } from '../../../services/faultyProxy';
import { startQdrant, type QdrantServer } from '../../../services/qdrant';
import { ask, at, contentHash, countPoints, createPlain, fill, plainShape } from '../../../services/qdrant-data';
import { startInterceptor, type Interceptor } from '../interceptor';
import { backUp, connectionTo, failure, filesBelow, restore, type Backup } from '../support';

// A restore into a new collection removes what it has made itself, and nothing else, however it ends.

let server: QdrantServer;
let proxy: FaultyProxy;
let interceptor: Interceptor;
let backup: Backup;
let wanted: string;

beforeAll(async () => {
	server = await startQdrant();
	proxy = await startFaultyProxy(server.url);
	interceptor = await startInterceptor(server.url);
	await createPlain(server, 'docs', 300);
	wanted = await contentHash(server, 'docs');
	backup = await backUp(server, 'docs');
});
afterAll(async () => {
	await interceptor?.stop();
	await proxy?.stop();
	await server?.stop();
});
beforeEach(() => {
	proxy.faults = [];
	interceptor.treat = () => undefined;
});
afterEach(async () => {
	for (const name of await collections()) if (name !== 'docs') await ask(server, 'DELETE', at(name));
});

const target = { type: 'newCollection', collection: 'fresh' } as const;
const UPLOAD = /\/fresh\/snapshots\/upload/;

async function collections(): Promise<string[]> {
	const found = await ask<{ collections: { name: string }[] }>(server, 'GET', '/collections');
	return found.collections.map(({ name }) => name).sort();
}

async function metadata(collection: string): Promise<unknown> {
	return (await ask<{ config: { metadata?: object } }>(server, 'GET', at(collection))).config.metadata ?? {};
}

const uploads = () => filesBelow(join(server.folder, 'snapshots')).filter((file) => file.includes('upload'));
const throughProxy = () => ({ connection: { url: proxy.endpoint } });

/** A restore that stops in its middle until it is told to go on, or to break. */
async function halted(): Promise<{ run: ReturnType<typeof restoreCollection>; goOn: () => void; fail: () => void }> {
	const source: QdrantRestoreSource = archiveSource(await backup.open());
	const [piece] = source.pieces;
	let goOn = () => {};
	let fail = () => {};
	const told = new Promise<void>((resolve, reject) => {
		goOn = resolve;
		fail = () => reject(new Error('the storage broke'));
	});
	told.catch(() => {});
	let stop = () => {};
	const stopped = new Promise<void>((resolve) => (stop = resolve));
	const open = async function* (signal?: AbortSignal) {
		let isFirst = true;
		for await (const chunk of piece!.open(signal)) {
			if (isFirst) yield chunk.subarray(0, 1000);
			if (isFirst) stop();
			if (isFirst) await told;
			yield isFirst ? chunk.subarray(1000) : chunk;
			isFirst = false;
		}
	};
	const pieces = [{ ...piece!, open }];
	const run = restoreCollection({ connection: connectionTo(server), source: { ...source, pieces }, target });
	run.catch(() => {});
	await stopped;
	expect(await collections()).toContain('fresh');
	return { run, goOn, fail };
}

it.each([true, false])(
	'lets one of two restores into one name have it (which then ends well: %s)',
	async (endsWell) => {
		const first = await halted();
		const { hint } = await failure(restore(server, backup, target), 'TARGET_EXISTS');
		expect(hint).toContain('Another restore is filling it, or was cut off');
		if (endsWell) {
			first.goOn();
			expect(await first.run).toMatchObject({ points: 300, warnings: [] });
			expect(await contentHash(server, 'fresh')).toBe(wanted);
			expect(await metadata('fresh')).toEqual({});
		} else {
			first.fail();
			await expect(first.run).rejects.toThrow();
			expect(await collections()).toEqual(['docs']);
		}
	},
);

it('does not remove what somebody else has made in the place of its own', async () => {
	const { run, fail } = await halted();
	await ask(server, 'DELETE', at('fresh'));
	await createPlain(server, 'fresh', 20);
	fail();
	await expect(run).rejects.toThrow(
		'The collection fresh was not removed: it is not certain that this restore has made it',
	);
	expect(await countPoints(server, 'fresh')).toBe(20);
});

it('keeps its name until the server is done after a cancel, then removes it', async () => {
	const { run, answer } = cancelledWhileTakenIn(target);
	expect((await failure(run, 'CANCELLED')).message).toContain(
		'still taking the snapshot in as fresh, which is removed as soon as that is done',
	);
	await failure(restore(server, backup, target), 'TARGET_EXISTS');
	answer();
	await expect.poll(collections).toEqual(['docs']);
	expect(uploads()).toEqual([]);
	expect(await restore(server, backup, target)).toMatchObject({ points: 300 });
});

it('does not remove what somebody has made until the server is done after a cancel', async () => {
	const { run, answer } = cancelledWhileTakenIn(target);
	await failure(run, 'CANCELLED');
	await ask(server, 'DELETE', at('fresh'));
	await restore(server, backup, target);
	const before = interceptor.requests.length;
	answer();
	// It looks whose the collection is, and leaves it at that.
	await expect.poll(() => interceptor.requests.length).toBeGreaterThan(before);
	// Whoever deleted it now would do so at once.
	await sleep(300);
	expect(interceptor.requests.slice(before)).not.toContain(`DELETE ${at('fresh')}`);
	expect(await contentHash(server, 'fresh')).toBe(wanted);
});

/** The server is done, but does not answer until it is told to: that is when the run is cancelled. */
function cancelledWhileTakenIn(into: RestoreCollectionOptions['target']) {
	const controller = new AbortController();
	let answer = () => {};
	const told = new Promise<void>((resolve) => (answer = resolve));
	interceptor.treat = (line) => (UPLOAD.test(line) ? { after: () => (controller.abort(), told) } : undefined);
	const choices = { connection: { url: interceptor.url }, signal: controller.signal, aliases: 'free' as const };
	const cancelled = new Promise((resolve) => controller.signal.addEventListener('abort', resolve));
	return { run: restore(server, backup, into, choices), answer, cancelled };
}

it('keeps a collection that the server may have restored although its answer was lost, and says so', async () => {
	proxy.faults = [{ when: UPLOAD, times: 1, act: { kind: 'cutAnswer', afterBytes: 0 } }];
	const error = await failure(restore(server, backup, target, throughProxy()), 'TARGET_UNREACHABLE');
	expect(error.message).toContain('the server may have restored the collection fresh, or may be at it still');
	expect(error.details?.['left']).toHaveLength(1);
	expect(await contentHash(server, 'fresh')).toBe(wanted);
	expect(uploads()).toEqual([]);
});

it('removes the collection whose creation got no answer', async () => {
	proxy.faults = [{ when: /PUT \/collections\/fresh /, times: 1, act: { kind: 'cutAnswer', afterBytes: 0 } }];
	await failure(restore(server, backup, target, throughProxy()), 'TARGET_UNREACHABLE');
	expect(await collections()).toEqual(['docs']);
});

it('says which collection it could not remove', async () => {
	proxy.faults = [
		{ when: UPLOAD, times: 1, act: { kind: 'status', status: 500, code: 'x' } },
		{ when: /DELETE \/collections\/fresh /, times: 1, act: { kind: 'status', status: 500, code: 'x' } },
	];
	const { message } = await failure(restore(server, backup, target, throughProxy()), 'TARGET_FAILED');
	expect(message).toContain('The incomplete collection fresh could not be removed, delete it');
});

it('brings back all settings of the collection, and its metadata as they were', async () => {
	await ask(server, 'PUT', at('tuned'), {
		vectors: { size: 8, distance: 'Cosine', on_disk: true, hnsw_config: { m: 8 } },
		sparse_vectors: { words: { modifier: 'idf' } },
		shard_number: 2,
		on_disk_payload: false,
		hnsw_config: { m: 20, payload_m: 5 },
		optimizers_config: { indexing_threshold: 1234 },
		wal_config: { wal_capacity_mb: 2 },
		quantization_config: { scalar: { type: 'int8', always_ram: true } },
		strict_mode_config: { enabled: true, max_query_limit: 5 },
		metadata: { owner: 'me', more: { a: 1 } },
	});
	await fill(server, 'tuned', plainShape(8), { count: 50 });
	const tuned = await backUp(server, 'tuned');
	expect(await restore(server, tuned, target)).toMatchObject({ points: 50, warnings: [] });
	const config = async (name: string) => (await ask<{ config: object }>(server, 'GET', at(name))).config;
	expect(await config('fresh')).toEqual(await config('tuned'));
});

it('has succeeded where the cancel comes after everything is in place', async () => {
	const controller = new AbortController();
	// The first thing that happens after the checks: the mark is taken off.
	const test = (line: string) => (line.startsWith('PATCH /collections/fresh ') && controller.abort(), false);
	proxy.faults = [{ when: { test } as RegExp, times: 1, act: { kind: 'stall' } }];
	const choices = { ...throughProxy(), signal: controller.signal, aliases: 'all' as const };
	expect(await restore(server, backup, target, choices)).toMatchObject({ points: 300 });
	expect(controller.signal.aborted).toBe(true);
});

it('tells what a restore over a collection has done although it was cancelled while the server was at it', async () => {
	await createPlain(server, 'fresh', 20);
	const { run, answer, cancelled } = cancelledWhileTakenIn({
		type: 'existing',
		collection: 'fresh',
		confirmation: 'fresh',
	});
	await cancelled;
	answer();
	expect(await run).toMatchObject({ points: 300 });
	expect(await contentHash(server, 'fresh')).toBe(wanted);
});

it('tells what may be in a collection where the answer to a restore over it was lost', async () => {
	await createPlain(server, 'fresh', 20);
	const over = { type: 'existing', collection: 'fresh', confirmation: 'fresh' } as const;
	proxy.faults = [{ when: UPLOAD, times: 1, act: { kind: 'cutAnswer', afterBytes: 0 } }];
	const error = await failure(restore(server, backup, over, throughProxy()), 'TARGET_UNREACHABLE');
	expect(error.message).toContain('fresh holds its old points, or already those of the backup');
});
