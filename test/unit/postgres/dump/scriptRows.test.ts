import { describe, expect, it } from 'vitest';

import { tablesInScript } from '../../../../engine/postgres/dump/scriptRows';

describe('tablesInScript', () => {
	it('counts the rows of tables without columns, and takes nothing else for one', () => {
		const row = 'INSERT INTO app."no; columns" DEFAULT VALUES;';
		const text = [
			'-- INSERT INTO a.b DEFAULT VALUES;',
			row,
			`CREATE FUNCTION a.f() RETURNS void LANGUAGE sql AS $$\nINSERT INTO a.c DEFAULT VALUES;\n$$;`,
			"COMMENT ON TABLE a.b IS '\nINSERT INTO a.d DEFAULT VALUES;\n';",
			row,
		].join('\n\n');
		expect(tablesInScript([{ type: 'script', text }, { type: 'rows' }, { type: 'script', text: row }])).toEqual([
			{ schema: 'app', name: 'no; columns', rows: 3, bytes: 3 * row.length },
		]);
	});
});
