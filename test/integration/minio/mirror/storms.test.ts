/** Servers that fail at random moments, and runs that are cancelled at some request: what stands in the target then, and what the next run makes of it. */
import { readdirSync } from 'node:fs';

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { BackupError } from '../../../../engine/errors';
import type { MirrorReport, Place } from '../../../../engine/minio/mirror';
import { startFaultyProxy, type Fault, type FaultyProxy } from '../../../services/faultyProxy';
import { startS3rver } from '../../../services/s3/s3rver';
import type { S3Server } from '../../../services/s3/server';
import { bucketPlace, filesIn, folder, folderPlace, keysIn, objectsIn, put, run, type Contents } from './support';

const NAMES = Array.from({ length: 14 }, (_, at) => `docs/${at % 3}/file-${at}`);
/** What stays in any case: a mirror never empties its target. */
const ALWAYS: Contents = { always: 'there' };

const contents = fc.dictionary(fc.constantFrom(...NAMES), fc.constantFrom('', 'one', 'two', 'three'), { maxKeys: 10 });
const act = fc.constantFrom<Fault['act'][]>(
	{ kind: 'status', status: 503, code: 'SlowDown' },
	{ kind: 'drop' },
	{ kind: 'cutAnswer', afterBytes: 0 },
	{ kind: 'cutAnswer', afterBytes: 250 },
	{ kind: 'cutUpload', afterBytes: 600 },
);
const story = fc.record({
	before: contents,
	after: contents,
	/** What happens to the requests, one after the other and over again. */
	storm: fc.array(fc.option(act, { freq: 2 }), { minLength: 5, maxLength: 30 }),
	/** The request at which the run is cancelled, if it comes so far. */
	cancelAt: fc.option(fc.nat({ max: 80 }), { freq: 2 }),
});

interface Target {
	place: () => Place;
	contents: () => Promise<Contents>;
	/** Names in the trash. */
	trashed: () => Promise<string[]>;
}

describe('a mirror whose servers fail at random moments', () => {
	let server: S3Server;
	/** Two ways to it: as another server, a target is written to by streams. */
	let proxies: [FaultyProxy, FaultyProxy];
	beforeAll(async () => {
		server = await startS3rver();
		proxies = [await startFaultyProxy(server.endpoint), await startFaultyProxy(server.endpoint)];
	});
	afterAll(async () => {
		for (const proxy of proxies ?? []) await proxy.stop();
		await server?.stop();
	});

	const bucketBehind = async (way: 0 | 1): Promise<Target> => {
		const bucket = await server.createBucket();
		return {
			place: () => bucketPlace(server, bucket, 'target', { endpoint: proxies[way].endpoint }),
			contents: async () => await objectsIn(server, bucket),
			trashed: async () => await keysIn(server, bucket, '.stack-backup-trash/'),
		};
	};
	const localFolder = (): Promise<Target> => {
		const root = folder();
		const trashed = () => {
			const isTrash = (name: string) => name.startsWith('.stack-backup-trash/');
			return Promise.resolve((readdirSync(root, { recursive: true }) as string[]).filter(isTrash));
		};
		const target = {
			place: () => folderPlace(root, 'target'),
			contents: () => Promise.resolve(filesIn(root)),
			trashed,
		};
		return Promise.resolve(target);
	};

	/** Runs a mirror while the servers fail. @returns what it reports, where it comes to its end */
	const inStorm = async (
		mirrored: (signal: AbortSignal) => Promise<MirrorReport>,
		told: { storm: (Fault['act'] | null)[]; cancelAt: number | null },
	) => {
		const controller = new AbortController();
		let requests = 0;
		for (const proxy of proxies) {
			proxy.onRequest = () => {
				if (requests === told.cancelAt) controller.abort();
				const what = told.storm[requests++ % told.storm.length];
				proxy.faults = what ? [{ when: /./, times: 1, act: what }] : [];
			};
		}
		try {
			return await mirrored(controller.signal);
		} catch (error) {
			expect(error).toBeInstanceOf(BackupError);
			return undefined;
		} finally {
			for (const proxy of proxies) Object.assign(proxy, { onRequest: undefined, faults: [] });
		}
	};

	it.each([
		['a bucket of the same server', async () => await bucketBehind(0)],
		['a bucket of another server', async () => await bucketBehind(1)],
		['a folder', localFolder],
	])('takes nothing half for whole, and removes nothing that should stay: into %s', async (_what, make) => {
		await fc.assert(
			fc.asyncProperty(story, async ({ before, after, ...told }) => {
				const bucket = await server.createBucket();
				const target = await make();
				const mirrored = async (options: { signal?: AbortSignal; ceilingPercent?: number } = {}) => {
					const { ceilingPercent = 100, signal } = options;
					const source = bucketPlace(server, bucket, 'source', { endpoint: proxies[0].endpoint });
					return await run(source, target.place(), {
						removal: { ceilingPercent },
						signal,
						concurrency: 3,
						checkpointBytes: 6,
					});
				};
				await put(server, bucket, { ...ALWAYS, ...before });
				await mirrored();
				for (const name of Object.keys(before)) if (!(name in after)) await server.client.removeObject(bucket, name);
				await put(server, bucket, after);
				const report = await inStorm(async (signal) => await mirrored({ signal }), told);
				const found = await target.contents();
				const trashed = await target.trashed();
				for (const name of NAMES) {
					const isTrashed = trashed.some((each) => each.endsWith(`/${name}`));
					const allowed = [after[name], before[name]];
					if (name in before && !(name in after) && !isTrashed) allowed.shift();
					expect([name, allowed]).toEqual([name, expect.arrayContaining([found[name]])]);
				}
				const isWhole = report && report.failed.count + report.changing.count + report.vanished.count === 0;
				if (isWhole) expect(found).toEqual({ ...ALWAYS, ...after });
				await mirrored();
				expect(await target.contents()).toEqual({ ...ALWAYS, ...after });
				const count = Object.keys(after).length + 1;
				expect(await mirrored()).toMatchObject({
					unchanged: { count },
					added: { count: 0 },
					changed: { count: 0 },
					warnings: [],
				});
			}),
			{ numRuns: 4 },
		);
	});
});
