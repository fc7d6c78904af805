import { expect, it } from 'vitest';

import { placesOf, shared } from '../../../engine/copy/in-flight';

const MIB = 1024 * 1024;

it('more of small archives are under way at once than of large ones', () => {
	expect([1, MIB, 10 * MIB, 16 * MIB, 17 * MIB, 1e12].map((size) => 1 / placesOf(size))).toEqual([8, 8, 2, 2, 1, 1]);
});

it('a question that many ask is asked once for all who came before it, and never answered by one from before they came', async () => {
	const asked: Array<{ end: (error?: Error) => void }> = [];
	const ask = shared(
		async () =>
			await new Promise<void>((resolve, reject) => {
				asked.push({ end: (error) => (error ? reject(error) : resolve()) });
			}),
	);
	const turn = async () => await new Promise((resolve) => setImmediate(resolve));
	const ended: string[] = [];
	const note = (name: string) => [() => ended.push(name), () => ended.push(`${name} failed`)] as const;
	void ask().then(...note('a'));
	void ask().then(...note('b'));
	void ask().then(...note('c'));
	await turn();
	expect(asked).toHaveLength(1);
	asked[0]!.end();
	await turn();
	expect([ended, asked.length]).toEqual([['a'], 2]);
	void ask().then(...note('d'));
	asked[1]!.end(new Error('taken over'));
	await turn();
	expect([ended, asked.length]).toEqual([['a', 'b failed', 'c failed'], 3]);
	asked[2]!.end();
	await turn();
	expect(ended).toEqual(['a', 'b failed', 'c failed', 'd']);
	void ask().then(...note('e'));
	expect(asked).toHaveLength(4);
});
