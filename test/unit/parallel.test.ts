import { setTimeout as sleep } from 'node:timers/promises';

import { expect, it } from 'vitest';

import { inParallel, mapInParallel } from '../../engine/parallel';

it('ends with the first failure only when what was begun is over, and begins nothing after it', async () => {
	const begun: number[] = [];
	const ended: number[] = [];
	const work = inParallel([1, 2, 3, 4, 5], 3, async (item) => {
		begun.push(item);
		if (item === 2) throw new Error('the second');
		await sleep(20);
		ended.push(item);
	});
	await expect(work).rejects.toThrow('the second');
	expect([begun, ended]).toEqual([
		[1, 2, 3],
		[1, 3],
	]);
});

it('maps in the order of the items, whatever the order in which they are done', async () => {
	let atOnce = 0;
	let most = 0;
	const doubled = await mapInParallel([5, 1, 4, 2, 3], 2, async (item) => {
		most = Math.max(most, ++atOnce);
		await sleep(item);
		atOnce--;
		return 2 * item;
	});
	expect(doubled).toEqual([10, 2, 8, 4, 6]);
	expect(most).toBe(2);
	await expect(mapInParallel([1, 2], 2, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
});
