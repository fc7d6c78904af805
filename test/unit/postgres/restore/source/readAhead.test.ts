import { describe, expect, it } from 'vitest';

import { readAhead } from '../../../../../engine/postgres/restore/source/readAhead';

/** Numbers from 1 to 3, and which of them were asked for. */
function numbers() {
	const asked: number[] = [];
	let ended = false;
	const items = async function* (signal: AbortSignal) {
		try {
			for (let number = 1; number <= 3; number++) {
				asked.push(number);
				await Promise.resolve();
				if (signal.aborted) throw new Error('ended');
				yield number;
			}
		} finally {
			ended = true;
		}
	};
	return { asked, items, hasEnded: () => ended };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('reading ahead', () => {
	it('asks for one more item while one is being used', async () => {
		const { asked, items } = numbers();
		const used: number[] = [];
		for await (const number of readAhead(items, () => true)) {
			await settled();
			expect(asked).toHaveLength(Math.min(number + 1, 3));
			used.push(number);
		}
		expect(used).toEqual([1, 2, 3]);
	});

	it('does not where an item has to be used first', async () => {
		const { asked, items } = numbers();
		for await (const number of readAhead(items, () => false)) {
			await settled();
			expect(asked).toHaveLength(number);
		}
	});

	it('ends what it asked for when it is left', async () => {
		const { items, hasEnded } = numbers();
		for await (const number of readAhead(items, () => true)) if (number === 1) break;
		expect(hasEnded()).toBe(true);
	});

	it('passes an error on once it is its turn', async () => {
		const items = async function* () {
			yield await Promise.resolve(1);
			throw new Error('gone');
		};
		const used: number[] = [];
		const all = async () => {
			for await (const number of readAhead(items, () => true)) {
				await settled();
				used.push(number);
			}
		};
		await expect(all()).rejects.toThrow('gone');
		expect(used).toEqual([1]);
	});
});
