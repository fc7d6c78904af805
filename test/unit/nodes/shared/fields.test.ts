import type { IExecuteFunctions } from 'n8n-workflow';
import { describe, expect, it } from 'vitest';

import { collectionOf, decimalIn, numberIn, selectedIn, textOf, yesNoIn } from '../../../../nodes/shared/fields';

const refusal = (message: string) =>
	expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringContaining(message) as string }) as Error;

describe('a number', () => {
	const parallel = (fields: Record<string, unknown>) =>
		numberIn(fields, 'parallel', 2, 'Parallel Connections', { min: 1, max: 32 });

	it('is the usual one where it was not added, and may be written as a text', () => {
		expect([{}, { parallel: 3 }, { parallel: ' 4 ' }].map(parallel)).toEqual([2, 3, 4]);
	});

	it.each([0, -2, 33, 1.5, Number.NaN, '', 'two', '1e1', null, undefined, [3], true])('is not %j', (value) => {
		expect(() => parallel({ parallel: value })).toThrow(refusal('Parallel Connections is '));
	});
});

describe('a number with decimals', () => {
	const range = { min: 0.5, max: 24 };
	const hours = (fields: Record<string, unknown>) => decimalIn(fields, 'rpoHours', 24, 'RPO (Hours)', range);

	it('is the usual one where it was not added, and may be written as a text', () => {
		expect([{}, { rpoHours: 0.5 }, { rpoHours: ' 2.25 ' }].map(hours)).toEqual([24, 0.5, 2.25]);
	});

	it.each([0, 0.4, 24.1, Number.NaN, '', ' ', 'two', null, undefined, [3], true])('is not %j', (value) => {
		expect(() => hours({ rpoHours: value })).toThrow(refusal('RPO (Hours) is '));
	});

	it('may be 0 where that stands for something', () => {
		const limited = { ...range, zero: 'no limit' };
		expect(decimalIn({ rpoHours: '0' }, 'rpoHours', 24, 'RPO (Hours)', limited)).toBe(0);
		expect(() => decimalIn({ rpoHours: 0.1 }, 'rpoHours', 24, 'RPO (Hours)', limited)).toThrow(
			expect.objectContaining({ hint: 'Give a number from 0.5 to 24, or 0 for no limit.' }) as Error,
		);
	});
});

describe('a selection', () => {
	it('is none where it was not added, and what is chosen or written otherwise', () => {
		expect(selectedIn({}, 'tables', 'Tables')).toEqual([]);
		expect(selectedIn({ tables: ['a', 'b, c'] }, 'tables', 'Tables')).toEqual(['a', 'b, c']);
		expect(selectedIn({ tables: 'a, "b, c"' }, 'tables', 'Tables')).toEqual(['a', '"b, c"']);
	});

	it.each([undefined, null, '', ' , ', [], [''], ['', ' ']])(
		'that was added and holds nothing is refused: %j',
		(value) => {
			expect(() => selectedIn({ tables: value }, 'tables', 'Tables')).toThrow(refusal('Tables is empty'));
		},
	);

	it.each([5, {}, true, [5], ['a', undefined], [['a']]])('that is neither text nor texts is refused: %j', (value) => {
		expect(() => selectedIn({ tables: value }, 'tables', 'Tables')).toThrow(refusal('Tables is '));
	});
});

describe('a text', () => {
	it('may be a number to an expression', () => {
		expect(['shop', 2024, undefined, null].map((value) => textOf(value, 'Database Name'))).toEqual([
			'shop',
			'2024',
			'',
			'',
		]);
	});

	it.each([{}, ['shop'], true, Number.NaN])('is not %j', (value) => {
		expect(() => textOf(value, 'Database Name')).toThrow(refusal('Database Name is '));
	});
});

it('a choice is yes or no, or either as a text', () => {
	const chosen = (fields: Record<string, unknown>) => yesNoIn(fields, 'owner', true, 'Include Owners');
	expect([{}, { owner: false }, { owner: 'false' }, { owner: 'true' }].map(chosen)).toEqual([true, false, false, true]);
	for (const owner of [undefined, null, '', 0, 'no']) {
		expect(() => chosen({ owner })).toThrow(refusal('Include Owners is '));
	}
});

it.each([null, 5, '', ['a']])('a collection that an expression made %j is refused', (value) => {
	const context = { getNodeParameter: () => value } as unknown as IExecuteFunctions;
	expect(() => collectionOf(context, 'selection', 0, 'Selection')).toThrow(refusal('Selection is '));
});
