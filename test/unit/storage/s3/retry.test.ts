import { describe, expect, it } from 'vitest';

import { BackupError } from '../../../../engine/errors';
import { retryAfterMs, S3Failure } from '../../../../engine/storage/s3/failure';
import { settingsOf } from '../../../../engine/storage/s3/options';
import { Patience, type RetryPolicy, withRetry } from '../../../../engine/storage/s3/retry';
import { Watch } from '../../../../engine/storage/s3/watch';
import { quickClock } from '../../../integration/storage/quick-clock';

const REFUSED = () => new S3Failure('connect ECONNREFUSED', { code: 'ECONNREFUSED' });
const BUSY = () => new S3Failure('Please slow down', { code: 'SlowDown', status: 503 });

/** A server that has answered before, what is told of it, and the usual policy on a quick clock. */
function usual(more: Partial<RetryPolicy> = {}) {
	const clock = quickClock();
	const told: string[] = [];
	const options = { endpoint: 'http://s3', accessKeyId: 'a', secretAccessKey: 'b', bucket: 'nightly' };
	const policy = settingsOf({ ...options, retry: { clock, random: () => 0, ...more } }).retry;
	const watch = new Watch('S3 server', clock, (notice) => told.push(notice));
	watch.answered();
	const failWhile = (isDown: () => boolean, failure: () => Error = REFUSED, signal?: AbortSignal) =>
		withRetry(policy, watch, signal, async () => {
			await Promise.resolve();
			if (isDown()) throw failure();
			watch.succeeded();
			return 'done';
		});
	return { clock, told, policy, watch, failWhile };
}

describe('what fails', () => {
	it.each([1, 15, 45, 90, 115])('survives an outage of %d seconds, whatever random says', async (seconds) => {
		for (const random of [0, 0.5, 0.999]) {
			const { clock, failWhile } = usual({ random: () => random });
			expect(await failWhile(() => clock.now() < seconds * 1000)).toBe('done');
		}
	});

	it('is given up after two minutes, unless told otherwise', async () => {
		for (const outageMs of [undefined, 5000, 600_000]) {
			const { clock, failWhile } = usual(outageMs === undefined ? {} : { outageMs });
			const failure = await failWhile(() => true).catch((error: unknown) => error);
			expect(failure).toMatchObject({ code: 'ECONNREFUSED', outageMs: outageMs ?? 120_000 });
			expect(clock.now()).toBe(outageMs ?? 120_000);
		}
	});

	it('is tried again after waits that have a floor and end at ten seconds', async () => {
		const { clock, failWhile } = usual();
		await failWhile(() => true).catch(() => {});
		expect(clock.waits.slice(0, 8)).toEqual([250, 500, 1000, 2000, 4000, 5000, 5000, 5000]);
		const late = usual({ random: () => 1 });
		await late.failWhile(() => true).catch(() => {});
		expect(late.clock.waits.slice(0, 7)).toEqual([500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
	});

	it('is told sooner where the server has never answered', async () => {
		const { clock, policy } = usual();
		const watch = new Watch('S3 server', clock, () => {});
		const refused = withRetry(policy, watch, undefined, () => Promise.reject(REFUSED()));
		await expect(refused).rejects.toMatchObject({ outageMs: 30_000 });
	});

	it('is not asked again before the server wants it', async () => {
		const { clock, failWhile } = usual();
		const failures = [90_000, 1000].map(
			(retryAfter) => new S3Failure('busy', { status: 503, code: 'SlowDown', retryAfterMs: retryAfter }),
		);
		expect(
			await failWhile(
				() => failures.length > 0,
				() => failures.shift()!,
			),
		).toBe('done');
		expect(clock.waits).toEqual([90_000, 1000]);
	});

	it('is asked a last time when the outage may last no longer, also where the server wants more', async () => {
		const { clock, failWhile } = usual();
		const busy = () => new S3Failure('busy', { status: 503, retryAfterMs: 3_600_000 });
		await expect(failWhile(() => true, busy)).rejects.toMatchObject({ attempts: 2 });
		expect(clock.waits).toEqual([120_000]);
	});

	it('is tried twice at least, however long the first try took', async () => {
		const { clock, failWhile } = usual({ outageMs: 1000 });
		let tries = 0;
		const stalled = () => {
			clock.pass(600_000);
			return new S3Failure('The server stopped answering', { code: 'ETIMEDOUT', silentMs: 600_000 });
		};
		expect(await failWhile(() => ++tries < 2, stalled)).toBe('done');
	});

	it('counts the silence of a stall as part of the outage', async () => {
		const { clock, failWhile } = usual();
		const stalled = () => {
			clock.pass(60_000);
			return new S3Failure('The server stopped answering', { code: 'ETIMEDOUT', silentMs: 60_000 });
		};
		await expect(failWhile(() => true, stalled)).rejects.toMatchObject({ attempts: 2 });
		expect(clock.now()).toBe(120_250);
	});

	it('is not tried again where that is of no use, or the run was cancelled', async () => {
		const { clock, failWhile } = usual();
		const denied = () => new S3Failure('no', { status: 403, code: 'AccessDenied' });
		await expect(failWhile(() => true, denied)).rejects.toMatchObject({ attempts: 1 });
		const full = () => new S3Failure('full', { status: 507 });
		await expect(failWhile(() => true, full)).rejects.toMatchObject({ attempts: 1 });
		const own = () => new BackupError('INVALID_INPUT', 'own');
		await expect(failWhile(() => true, own)).rejects.toMatchObject({ message: 'own' });
		expect(clock.waits).toEqual([]);
		const controller = new AbortController();
		const cancelling = failWhile(
			() => true,
			() => (controller.abort(), REFUSED()),
			controller.signal,
		);
		await expect(cancelling).rejects.toMatchObject({ code: 'CANCELLED' });
	});

	it('is not waited for when the run is cancelled, although what cleans up after it has no signal', async () => {
		const { clock, policy } = usual();
		const controller = new AbortController();
		const watch = new Watch('S3 server', clock, () => {}, controller.signal);
		const before = withRetry(policy, watch, undefined, () => {
			if (clock.waits.length === 2) controller.abort();
			return Promise.reject(REFUSED());
		});
		await expect(before).rejects.toMatchObject({ code: 'ECONNREFUSED', attempts: 3 });
		const after = withRetry(policy, watch, undefined, () => Promise.reject(REFUSED()));
		await expect(after).rejects.toMatchObject({ attempts: 1 });
	});

	it('begins anew after a success between', async () => {
		const { clock, policy, watch } = usual();
		const patience = new Patience(policy, watch);
		for (let round = 0; round < 3; round++) {
			while (clock.now() < (round + 1) * 100_000) await patience.afterFailure(REFUSED(), undefined);
			patience.succeeded();
		}
	});
});

describe('an outage', () => {
	it('is told while it lasts, now and then, and when it is over', async () => {
		const { clock, told, failWhile } = usual({ random: () => 1 });
		await failWhile(() => clock.now() < 70_000);
		expect(told).toEqual([
			'The S3 server has failed for 8 s (ECONNREFUSED); the next try is in 8 s.',
			'The S3 server has failed for 46 s (ECONNREFUSED); the next try is in 10 s.',
			'The S3 server works again after 76 s.',
		]);
	});

	it('that is short is not worth a word', async () => {
		const { clock, told, failWhile } = usual({ random: () => 1 });
		await failWhile(() => clock.now() < 3000, BUSY);
		expect(told).toEqual([]);
	});

	it('of a connection on which nothing moves is told before it counts', () => {
		const { clock, told, watch } = usual();
		for (const silent of [15_000, 30_000, 45_000]) {
			clock.pass(15_000);
			watch.silent(silent, 60_000);
		}
		watch.succeeded();
		expect(told).toEqual([
			'A request to the S3 server has been without any answer for 15 s; after 60 s it is sent again.',
			'A request to the S3 server has been without any answer for 45 s; after 60 s it is sent again.',
			'The S3 server works again after 45 s.',
		]);
	});
});

describe('Retry-After', () => {
	it('is a number of seconds or a date', () => {
		const now = Date.parse('2026-01-31T12:00:00Z');
		expect(retryAfterMs('120', now)).toBe(120_000);
		expect(retryAfterMs('Sat, 31 Jan 2026 12:00:07 GMT', now)).toBe(7000);
		expect(retryAfterMs('Sat, 31 Jan 2026 11:00:00 GMT', now)).toBeUndefined();
		for (const nothing of [undefined, '0', '-5', 'soon']) expect(retryAfterMs(nothing, now)).toBeUndefined();
	});
});
