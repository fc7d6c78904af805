import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import {
	asBackUp,
	type BackUpOf,
	clearDeadRuns,
	listManifests,
	readRunning,
	type RunRecord,
} from '../../../../engine/archive';
import { FolderStorage, S3Storage } from '../../../../engine/storage';
import { startS3rver } from '../../../services/s3/s3rver';
import type { S3Server } from '../../../services/s3/server';
import { pruneBy, temporaryRoot, temporaryStorage, writeDaily } from '../../retention/support';
import { DrivenClock } from '../../../unit/storage/driven-clock';
import { all } from '../../storage/content';
import { optionsFor } from '../../storage/s3-under-test';
import { runsContract } from './runs-contract';

describe('runs on a folder', () => {
	runsContract(() => Promise.resolve(temporaryStorage()));

	it('take over at once from one that was killed, which is told as dead and cleared away after a day', async () => {
		const root = temporaryRoot();
		const storage = new FolderStorage({ root });
		const child = spawn(process.execPath, [...process.execArgv, path.join(__dirname, 'endless-run.ts'), root]);
		onTestFinished(() => void child.kill('SIGKILL'));
		await once(child.stdout, 'data');
		await expect(once(child.stdout, 'data')).resolves.toBeDefined();
		const series = { kind: 'postgres', name: 'shop', origin: 'db:5432', isWhole: true } as const;
		const next = async () =>
			await asBackUp(
				{ storage, folder: 'postgres', run: { workflow: 'Next', execution: '2', ifRunning: 'refuse' } },
				series,
				() => Promise.resolve('ran'),
			);
		await expect(next()).rejects.toThrow(
			/^A back up of postgres shop is running already: by the workflow "Killed", execution 1 \(process /,
		);
		child.kill('SIGKILL');
		await once(child, 'exit');
		expect(await next()).toBe('ran');
		const hours = (count: number) => new Date(Date.now() + count * 3_600_000);
		expect(await readRunning(storage, { now: hours(0.2) })).toMatchObject([
			{ name: 'shop', workflow: 'Killed', process: child.pid, isDead: true },
		]);
		expect(await clearDeadRuns(storage, hours(23))).toEqual([]);
		expect(await clearDeadRuns(storage, hours(25))).toHaveLength(1);
		expect(await readRunning(storage, { now: hours(0.2) })).toEqual([]);
	});
});

describe('runs of parts of a database', () => {
	const series = { kind: 'postgres', name: 'shop', origin: 'db:5432', isWhole: true } as const;
	const tables = ['--table=public.users', '--table=public.orders'];

	/** A back up that another process is at. */
	async function running(root: string, of: BackUpOf) {
		const args = [...process.execArgv, path.join(__dirname, 'endless-run.ts'), root, JSON.stringify(of)];
		const child = spawn(process.execPath, args);
		onTestFinished(() => void child.kill('SIGKILL'));
		await once(child.stdout, 'data');
	}
	const next = async (root: string, part: Pick<BackUpOf, 'partial'>) => {
		const storage = new FolderStorage({ root });
		const run = { workflow: 'Next', execution: '2', ifRunning: 'refuse' } as const;
		return await asBackUp({ storage, folder: 'postgres', run }, { ...series, ...part }, () => Promise.resolve('ran'));
	};

	it('wait for none of all of it or of another part, and for one of the same in whatever order it is named', async () => {
		const root = temporaryRoot();
		await running(root, { ...series, partial: { content: 'all', selection: tables } });
		expect(await next(root, {})).toBe('ran');
		expect(await next(root, { partial: { content: 'schema', selection: [] } })).toBe('ran');
		await expect(next(root, { partial: { content: 'all', selection: tables.toReversed() } })).rejects.toThrow(
			/^A back up of the same part of postgres shop is running already: by the workflow "Killed"/,
		);
	});
});

describe('runs whose backup nobody else sees', () => {
	it('wait for none and leave no sign, and tell the log how far they are', async () => {
		const storage = Object.assign(temporaryStorage(), { isOneRuns: true as const });
		const clock = new DrivenClock();
		const lines: number[] = [];
		const run = {
			workflow: 'Nightly',
			execution: '1',
			clock,
			onBeat: ({ bytes }: RunRecord) => void lines.push(bytes),
		};
		const series = { kind: 'postgres', name: 'shop', origin: 'db:5432', isWhole: true } as const;
		await asBackUp({ storage, run }, series, async (alone) => {
			await alone.storage.write('shop.sql', new Blob(['123']).stream());
			await clock.nextWait();
			await clock.advance(10_000);
			await clock.nextWait();
			expect((await all(storage.list('.stack-backup/'))).length).toBe(0);
		});
		expect(lines).toEqual([3]);
	});
});

describe('runs on a bucket', () => {
	let server: S3Server;
	const storages: S3Storage[] = [];
	beforeAll(async () => {
		server = await startS3rver();
	});
	afterAll(async () => {
		for (const storage of storages) storage.close();
		await server.stop();
	});
	runsContract(async () => {
		const storage = new S3Storage(optionsFor(server, await server.createBucket()));
		storages.push(storage);
		return storage;
	});
});

const record = (id: string, more: object = {}) => ({
	formatVersion: 1,
	id,
	action: 'backUp',
	kind: 'postgres',
	name: 'shop',
	startedAt: '2026-01-31T02:00:00.000Z',
	bytes: 10,
	bytesPerSecond: 1,
	workflow: 'Nightly',
	execution: '17',
	host: 'worker-1',
	process: 7,
	...more,
});

describe('what runs have left in a storage', () => {
	it('is shown where it is what a run writes, and passed over where it is anything else', async () => {
		const storage = temporaryStorage();
		const id = (digit: string) => digit.repeat(8) + '-0000-4000-8000-000000000000';
		const put = async (key: string, content: unknown) =>
			await storage.replace(
				`.stack-backup/running/${key}.json`,
				Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)),
			);
		await put(id('1'), record(id('1'), { startedAt: '2026-01-31T03:00:00.000Z' }));
		await put(id('2'), record(id('2'), { name: '<script>alert(1)</script>', kind: 'a new kind' }));
		await put(id('3'), '{"formatVersion":1');
		await put(id('4'), record(id('1')));
		await put(id('5'), record(id('5'), { bytes: -1 }));
		await put(id('6'), record(id('6'), { name: 'n'.repeat(1001) }));
		await put(id('7'), record(id('7'), { filler: 'x'.repeat(100_000) }));
		await put(id('8'), record(id('8'), { bytes: '10' }));
		await put(id('9'), record(id('9'), { startedAt: 'yesterday' }));
		await put('notes', record(id('a')));
		expect((await readRunning(storage)).map(({ name }) => name)).toEqual(['<script>alert(1)</script>', 'shop']);
	});

	it('is neither a backup nor an orphan, and a prune clears away what is a day old', async () => {
		const storage = temporaryStorage();
		await writeDaily(storage, 3);
		const id = '11111111-0000-4000-8000-000000000000';
		const key = `.stack-backup/running/${id}.json`;
		await storage.replace(key, Buffer.from(JSON.stringify(record(id))));
		await asBackUp(
			{ storage, folder: 'postgres', run: { workflow: 'Nightly', execution: '1' } },
			{ kind: 'postgres', name: 'shop', origin: 'db:5432', isWhole: true },
			() => Promise.resolve(),
		);
		expect((await listManifests(storage, '')).backups).toHaveLength(3);
		const first = await pruneBy(storage, { last: 10 });
		expect(first).toMatchObject({ orphans: [], unproven: [], swept: [] });
		expect((await all(storage.list('.stack-backup/running/'))).map((object) => object.key)).toEqual([key]);
		expect((await all(storage.list('.stack-backup/series/'))).length).toBe(1);
		const later = await pruneBy(storage, { last: 10 }, { now: new Date(Date.now() + 25 * 3_600_000) });
		expect(later).toMatchObject({ orphans: [], unproven: [], swept: [key] });
	});
});
