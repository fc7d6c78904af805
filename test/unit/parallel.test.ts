import { setTimeout as sleep } from 'node:timers/promises';

import { expect, it } from 'vitest';

import { inParallel } from '../../engine/parallel';

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
