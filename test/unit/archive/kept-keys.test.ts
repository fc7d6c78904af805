import { expect, it } from 'vitest';

import { KeptKeys } from '../../../engine/archive/kept-keys';

function counting() {
	const derived: string[] = [];
	const keys = new KeptKeys((passphrase, salt) => {
		derived.push(`${salt} ${passphrase}`);
		return Buffer.from(`${salt} ${passphrase}`);
	});
	return { keys, derived };
}

it('derives a key once for each passphrase and salt', () => {
	const { keys, derived } = counting();
	for (const [passphrase, salt] of [
		['p', '01'],
		['p', '02'],
		['q', '01'],
		['p', '01'],
	] as const) {
		expect(keys.of(passphrase, salt).toString()).toBe(`${salt} ${passphrase}`);
		expect(keys.has(passphrase, salt)).toBe(true);
	}
	expect(derived).toEqual(['01 p', '02 p', '01 q']);
	expect(keys.has('q', '02')).toBe(false);
});

it('keeps the last four thousand that were asked for', () => {
	const { keys, derived } = counting();
	const salt = (number: number) => number.toString(16).padStart(8, '0');
	for (let number = 0; number < 4096; number++) keys.of('p', salt(number));
	keys.of('p', salt(0));
	keys.of('p', salt(4096));
	expect([0, 1, 2, 4096].map((number) => keys.has('p', salt(number)))).toEqual([true, false, true, true]);
	expect(derived).toHaveLength(4097);
});
