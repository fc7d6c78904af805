import { describe, expect, it } from 'vitest';

import { readStatement, splitGlobals } from '../../../../engine/postgres/globals/statement';

describe('a globals script', () => {
	it('is split at semicolons outside quotes, without comments and psql commands', () => {
		const script = [
			'--\n-- Roles; all\n--\n\n\\restrict abc;def\n',
			`CREATE ROLE "a;b -- ""c""";\nCOMMENT ON ROLE x IS 'one; -- two\n\\restrict three''s';\n`,
			`COMMENT ON ROLE x IS E'back\\\\ \\' ; quote';;\nCREATE ROLE e -- why\n;\n\\unrestrict abc\nCREATE ROLE last`,
		].join('');
		expect(splitGlobals(script)).toEqual([
			'CREATE ROLE "a;b -- ""c""";',
			`COMMENT ON ROLE x IS 'one; -- two\n\\restrict three''s';`,
			`COMMENT ON ROLE x IS E'back\\\\ \\' ; quote';`,
			'CREATE ROLE e \n;',
			'CREATE ROLE last',
		]);
	});

	it.each([
		['CREATE ROLE app;', { type: 'create', kind: 'role', name: 'app' }],
		['CREATE ROLE "A ""b""";', { type: 'create', kind: 'role', name: 'A "b"' }],
		[`CREATE TABLESPACE t OWNER o LOCATION '/x';`, { type: 'create', kind: 'tablespace', name: 't' }],
		['ALTER ROLE app WITH NOSUPERUSER;', { type: 'change', kind: 'role', name: 'app', what: 'attributes' }],
		[`ALTER ROLE "x" SET "search_path" TO 'a';`, { type: 'change', name: 'x', what: 'settings' }],
		['ALTER TABLESPACE t SET (a=1);', { type: 'change', kind: 'tablespace', name: 't' }],
		[`SECURITY LABEL FOR "p" ON ROLE "x" IS 'l';`, { type: 'change', kind: 'role', name: 'x', what: 'security label' }],
		['GRANT ALL ON TABLESPACE "t" TO PUBLIC;', { type: 'change', kind: 'tablespace', name: 't', what: 'privileges' }],
		['GRANT SET,ALTER SYSTEM ON PARAMETER "work_mem" TO "a";', { type: 'parameter' }],
		['GRANT a TO "b c" WITH ADMIN OPTION;', { type: 'membership', role: 'a', member: 'b c', grantor: undefined }],
		['GRANT a TO b WITH INHERIT TRUE, SET FALSE GRANTED BY "g";', { type: 'membership', member: 'b', grantor: 'g' }],
		['GRANT "all on" TO b GRANTED BY g;', { type: 'membership', role: 'all on', grantor: 'g' }],
		['SET SESSION AUTHORIZATION "x";', { type: 'session' }],
		[`SET client_encoding = 'UTF8';`, { type: 'ignored' }],
		['ALTER ROLE a IN DATABASE d SET work_mem TO 1;', { type: 'unknown' }],
		['DROP ROLE a;', { type: 'unknown' }],
		['GRANT ALL ON DATABASE d TO a;', { type: 'unknown' }],
		['SET ROLE a;', { type: 'unknown' }],
	])('is understood: %s', (sql, meaning) => {
		expect(readStatement(sql)).toMatchObject(meaning);
	});
});
