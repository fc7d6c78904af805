import { describe, expect, it } from 'vitest';

import { Bandwidth } from '../../../engine/storage/bandwidth';
import { DrivenClock } from './driven-clock';

const MB = 1_000_000;
/** What may be ahead of the rate: a quarter of a second, and the slice that is let through. */
const ahead = (rate: number) => rate / 4 + 64 * 1024;

/** Streams that pass chunks of a size for as long as they are let, and how much each has passed. */
function streams(
	bandwidth: Bandwidth,
	chunks: number[],
	signal?: AbortSignal,
): { passed: number[]; ends: Promise<unknown>[] } {
	const passed = chunks.map(() => 0);
	const ends = chunks.map(async (chunk, index) => {
		for (;;) {
			await bandwidth.pass(chunk, signal);
			passed[index] = (passed[index] ?? 0) + chunk;
		}
	});
	for (const end of ends) end.catch(() => {});
	return { passed, ends };
}

describe('a bandwidth limit', () => {
	it.each([
		[0.1, 20],
		[1, 20],
		[7, 20],
		[100, 3],
	])('lets %d MB a second through, whatever the chunks are', async (rate, seconds) => {
		const clock = new DrivenClock();
		const stop = new AbortController();
		const bandwidth = new Bandwidth(rate * MB, clock);
		const { passed } = streams(bandwidth, [1000, 65_536, 300_000], stop.signal);
		await clock.advance(seconds * 1000);
		const total = passed.reduce((sum, bytes) => sum + bytes, 0);
		expect(total).toBeLessThanOrEqual(seconds * rate * MB + ahead(rate * MB));
		// Chunks that have passed in part are not counted yet.
		expect(total).toBeGreaterThan(seconds * rate * MB - 400_000 - ahead(rate * MB));
		stop.abort();
	});

	it('gives streams the same share, however large their chunks are', async () => {
		const clock = new DrivenClock();
		const stop = new AbortController();
		const { passed } = streams(new Bandwidth(10 * MB, clock), [64 * 1024, 8 * MB, MB, 3 * 64 * 1024], stop.signal);
		await clock.advance(60_000);
		const share = (60 * 10 * MB) / 4;
		for (const bytes of passed) expect(Math.abs(bytes - share)).toBeLessThan(0.15 * share);
		stop.abort();
	});

	it('does not save up what nobody used', async () => {
		const clock = new DrivenClock();
		const bandwidth = new Bandwidth(MB, clock);
		await bandwidth.pass(1, undefined);
		await clock.advance(3_600_000);
		const stop = new AbortController();
		const { passed } = streams(bandwidth, [10_000], stop.signal);
		await clock.advance(1000);
		expect(passed[0]).toBeLessThanOrEqual(MB + ahead(MB));
		stop.abort();
	});

	it('ends at once when it is cancelled, and waits for nothing then', async () => {
		const clock = new DrivenClock();
		const bandwidth = new Bandwidth(MB, clock);
		const stop = new AbortController();
		const waiting = bandwidth.pass(100 * MB, stop.signal);
		const other = new AbortController();
		const second = bandwidth.pass(100 * MB, other.signal);
		await clock.advance(1000);
		expect(clock.waiting).toBe(1);
		stop.abort();
		await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' });
		// The other one goes on.
		await clock.advance(1000);
		expect(clock.waiting).toBe(1);
		other.abort();
		await expect(second).rejects.toMatchObject({ code: 'CANCELLED' });
		expect(clock.waiting).toBe(0);
		// And who comes after them is served.
		const third = bandwidth.pass(1000, undefined);
		await clock.advance(1000);
		await third;
		await expect(bandwidth.pass(1, AbortSignal.abort())).rejects.toMatchObject({ code: 'CANCELLED' });
	});
});
