import { describe, expect, it } from 'vitest';

import { PartBuffers } from '../../../../engine/storage/s3/part-buffers';
import { cutIntoParts } from '../../../../engine/storage/s3/parts';

const MIB = 1024 * 1024;

async function* stream(bytes: number): AsyncGenerator<Buffer, void, undefined> {
	for (let left = bytes; left > 0; left -= MIB) yield await Promise.resolve(Buffer.alloc(Math.min(MIB, left)));
}

describe('PartBuffers', () => {
	it('hands out no more than its budget, and waits for a buffer to come back', async () => {
		const buffers = new PartBuffers(3 * MIB);
		const out = [await buffers.acquire(MIB), await buffers.acquire(MIB), await buffers.acquire(MIB)];
		let got: Buffer | undefined;
		const fourth = buffers.acquire(MIB).then((buffer) => (got = buffer));
		await new Promise((resolve) => setImmediate(resolve));
		expect([got, buffers.inUse]).toEqual([undefined, 3]);
		buffers.release(out[1]!);
		expect(await fourth).toBe(out[1]);
	});

	it('still gives two buffers when parts have outgrown the budget, and not a third', async () => {
		const buffers = new PartBuffers(3 * MIB);
		await buffers.acquire(4 * MIB);
		await buffers.acquire(4 * MIB);
		let third = false;
		void buffers.acquire(4 * MIB).then(() => (third = true));
		await new Promise((resolve) => setImmediate(resolve));
		expect(third).toBe(false);
	});
});

describe('cutIntoParts', () => {
	it('holds five buffers for a stream of 60 MiB, however late they come back', async () => {
		const buffers = new PartBuffers(5 * 5 * MIB);
		const distinct = new Set<Buffer>();
		let most = 0;
		for await (const part of cutIntoParts(
			stream(60 * MIB),
			{ size: 5 * MIB, maxParts: 20 },
			buffers,
			new AbortController().signal,
		)) {
			distinct.add(part.buffer);
			most = Math.max(most, buffers.inUse);
			setTimeout(() => buffers.release(part.buffer), 5);
		}
		expect(most).toBeLessThanOrEqual(5);
		expect(distinct.size).toBeLessThanOrEqual(5);
	});

	it('says what to set where the stream is longer than its parts hold, and gives every buffer back', async () => {
		const buffers = new PartBuffers(3 * MIB);
		const sizes: number[] = [];
		const cutting = (async () => {
			const plan = { size: MIB, maxParts: 4 };
			for await (const part of cutIntoParts(stream(5 * MIB), plan, buffers, new AbortController().signal)) {
				sizes.push(part.bytes.length);
				buffers.release(part.buffer);
			}
		})();
		await expect(cutting).rejects.toMatchObject({
			code: 'INVALID_INPUT',
			message: expect.stringContaining('4 parts of 1 MiB'),
			hint: expect.stringContaining('1024 is always enough'),
		});
		expect(sizes).toEqual([MIB, MIB, MIB, MIB]);
		expect(buffers.inUse).toBe(0);
	});

	it('gives every buffer back when the source breaks', async () => {
		const buffers = new PartBuffers(3 * MIB);
		const source = (async function* () {
			yield* stream(2 * MIB + 10);
			throw new Error('broken');
		})();
		const cutting = (async () => {
			for await (const part of cutIntoParts(
				source,
				{ size: MIB, maxParts: 20 },
				buffers,
				new AbortController().signal,
			)) {
				buffers.release(part.buffer);
			}
		})();
		await expect(cutting).rejects.toThrow('broken');
		expect(buffers.inUse).toBe(0);
	});
});
