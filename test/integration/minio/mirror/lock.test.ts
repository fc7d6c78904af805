/** Two mirrors into one target at the same time. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Place } from '../../../../engine/minio/mirror';
import { DrivenClock } from '../../../unit/storage/driven-clock';
import { startS3rver } from '../../../services/s3/s3rver';
import type { S3Server } from '../../../services/s3/server';
import { settled } from '../../settled';
import { broken } from './broken-place';
import { bucketPlace, filesIn, folder, folderPlace, objectsIn, run } from './support';

const signal = new AbortController().signal;
const RECORD = '.stack-backup-mirror/lock-000000000001.json';
const NEXT = '.stack-backup-mirror/lock-000000000002.json';
const MINUTE = 60_000;

/** What a run on another machine has stored of itself. */
function record(minutesLeft: number, others: object = {}): Buffer {
	const now = Date.now();
	const [acquiredAt, expiresAt] = [now - 10 * MINUTE, now + minutesLeft * MINUTE].map((at) =>
		new Date(at).toISOString(),
	);
	const holder = { host: 'elsewhere', pid: 7 };
	return Buffer.from(JSON.stringify({ owner: 'the other', token: 'x', acquiredAt, expiresAt, holder, ...others }));
}

let server: S3Server;
beforeAll(async () => (server = await startS3rver()));
afterAll(async () => await server.stop());

const targets: [string, () => Promise<{ place: () => Place; contents: () => Promise<Record<string, string>> }>][] = [
	[
		'a folder',
		async () => {
			const root = folder({ extra: 'x' });
			return { place: () => folderPlace(root, 'target'), contents: async () => filesIn(root) };
		},
	],
	[
		'a bucket',
		async () => {
			const bucket = await server.createBucket();
			await server.client.putObject(bucket, 'below/extra', 'x');
			return {
				place: () => bucketPlace(server, bucket, 'target', { prefix: 'below/' }),
				contents: async () => await objectsIn(server, bucket, 'below/'),
			};
		},
	],
];

describe.each(targets)('%s that a mirror is at work on', (_, newTarget) => {
	it('is waited for by another one that may', async () => {
		const { place, contents } = await newTarget();
		await place().own.write(RECORD, record(10), signal);
		const clock = new DrivenClock();
		const reasons: string[] = [];
		const wait = { waitMs: 2 * MINUTE, clock, onWait: ({ message }: Error) => void reasons.push(message) };
		const waiting = run(folderPlace(folder({ a: 'one' }), 'source'), place(), { owner: 'the second', wait });
		await clock.nextWait();
		expect(reasons).toEqual([expect.stringMatching(/is locked by the other \(process 7 on elsewhere\)/) as string]);
		await place().own.write(RECORD, record(10, { releasedAt: new Date().toISOString() }), signal);
		await clock.advance(1000);
		expect(await waiting).toMatchObject({ added: { count: 1 } });
		expect(await contents()).toEqual({ a: 'one', extra: 'x' });
	});

	it('is refused to another one, which is told who has it, and shown to a dry run', async () => {
		const { place, contents } = await newTarget();
		const root = folder({ a: 'one', b: 'two' });
		await settled(root);
		const others: Promise<unknown>[] = [];
		const another = () => folderPlace(folder({ c: 'three' }), 'source');
		const before = async (what: string, name: string) => {
			if (what !== 'write' || name !== 'a') return;
			others.push(run(another(), place(), { owner: 'the second' }).catch((error: unknown) => error));
			others.push(run(another(), place(), { dryRun: true }));
			await Promise.all(others);
		};
		await run(folderPlace(root, 'source'), broken(place(), { before }), { owner: 'the first' });
		expect(await Promise.all(others)).toEqual([
			expect.objectContaining({
				code: 'STORAGE_LOCKED',
				message: expect.stringContaining('is locked by the first (process ') as string,
			}),
			expect.objectContaining({ added: expect.objectContaining({ names: ['c'] }) as object }),
		]);
		expect(await contents()).toEqual({ a: 'one', b: 'two', extra: 'x' });
		expect(await run(folderPlace(root, 'source'), place())).toMatchObject({ unchanged: { count: 2 } });
	});

	it('is taken from a run elsewhere when that one has not renewed it in time, and not before', async () => {
		const { place, contents } = await newTarget();
		const source = () => folderPlace(folder({ a: 'one' }), 'source');
		await place().own.write(RECORD, record(5), signal);
		await expect(run(source(), place())).rejects.toMatchObject({
			code: 'STORAGE_LOCKED',
			message: expect.stringContaining('locked by the other (process 7 on elsewhere)') as string,
		});
		expect(await contents()).toEqual({ extra: 'x' });
		await place().own.write(RECORD, record(-5), signal);
		expect(await run(source(), place())).toMatchObject({ added: { count: 1 } });
	});

	it('loses nothing by a run that was paused until another one had taken over', async () => {
		const { place, contents } = await newTarget();
		const root = folder({ a: 'one', b: 'two' });
		await settled(root);
		let isTaken = false;
		const before = async (what: string) => {
			if (what !== 'write' || isTaken) return;
			isTaken = true;
			await place().own.write(NEXT, record(5), signal);
		};
		const target = broken(place(), { before });
		const removal = { ceilingPercent: 90 };
		await expect(run(folderPlace(root, 'source'), target, { removal })).rejects.toMatchObject({
			code: 'STORAGE_LOCKED',
		});
		expect(isTaken).toBe(true);
		expect(await contents()).toEqual({ a: 'one', b: 'two', extra: 'x' });
		// It was the other one's to record what is there.
		await place().own.write(NEXT, record(5, { releasedAt: new Date().toISOString() }), signal);
		expect(await run(folderPlace(root, 'source'), place())).toMatchObject({ isFirst: true });
	});
});
