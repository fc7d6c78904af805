import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { withoutNames } from '../../../../engine/postgres/pgdump/roleNames';

const tools = dirname(createRequire(import.meta.url).resolve('@electric-sql/pglite-tools'));
const QUERY = 'SELECT oid, rolname FROM pg_catalog.pg_roles ORDER BY 1';

describe('withoutNames', () => {
	it('changes the query of the very pg_dump that we carry, and no other', () => {
		expect(readFileSync(join(tools, 'pg_dump.wasm')).toString('latin1')).toContain(`\0${QUERY}\0`);
		expect(withoutNames(QUERY, [16385, 4294967295])).toContain(`ANY ('{16385,4294967295}'::pg_catalog.oid[])`);
		expect(withoutNames(`${QUERY} `, [16385])).toBe(`${QUERY} `);
		expect(withoutNames(QUERY, [])).toBe(QUERY);
	});
});
