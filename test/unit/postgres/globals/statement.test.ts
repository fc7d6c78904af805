import { describe, expect, it } from 'vitest';

import { globalStatements } from '../../../../engine/postgres/globals/read';
import { readStatement } from '../../../../engine/postgres/globals/statement';

async function statementsOf(script: string | AsyncIterable<Uint8Array>): Promise<string[]> {
	const found: string[] = [];
	for await (const { sql } of globalStatements(script)) found.push(sql);
	return found;
}

describe('a globals script', () => {
	it('is split at semicolons outside quotes, without comments before them and psql commands', async () => {
		const script = [
			'--\n-- Roles; all\n--\n\n\\restrict abc;def\n',
			`CREATE ROLE "a;b -- ""c""";\nCOMMENT ON ROLE x IS 'one; -- two\n\\restrict three''s';\n`,
			`COMMENT ON ROLE x IS E'back\\\\ \\' ; quote';;\nCREATE ROLE e -- why\n;\n\\unrestrict abc\nCREATE ROLE last;`,
		].join('');
		expect(await statementsOf(script)).toEqual([
			'CREATE ROLE "a;b -- ""c"""',
			`COMMENT ON ROLE x IS 'one; -- two\n\\restrict three''s'`,
			`COMMENT ON ROLE x IS E'back\\\\ \\' ; quote'`,
			'CREATE ROLE e -- why\n',
			'CREATE ROLE last',
		]);
	});

	it('reads strings as the server does, whatever stands before them and is set', async () => {
		const string = `'nope\\'; DROP TABLE t; --';\n`;
		expect(await statementsOf(`ALTER ROLE a SET ROLE${string}`)).toEqual([
			`ALTER ROLE a SET ROLE'nope\\'`,
			'DROP TABLE t',
		]);
		for (const off of ['SET standard_conforming_strings = off', 'SET/**/"standard_conforming_strings" TO -- x\n off'])
			expect(await statementsOf(`${off};ALTER ROLE a SET ROLE ${string}`)).toHaveLength(2);
	});

	it('may be of any size, and no statement of it', async () => {
		async function* endless() {
			yield Buffer.from(`CREATE ROLE a; COMMENT ON ROLE a IS '`);
			for (;;) yield await Promise.resolve(Buffer.alloc(1024 * 1024, 'x'));
		}
		await expect(statementsOf(endless())).rejects.toMatchObject({ code: 'INVALID_INPUT' });
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
		['ALTER ROLE admin/**/ WITH NOLOGIN', { type: 'change', name: 'admin', what: 'attributes' }],
		['ALTER/* x */ROLE "admin"-- y\rWITH NOLOGIN', { type: 'change', name: 'admin', what: 'attributes' }],
		['ALTER ROLE CURRENT_USER WITH NOLOGIN', { type: 'unknown' }],
		['ALTER ROLE session_user WITH NOLOGIN', { type: 'unknown' }],
		['ALTER ROLE Current_Role SET work_mem TO 1', { type: 'unknown' }],
		['ALTER ROLE "current_user" WITH NOLOGIN', { type: 'change', name: 'current_user' }],
		['ALTER ROLE ALL SET statement_timeout TO 1', { type: 'unknown' }],
		['ALTER ROLE "all" SET statement_timeout TO 1', { type: 'change', name: 'all' }],
		['ALTER ROLE U&"\\0061dmin" WITH NOLOGIN', { type: 'unknown' }],
		['ALTER ROLE ADMÏN WITH NOLOGIN', { type: 'unknown' }],
		[`ALTER ROLE ${'a'.repeat(64)} WITH NOLOGIN`, { type: 'unknown' }],
		[`ALTER ROLE "${'é'.repeat(32)}" WITH NOLOGIN`, { type: 'unknown' }],
		['CREATE ROLE b ROLE admin', { type: 'unknown' }],
		['CREATE ROLE b IN ROLE admin', { type: 'unknown' }],
		['CREATE ROLE a; DROP ROLE b;', { type: 'unknown' }],
		['GRANT a TO CURRENT_USER', { type: 'unknown' }],
		['GRANT a TO b, admin', { type: 'unknown' }],
		['GRANT a TO b GRANTED BY CURRENT_USER', { type: 'unknown' }],
		['GRANT SET ON PARAMETER my.custom TO PUBLIC', { type: 'parameter' }],
		['RESET SESSION AUTHORIZATION', { type: 'session' }],
		['COMMENT ON ROLE CURRENT_USER IS NULL', { type: 'unknown' }],
	])('is understood: %s', (sql, meaning) => {
		expect(readStatement(sql)).toMatchObject(meaning);
	});
});
