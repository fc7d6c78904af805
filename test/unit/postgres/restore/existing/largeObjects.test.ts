import type { Client } from 'pg';
import { describe, expect, it } from 'vitest';

import { overLargeObjects } from '../../../../../engine/postgres/restore/existing/largeObjects';
import type { RestoreStep } from '../../../../../engine/postgres/restore/source/source';

/** Stands in for a database that has the large object 1: what is under test are the steps, not the answer. */
const withObject1 = {
	query: (sql: string) => Promise.resolve({ rowCount: sql.includes("oid = '1'") ? 1 : 0 }),
} as unknown as Client;

const statement = (text: string): RestoreStep => ({ type: 'statement', text, comment: '' });

async function stepsOf(steps: RestoreStep[], replace: boolean): Promise<string[]> {
	async function* source() {
		for (const step of steps) yield await Promise.resolve(step);
	}
	const out: string[] = [];
	for await (const step of overLargeObjects(withObject1, source(), replace))
		out.push(step.type === 'batch' ? step.sql : step.type === 'statement' ? step.text : step.type);
	return out;
}

/** As pg_dump's plain scripts write them. */
const PLAIN = ['1', '22'].flatMap((id) => [
	`SELECT pg_catalog.lo_open('${id}', 131072)`,
	`SELECT pg_catalog.lowrite(0, '\\xaa')`,
	'SELECT pg_catalog.lo_close(0)',
]);

describe('steps over large objects that exist', () => {
	it('leave those and their contents alone where definitions are restored', async () => {
		const creations = [`SELECT pg_catalog.lo_create('1')`, `SELECT pg_catalog.lo_create('22')`];
		const put = (id: number) => `SELECT pg_catalog.lo_put(${id}, 0, pg_catalog.decode('aa', 'hex'));`;
		const rights = (id: number) => [
			`ALTER LARGE OBJECT ${id} OWNER TO x`,
			`GRANT SELECT ON LARGE OBJECT ${id} TO x`,
			`COMMENT ON LARGE OBJECT ${id} IS 'ON LARGE OBJECT 1'`,
		];
		const steps = [...creations, ...rights(1), ...rights(22), ...PLAIN].map(statement);
		const batches: RestoreStep[] = [
			{ type: 'batch', sql: `${put(1)}\n${put(22)}\n${put(1)}\n` },
			{ type: 'batch', sql: `${put(1)}\n` },
		];
		expect(await stepsOf([...steps, ...batches], false)).toEqual([
			...creations,
			...rights(22),
			...PLAIN.slice(3),
			put(22),
		]);
	});

	it('empty them where contents alone are restored', async () => {
		const [first = '', ...rest] = await stepsOf([`SELECT pg_catalog.lo_create('1')`, ...PLAIN].map(statement), true);
		expect(first).toMatch(/^SELECT CASE WHEN EXISTS .*lo_truncate64.*lo_close.*\sELSE pg_catalog\.lo_create\('1'\)/s);
		expect(rest).toEqual(PLAIN);
	});

	it('pass everything else on', async () => {
		const text = `COMMENT ON TABLE t IS 'SELECT pg_catalog.lo_create(''1'')'`;
		expect(await stepsOf([statement(text), { type: 'warning', text: 'w' }], true)).toEqual([text, 'warning']);
	});
});
