import { expect, it } from 'vitest';

import { checkAllCopied, type CopyTask } from '../../../../engine/postgres/dump/plan';

const tables = ['users', 'orders'].map((name) => ({ schema: 'public', name, rows: 0, bytes: 0 }));

const task = (table: number, copied: boolean): CopyTask => {
	return { table, copied, sql: Buffer.alloc(0), header: '', lock: undefined, weight: 0 };
};

it('lets a backup come into being whose plan was carried out', () => {
	expect(() => checkAllCopied([], tables)).not.toThrow();
	expect(() => checkAllCopied([task(1, true), task(0, true)], tables)).not.toThrow();
});

it('fails a backup of which any step of any table was left out', () => {
	expect(() => checkAllCopied([task(0, true), task(1, true), task(1, false)], tables)).toThrow(
		expect.objectContaining({
			code: 'SOURCE_FAILED',
			message: 'The rows of public.orders were not read (1 of 3 steps left undone).',
		}) as Error,
	);
});
