import { hostname } from 'node:os';

import { expect, it } from 'vitest';

import { acquireLock, withLock } from '../../../../engine/archive';
import type { Storage } from '../../../../engine/storage';
import { all } from '../../storage/content';
import { intercepted, textOf } from '../../retention/support';

const MINUTE_MS = 60_000;

/** A clock that the test sets. */
function testClock() {
	let now = Date.parse('2026-07-15T12:00:00Z');
	return { clock: () => new Date(now), pass: (minutes: number) => (now += minutes * MINUTE_MS) };
}

const locked = expect.objectContaining({ code: 'STORAGE_LOCKED' }) as Error;

/**
 * What the lock promises on every storage.
 * @param options.createsOnce Whether the server refuses to create an object twice, as S3's conditional writes do.
 */
export function lockContract(newStorage: () => Promise<Storage>, options: { createsOnce: boolean }): void {
	const rivals = options.createsOnce ? 8 : 1;

	it('is held by one owner, whom the others are told', async () => {
		const storage = await newStorage();
		const { clock } = testClock();
		const lock = await acquireLock(storage, { owner: 'nightly prune', clock });
		await expect(acquireLock(storage, { owner: 'other', clock })).rejects.toThrow(/locked by nightly prune/);
		await lock.confirm();
		await lock.release();
		const next = await acquireLock(storage, { owner: 'other', clock });
		await expect(acquireLock(storage, { owner: 'nightly prune', clock })).rejects.toEqual(locked);
		await next.release();
	});

	it('is told with who holds it, where, since when and until when', async () => {
		const storage = await newStorage();
		const { clock } = testClock();
		const lock = await acquireLock(storage, { owner: 'nightly prune', clock });
		await expect(acquireLock(storage, { owner: 'other', clock })).rejects.toMatchObject({
			code: 'STORAGE_LOCKED',
			message: expect.stringContaining(
				`locked by nightly prune (process ${process.pid} on ${hostname()}) since 2026-07-15T12:00:00.000Z; unless it goes on, it loses the lock at 2026-07-15T12:16:00.000Z`,
			),
			details: { owner: 'nightly prune', process: process.pid, host: hostname(), freeAt: '2026-07-15T12:16:00.000Z' },
		});
		await lock.release();
	});

	it('is taken over at once from a run of the same machine that is gone, and from no other', async () => {
		const storage = await newStorage();
		const changed = async (change: (holder: Record<string, unknown>) => void) => {
			const lock = await acquireLock(storage, { owner: 'killed' });
			const newest = (await all(storage.list('.stack-backup/lock-')))
				.map(({ key }) => key)
				.sort()
				.at(-1)!;
			const record = JSON.parse(await textOf(storage, newest)) as { holder: Record<string, unknown> };
			change(record.holder);
			await storage.replace(newest, Buffer.from(JSON.stringify(record)));
			return lock;
		};
		const dead = (holder: Record<string, unknown>) => {
			holder['pid'] = 2 ** 30;
			return holder['process'] as Record<string, unknown>;
		};
		for (const more of [{ boot: 'another machine' }, { namespace: 'another container' }]) {
			const lock = await changed((holder) => Object.assign(dead(holder), more));
			await expect(acquireLock(storage, { owner: 'next' })).rejects.toEqual(locked);
			await lock.release();
		}
		const slow = await changed((holder) => void dead(holder));
		const results = await Promise.allSettled(
			Array.from({ length: rivals }, (_, index) => acquireLock(storage, { owner: `run ${index}` })),
		);
		expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
		await expect(slow.confirm()).rejects.toEqual(locked);
	});

	it('is taken over at once from a run of the same process that could not give it back', async () => {
		const storage = await newStorage();
		const broken = intercepted(storage, { replace: () => Promise.reject(new Error('unplugged')) });
		const lock = await acquireLock(broken, { owner: 'unlucky' });
		await expect(acquireLock(storage, { owner: 'early' })).rejects.toEqual(locked);
		await expect(lock.release()).rejects.toThrow('unplugged');
		await (await acquireLock(storage, { owner: 'next' })).release();
	});

	it('that a wrong clock has made last for years tells how to get rid of it', async () => {
		const storage = await newStorage();
		const { clock, pass } = testClock();
		pass(5 * 365 * 24 * 60);
		await acquireLock(storage, { owner: 'from the future', clock });
		pass(-5 * 365 * 24 * 60);
		const refused = acquireLock(storage, { owner: 'other', clock });
		const hint = expect.stringMatching(/clock.*remove \.stack-backup\/lock-000000000001\.json/) as string;
		await expect(refused).rejects.toMatchObject({ code: 'STORAGE_LOCKED', hint });
		await storage.remove('.stack-backup/lock-000000000001.json');
		await (await acquireLock(storage, { owner: 'other', clock })).release();
	});

	it('goes to one of many that want it at once', async () => {
		const storage = await newStorage();
		const tries = Array.from({ length: rivals }, (_, index) => acquireLock(storage, { owner: `run ${index}` }));
		const results = await Promise.allSettled(tries);
		expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
		for (const result of results) if (result.status === 'rejected') expect(result.reason).toEqual(locked);
	});

	it('is taken over by one of many when it has expired, which its owner notices', async () => {
		const storage = await newStorage();
		const { clock, pass } = testClock();
		const slow = await acquireLock(storage, { owner: 'slow', ttlMs: 10 * MINUTE_MS, clock });
		pass(10);
		await expect(acquireLock(storage, { owner: 'early', clock })).rejects.toEqual(locked);
		pass(2);
		const results = await Promise.allSettled(
			Array.from({ length: rivals }, (_, index) => acquireLock(storage, { owner: `run ${index}`, clock })),
		);
		expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
		await expect(slow.confirm()).rejects.toEqual(locked);
		await slow.release();
		await expect(acquireLock(storage, { owner: 'another', clock })).rejects.toEqual(locked);
	});

	it('is found to be lost by an owner whose own clock stood still, as that of a machine that was paused', async () => {
		const storage = await newStorage();
		const [own, others] = [testClock(), testClock()];
		const paused = await acquireLock(storage, { owner: 'paused', clock: own.clock });
		others.pass(20);
		const lock = await acquireLock(storage, { owner: 'next', clock: others.clock });
		await expect(paused.confirm()).rejects.toEqual(locked);
		await lock.release();
		await expect(paused.confirm()).rejects.toEqual(locked);
	});

	it('is not had by a run that was paused before it created its record, until those after it were cleared away', async () => {
		const storage = await newStorage();
		await (await acquireLock(storage, { owner: 'first' })).release();
		let isPaused = false;
		const pausing = intercepted(storage, {
			write: async (key, source, writing) => {
				isPaused = true;
				for (const owner of ['second', 'third']) await (await acquireLock(storage, { owner })).release();
				await acquireLock(storage, { owner: 'fourth' });
				await storage.remove('.stack-backup/lock-000000000002.json');
				return await storage.write(key, source, writing);
			},
		});
		await expect(acquireLock(pausing, { owner: 'late' })).rejects.toEqual(locked);
		expect(isPaused).toBe(true);
		await expect(acquireLock(storage, { owner: 'other' })).rejects.toThrow(/locked by fourth/);
	});

	it('is kept by an owner that goes on, as long as it likes', async () => {
		const storage = await newStorage();
		const { clock, pass } = testClock();
		const lock = await acquireLock(storage, { owner: 'long', ttlMs: 10 * MINUTE_MS, clock });
		for (let step = 0; step < 6; step++) {
			pass(9);
			await lock.confirm();
			await expect(acquireLock(storage, { owner: 'other', clock })).rejects.toEqual(locked);
		}
		await lock.release();
	});

	it('is released by an action that fails, too', async () => {
		const storage = await newStorage();
		const failing = withLock(storage, { owner: 'one' }, () => Promise.reject(new Error('disk on fire')));
		await expect(failing).rejects.toThrow('disk on fire');
		expect(await withLock(storage, { owner: 'two' }, () => Promise.resolve('done'))).toBe('done');
	});

	it('leaves no more than the records of the last day', async () => {
		const storage = await newStorage();
		const { clock, pass } = testClock();
		for (let run = 0; run < 3; run++) await (await acquireLock(storage, { owner: `run ${run}`, clock })).release();
		// The storage's own clock tells the age of records.
		pass((Date.now() - clock().getTime()) / MINUTE_MS + 2 * 24 * 60);
		await (await acquireLock(storage, { owner: 'last', clock })).release();
		const keys = (await all(storage.list('.stack-backup/'))).map(({ key }) => key);
		expect(keys).toEqual(['.stack-backup/lock-000000000004.json']);
		await (await acquireLock(storage, { owner: 'next', clock })).release();
	});

	it('is taken for held while a record cannot be read, but not for ever', async () => {
		const storage = await newStorage();
		await storage.replace('.stack-backup/lock-000000000007.json', Buffer.from('{'));
		await expect(acquireLock(storage, { owner: 'one' })).rejects.toEqual(locked);
		const later = () => new Date(Date.now() + 20 * MINUTE_MS);
		await (await acquireLock(storage, { owner: 'one', clock: later })).release();
	});

	it('holds against a listing that lags behind', async () => {
		const storage = await newStorage();
		await (await acquireLock(storage, { owner: 'first' })).release();
		const lock = await acquireLock(storage, { owner: 'second' });
		const stale = new Proxy(storage, {
			get(target, property) {
				if (property === 'list') return async function* () {};
				const value = (target as unknown as Record<string | symbol, unknown>)[property];
				return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
			},
		});
		await expect(acquireLock(stale, { owner: 'third' })).rejects.toEqual(locked);
		await lock.confirm();
		await lock.release();
	});
}
