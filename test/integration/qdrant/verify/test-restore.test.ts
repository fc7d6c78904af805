import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { ArchiveReader } from '../../../../engine/archive';
import { collectionSource, type QdrantScratch } from '../../../../engine/qdrant';
import { scratchName } from '../../../../engine/verify/scratchName';
import { testRestore } from '../../../../engine/qdrant/verify/testRestore';
import type { CheckContext } from '../../../../engine/verify/types';
import { type FaultyProxy, startFaultyProxy } from '../../../services/faultyProxy';
import { startQdrant, type QdrantServer } from '../../../services/qdrant';
import { ask, at, contentHash, createPlain, snapshotNames } from '../../../services/qdrant-data';
import { altered, backUp, connectionTo, failure, filesBelow, type Backup } from '../support';
import { createKind, KINDS } from './collections';
import { contentOf, gathering, snapshotOf, storedAs, type Checked } from './support';

let server: QdrantServer;
let other: QdrantServer;
let proxy: FaultyProxy;
let plain: Backup;
/** Whoever lost a server, or its answer, waits for it for seconds otherwise. */
const timeouts = { settle: 2000, pause: 50 };

beforeAll(async () => {
	[server, other] = await Promise.all([startQdrant({ apiKey: 'key' }), startQdrant()]);
	proxy = await startFaultyProxy(other.url);
	await createPlain(server, 'plain', 3000, 64);
	plain = await backUp(server, 'plain');
});
afterAll(async () => {
	await proxy?.stop();
	await Promise.all([server?.stop(), other?.stop()]);
});
afterEach(() => {
	proxy.faults = [];
});

async function tested(
	reader: ArchiveReader,
	scratch: QdrantScratch,
	more: Partial<CheckContext> = {},
): Promise<Checked> {
	const { context, result } = gathering(more);
	result.counts = await testRestore(reader, scratch, context);
	return result;
}

async function names(of: QdrantServer): Promise<string[]> {
	const { collections } = await ask<{ collections: { name: string }[] }>(of, 'GET', '/collections');
	return collections.map(({ name }) => name).sort();
}

/** Collections, and what lies on the server's disk of snapshots that were uploaded. */
async function everything(of: QdrantServer): Promise<object> {
	const files = filesBelow(join(of.folder, 'snapshots')).filter((file) => !file.endsWith('.checksum'));
	return { collections: await names(of), files };
}

describe('a good backup passes', () => {
	it.each(Object.keys(KINDS))('of %s', async (name) => {
		await createKind(server, name);
		const backup = await backUp(server, name);
		const before = await names(other);
		const { counts, errors, inconclusive, warnings } = await tested(await backup.open(), {
			connection: connectionTo(other),
		});
		expect({ errors, inconclusive, warnings }).toEqual({ errors: [], inconclusive: [], warnings: [] });
		const { points } = backup.manifest.counts;
		expect(counts).toMatchObject({ points });
		if (points! > 0) expect(counts['sampled']).toBe(Math.min(points!, 100));
		if (name.includes('payload indexes')) expect(counts['filtered']).toBe(12 * 20);
		expect(await names(other)).toEqual(before);
	});

	it('beside the collection it was made of, and is compared with that', async () => {
		let took = -1;
		const restoreTook = (milliseconds: number) => void (took = milliseconds);
		const connection = connectionTo(server);
		const { counts, errors, inconclusive, warnings } = await tested(
			await plain.open(),
			{ connection },
			{ restoreTook },
		);
		expect({ errors, inconclusive, warnings }).toEqual({ errors: [], inconclusive: [], warnings: [] });
		expect(counts).toEqual({ points: 3000, shards: 1, sampled: 100, searched: 100, filtered: 20, compared: 100 });
		expect(took).toBeGreaterThan(0);
		expect(await snapshotNames(server, 'plain')).toEqual([]);
	});

	it('although the collection has changed since: that is only told', async () => {
		await createPlain(server, 'living', 50);
		const backup = await backUp(server, 'living');
		await ask(server, 'POST', at('living', '/points/payload?wait=true'), {
			payload: { group: 'other' },
			filter: { must: [] },
		});
		const was = await contentHash(server, 'living');
		const { errors, warnings } = await tested(await backup.open(), { connection: connectionTo(server) });
		expect(errors).toEqual([]);
		expect(warnings).toEqual([expect.stringContaining('Of 50 restored points, 50 are not as the collection living')]);
		expect(await contentHash(server, 'living')).toBe(was);
	});

	it('although its strict mode forbids to search and filter', async () => {
		const strict = { enabled: true, unindexed_filtering_retrieve: false, max_query_limit: 2, search_allow_exact: true };
		await createPlain(server, 'strict', 40);
		await ask(server, 'PATCH', at('strict'), { strict_mode_config: strict });
		const backup = await backUp(server, 'strict');
		const { errors, inconclusive, counts } = await tested(await backup.open(), { connection: connectionTo(other) });
		expect({ errors, inconclusive }).toEqual({ errors: [], inconclusive: [] });
		expect(counts).toMatchObject({ sampled: 40, searched: 40 });
	});

	it.each([{ search_allow_exact: false }, { read_rate_limit: 1 }])('although its strict mode is %o', async (mode) => {
		await createPlain(server, 'stricter', 40);
		const { manifest } = await backUp(server, 'stricter');
		await ask(server, 'PATCH', at('stricter'), { strict_mode_config: { enabled: true, ...mode } });
		const backup = await storedAs(manifest, await snapshotOf(server, 'stricter'));
		const { errors, inconclusive, counts } = await tested(await backup.open(), { connection: connectionTo(other) });
		expect({ errors, inconclusive }).toEqual({ errors: [], inconclusive: [] });
		expect(counts).toMatchObject({ points: 40, sampled: 40 });
		expect(await names(other)).toEqual([]);
		await ask(server, 'DELETE', at('stricter'));
	});
});

describe('a bad backup fails', () => {
	it('whose points are not those that were counted', async () => {
		const points = { before: 9000, after: 9000 };
		const { errors } = await tested(await altered(plain, { points }).open(), { connection: connectionTo(other) });
		expect(errors).toEqual([expect.stringMatching(/3000.*9000|9000.*3000/)]);
		expect(await names(other)).toEqual([]);
	});

	it('that was emptied, whatever its hashes', async () => {
		await createPlain(server, 'drained', 0);
		const drained = await snapshotOf(server, 'drained');
		await ask(server, 'DELETE', at('drained'));
		await createPlain(server, 'drained', 70);
		const { manifest } = await backUp(server, 'drained');
		const { errors } = await tested(await (await storedAs(manifest, drained)).open(), {
			connection: connectionTo(other),
		});
		expect(errors).toEqual([expect.stringMatching(/\b0 points|is empty/)]);
	});

	it('whose points are listed, but can be read, found and filtered no more', async () => {
		const none = '{"result":{"points":[]},"status":"ok","time":0}';
		let query = 0;
		const from = (first: number) =>
			({ test: (line: string) => /points\/query/.test(line) && ++query > first }) as RegExp;
		proxy.faults = [{ when: from(1), times: 9999, act: { kind: 'status', status: 200, code: '', body: none } }];
		const lost = await tested(await plain.open(), { connection: { url: proxy.endpoint } });
		expect(lost.errors).toHaveLength(100);
		expect(lost.errors[0]).toMatch(/^point \d+: Once restored, the point is listed, but is not found by its id\.$/);
		proxy.faults = [{ when: from((query = 0)), times: 1, act: { kind: 'status', status: 200, code: '', body: none } }];
		const unread = await tested(await plain.open(), { connection: { url: proxy.endpoint } });
		expect(unread.errors).toEqual(['It counts 3000 points, but none can be read.']);
	});

	it('which lacks a payload index that its manifest tells', async () => {
		const payloadSchema = { group: { data_type: 'keyword' }, city: { data_type: 'keyword' } };
		const { errors } = await tested(await altered(plain, { payloadSchema }).open(), {
			connection: connectionTo(other),
		});
		expect(errors).toEqual([expect.stringContaining('city')]);
	});

	it('whose vectors are others than its manifest tells', async () => {
		const { config } = collectionSource(plain.manifest);
		const vectors = { size: 64, distance: 'Dot' };
		const wrong = altered(plain, { config: { ...config, params: { ...config.params, vectors } } });
		// The server itself may refuse it: then it is the content that says why.
		const { errors } = await tested(await wrong.open(), { connection: connectionTo(other) }).catch((error: unknown) => {
			expect(error).toMatchObject({ code: 'TARGET_FAILED' });
			return { errors: [(error as Error).message] };
		});
		expect(errors.join()).toContain('Dot');
		expect((await contentOf(await wrong.open())).errors.join()).toContain('Dot');
		expect(await names(other)).toEqual([]);
	});
});

describe('what says nothing of the backup', () => {
	it('is a server that cannot be reached, or lets nobody in', async () => {
		const nobody = { connection: { url: 'http://127.0.0.1:9' } };
		await failure(tested(await plain.open(), nobody), 'TARGET_UNREACHABLE');
		await failure(tested(await plain.open(), { connection: { url: server.url, apiKey: 'no' } }), 'ACCESS_DENIED');
	});

	it('is a server too old for the snapshot', async () => {
		const newer = altered(plain, { version: '1.99.0' });
		await failure(tested(await newer.open(), { connection: connectionTo(other) }), 'UNSUPPORTED_VERSION');
		expect(await names(other)).toEqual([]);
	});

	it('is a server that dies in the middle; what it is left with goes with the next run after a day', async () => {
		const mortal = await startQdrant();
		try {
			let killed: Promise<void> | undefined;
			const log = (line: string) => void (line.startsWith('Uploading') && (killed ??= mortal.kill()));
			const run = tested(await plain.open(), { connection: { ...connectionTo(mortal), timeouts } }, { log });
			await failure(run, 'TARGET_UNREACHABLE');
			await killed;
			await mortal.restart();
			for (const name of await names(mortal)) expect(name).toMatch(/^stack_backup_verify_\d{14}_[0-9a-f]{16}$/);
		} finally {
			await mortal.stop();
		}
	});
});

describe('nothing is left on the server', () => {
	const through = () => ({ connection: { url: proxy.endpoint, timeouts } });

	it('by a cancel during the upload, or while the server takes the snapshot in', async () => {
		for (const delay of [0, 20, 80, 200, 400]) {
			const controller = new AbortController();
			const log = (line: string) => void (line.startsWith('Uploading') && setTimeout(() => controller.abort(), delay));
			const run = tested(await plain.open(), { connection: connectionTo(other) }, { log, signal: controller.signal });
			await run.catch((error: unknown) => expect(error).toMatchObject({ code: 'CANCELLED' }));
			expect(await everything(other)).toEqual({ collections: [], files: [] });
		}
	});

	it('by a cancel before anything was sent', async () => {
		const run = tested(await plain.open(), through(), { signal: AbortSignal.abort() });
		await failure(run, 'CANCELLED');
	});

	it('by an upload that is cut off', async () => {
		proxy.faults = [{ when: /snapshots\/upload/, times: 1, act: { kind: 'cutUpload', afterBytes: 100_000 } }];
		await failure(tested(await plain.open(), through()), 'TARGET_UNREACHABLE');
		expect(await everything(other)).toEqual({ collections: [], files: [] });
	});

	it('by searches that fail', async () => {
		const when = /points\/query/;
		proxy.faults = [{ when, times: 1, act: { kind: 'status', status: 500, code: 'x' } }];
		await failure(tested(await plain.open(), through()), 'TARGET_FAILED');
		expect(await everything(other)).toEqual({ collections: [], files: [] });
	});

	it('by a lost answer to the upload', async () => {
		proxy.faults = [{ when: /snapshots\/upload/, times: 1, act: { kind: 'cutAnswer', afterBytes: 0 } }];
		await failure(tested(await plain.open(), through()), 'TARGET_UNREACHABLE');
		expect(await everything(other)).toEqual({ collections: [], files: [] });
	}, 30_000);

	it('where a question about its points fails, and the first deletions as well', async () => {
		proxy.faults = [
			{ when: /points\/query/, times: 1, act: { kind: 'cutAnswer', afterBytes: 0 } },
			{ when: /DELETE .*stack_backup_verify/, times: 2, act: { kind: 'status', status: 503, code: 'x' } },
		];
		await failure(tested(await plain.open(), through()), 'TARGET_UNREACHABLE');
		expect(await everything(other)).toEqual({ collections: [], files: [] });
	});

	it('by runs that were killed a day ago; younger ones and other names stay', async () => {
		const old = scratchName(new Date(Date.now() - 25 * 3600_000));
		const young = scratchName(new Date(Date.now() - 3600_000));
		const foreign = [`${old}_copy`, 'stack_backup_verify_mine', `my_${old}`];
		for (const name of [old, young, ...foreign]) await ask(other, 'PUT', at(name), { vectors: {} });
		const lines: string[] = [];
		const { warnings } = await tested(await plain.open(), through(), { log: (line) => void lines.push(line) });
		expect(warnings).toEqual([]);
		expect(await names(other)).toEqual([young, ...foreign].sort());
		expect(lines).toContainEqual(expect.stringContaining(`Removed ${old}`));
		for (const name of [young, ...foreign]) await ask(other, 'DELETE', at(name));
	});
});
