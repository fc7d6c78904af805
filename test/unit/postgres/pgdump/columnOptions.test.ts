import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { withoutServersOptions } from '../../../../engine/postgres/pgdump/columnOptions';

const tools = dirname(createRequire(import.meta.url).resolve('@electric-sql/pglite-tools'));

/** pg_dump puts the query together from texts that stand in its program. */
function columnQuery(): string {
	const program = readFileSync(join(tools, 'pg_dump.wasm')).toString('latin1');
	const begin = program.indexOf('SELECT\na.attrelid,\na.attnum,\n');
	return program.slice(begin, program.indexOf('\0', begin));
}

describe('withoutServersOptions', () => {
	it('finds the query for columns in the very pg_dump that we carry', () => {
		const query = columnQuery();
		expect(query).toContain("array_to_string(a.attoptions, ', ') AS attoptions,");
		const changed = withoutServersOptions(query);
		expect(changed).not.toContain('array_to_string(a.attoptions');
		expect(changed).toContain("<>) 'pg_'), ', ') AS attoptions,\n");
		expect(changed.startsWith(query.slice(0, query.indexOf('array_to_string')))).toBe(true);
	});

	it('leaves queries as they are in which somebody else could have put the same words', () => {
		const words = "array_to_string(a.attoptions, ', ') AS attoptions,\n";
		for (const query of [
			`SELECT c.oid FROM pg_catalog.pg_class c WHERE c.relname OPERATOR(pg_catalog.~) '^(SELECT\na.attrelid,\na.attnum,\n${words})$'`,
			`SELECT\na.attrelid,\na.attnum,\n'x' AS x,\n${words}`,
			`SELECT\na.attrelid,\na.attnum,\n"x",\n${words}`,
			`LOCK TABLE public."SELECT\na.attrelid,\na.attnum,\n${words}" IN ACCESS SHARE MODE`,
		])
			expect(withoutServersOptions(query)).toBe(query);
	});
});
