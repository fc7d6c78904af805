import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lexScript } from '../../../../engine/postgres/script';
import { cut, readScript, statementsOf } from './read';

describe('splitting a script into statements', () => {
	it.each<[string, string, string[]]>([
		['a plain script', 'SELECT 1;\nSELECT 2;\n', ['SELECT 1', 'SELECT 2']],
		['several on a line', 'SELECT 1;SELECT 2;', ['SELECT 1', 'SELECT 2']],
		['empty statements', ';;  ; SELECT 1;;', ['SELECT 1']],
		['a semicolon in a string', "SELECT ';', 'it''s;';SELECT 2;", ["SELECT ';', 'it''s;'", 'SELECT 2']],
		['a backslash in a plain string', "SELECT '\\';SELECT 2;", ["SELECT '\\'", 'SELECT 2']],
		['an escape string', "SELECT E'\\';', e'\\\\';SELECT 2;", ["SELECT E'\\';', e'\\\\'", 'SELECT 2']],
		['doubled quotes in an escape string', "SELECT E'a'';\\';';SELECT 2;", ["SELECT E'a'';\\';'", 'SELECT 2']],
		[
			'an escape string that goes on in the next line',
			"SELECT E'a' -- ;'\n -- '\n 'b\\';';SELECT 2;",
			["SELECT E'a' -- ;'\n -- '\n 'b\\';'", 'SELECT 2'],
		],
		['an escape string before another one', "SELECT E'a' 'b\\';SELECT 2;", ["SELECT E'a' 'b\\'", 'SELECT 2']],
		['a name that ends in e before a string', "SELECT type'\\';SELECT 2;", ["SELECT type'\\'", 'SELECT 2']],
		['an operator between', "SELECT E'a'-1, '\\';SELECT 2;", ["SELECT E'a'-1, '\\'", 'SELECT 2']],
		['a quoted name', 'SELECT ";""\'" FROM t;SELECT 2;', ['SELECT ";""\'" FROM t', 'SELECT 2']],
		['Unicode escapes', 'SELECT U&\'\\0041;\', u&";" ;SELECT 2;', ['SELECT U&\'\\0041;\', u&";" ', 'SELECT 2']],
		['dollar quotes', 'DO $$ ; $a$ ; $$;SELECT 2;', ['DO $$ ; $a$ ; $$', 'SELECT 2']],
		['tagged dollar quotes', "DO $a$ '; $$ $b$ $A$ $a $a$;SELECT 2;", ["DO $a$ '; $$ $b$ $A$ $a $a$", 'SELECT 2']],
		['overlapping dollar quotes', 'DO $a$ $a1$a$;SELECT 2;', ['DO $a$ $a1$a$', 'SELECT 2']],
		['a dollar in a name', 'SELECT a$$; SELECT b$x$;', ['SELECT a$$', 'SELECT b$x$']],
		['a parameter', 'SELECT $1;SELECT $2$$;$$;', ['SELECT $1', 'SELECT $2$$;$$']],
		['a tag that begins with a digit', 'SELECT $1$;SELECT 2;', ['SELECT $1$', 'SELECT 2']],
		['a tag that is not ASCII', 'DO $é$;$é$;SELECT 2;', ['DO $é$;$é$', 'SELECT 2']],
		['line comments', "SELECT 1 -- it's; \n ;SELECT 2;", ["SELECT 1 -- it's; \n ", 'SELECT 2']],
		['a line comment that a carriage return ends', 'SELECT 1 -- ;\r;SELECT 2;', ['SELECT 1 -- ;\r', 'SELECT 2']],
		['nested comments', "SELECT /* ; /* ' */ ; */ 1;SELECT 2;", ["SELECT /* ; /* ' */ ; */ 1", 'SELECT 2']],
		['comment ends in a row', 'SELECT 1 /*/*/***/ ; **/*/;SELECT 2;', ['SELECT 1 /*/*/***/ ; **/*/', 'SELECT 2']],
		['a comment after an operator', "SELECT 1 +--'\n2 -/*'*/3;", ["SELECT 1 +--'\n2 -/*'*/3"]],
		[
			'operators that are no comments',
			'SELECT 1 - -1, a->b, 4 / 2 * 3;SELECT 2;',
			['SELECT 1 - -1, a->b, 4 / 2 * 3', 'SELECT 2'],
		],
		[
			'a rule with two commands',
			'CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b);SELECT 2;',
			['CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b)', 'SELECT 2'],
		],
		['a superfluous parenthesis', 'SELECT 1);SELECT 2;', ['SELECT 1)', 'SELECT 2']],
		[
			'a routine with an SQL body',
			'CREATE OR REPLACE FUNCTION f(a int) RETURNS int BEGIN ATOMIC SELECT CASE WHEN a>1 THEN 2 END; SELECT 1; END;SELECT 2;',
			[
				'CREATE OR REPLACE FUNCTION f(a int) RETURNS int BEGIN ATOMIC SELECT CASE WHEN a>1 THEN 2 END; SELECT 1; END',
				'SELECT 2',
			],
		],
		[
			'a procedure with an SQL body',
			'create procedure p() begin /* x */ atomic insert into t values ((case when true then 1 end)); end;SELECT 2;',
			['create procedure p() begin /* x */ atomic insert into t values ((case when true then 1 end)); end', 'SELECT 2'],
		],
		[
			'a function called begin',
			'CREATE FUNCTION begin() RETURNS int LANGUAGE sql AS $$;$$;SELECT 2;',
			['CREATE FUNCTION begin() RETURNS int LANGUAGE sql AS $$;$$', 'SELECT 2'],
		],
		[
			'keywords that are names in an SQL body',
			'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT t.end AS case FROM t; SELECT begin(), "end"; END;SELECT 2;',
			[
				'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT t.end AS case FROM t; SELECT begin(), "end"; END',
				'SELECT 2',
			],
		],
		['a transaction', 'BEGIN; SELECT 1; END; COMMIT;', ['BEGIN', 'SELECT 1', 'END', 'COMMIT']],
		['comments around', '-- a\n/* b */ SELECT 1; -- c\nSELECT 2; /* d */ -- e', ['SELECT 1', 'SELECT 2']],
		['a byte order mark', '\ufeffSELECT 1;', ['SELECT 1']],
		[
			'strings with backslashes while standard_conforming_strings is off',
			"SET standard_conforming_strings = off;SELECT 'a\\';';SET standard_conforming_strings TO 'on';SELECT '\\';",
			[
				'SET standard_conforming_strings = off',
				"SELECT 'a\\';'",
				"SET standard_conforming_strings TO 'on'",
				"SELECT '\\'",
			],
		],
	])('handles %s', async (_, script, expected) => {
		expect(await statementsOf(script)).toEqual(expected);
		expect(await statementsOf(script, [1])).toEqual(expected);
	});

	it('counts lines in statements, comments and rows', async () => {
		const script = '-- one\n\nSELECT\n 1;\nCOPY t FROM stdin;\na\nb\n\\.\n\n\\connect x\nSELECT 2;\n';
		const lines = (await readScript(script, [3])).map((item) => [item.type, item.line]);
		expect(lines).toEqual([
			['statement', 3],
			['copy', 5],
			['meta', 10],
			['statement', 11],
		]);
	});

	it('keeps the comment before a statement apart from it', async () => {
		for await (const item of lexScript(
			cut(Buffer.from('--\n-- Name: t; Type: TABLE;\n--\n\nCREATE TABLE t();'), [5]),
		)) {
			expect(item).toMatchObject({ text: 'CREATE TABLE t()', comment: '--\n-- Name: t; Type: TABLE;\n--' });
		}
	});

	it('is not deceived by a comment that pretends to be data', async () => {
		const forged = "COMMENT ON TABLE t IS '\n-- Data for Name: t; Type: TABLE DATA;\nCOPY t FROM stdin;\n\\.\n'";
		expect(await statementsOf(`${forged};SELECT 2;`)).toEqual([forged, 'SELECT 2']);
	});
});

describe('the rows of a COPY', () => {
	const rowsOf = async (script: string, sizes?: number[]) =>
		(await readScript(script, sizes)).map((item) => [item.text, item.rows, item.lines]);

	it.each<[string, string, string]>([
		['rows', 'COPY t (a, "from") FROM stdin;\n1\ta;b\n2\t\\\\.\n\\.\n', '1\ta;b\n2\t\\\\.\n'],
		['no rows', 'COPY t FROM STDIN;\n\\.\n', ''],
		['rows that look like the end', 'COPY t FROM stdin;\n\\.x\n \\.\n\\. \n\\.\n', '\\.x\n \\.\n\\. \n'],
		['DOS line ends', 'COPY t FROM stdin;\r\na\r\n\\.\r\n', 'a\r\n'],
		['an end without a newline', 'COPY t FROM stdin;\na\n\\.', 'a\n'],
		['CSV with newlines and quotes', 'COPY t FROM stdin WITH (FORMAT csv);\n"a\nb"";",1\n\\.\n', '"a\nb"";",1\n'],
		['a comment after the statement', 'COPY t FROM stdin; -- go\na\n\\.\n', 'a\n'],
		['unquoted names that are keywords', 'COPY a.from FROM stdin;\na\n\\.\n', 'a\n'],
		['rows without a last newline', 'COPY t FROM stdin;\na\\.\n\\.\n', 'a\\.\n'],
	])('are %s', async (_, script, rows) => {
		for (const sizes of [[], [1], [2], [3, 1]]) {
			const found = await rowsOf(`${script}`, sizes);
			expect(found.map((item) => item[1])).toEqual([rows]);
		}
	});

	it('are followed by the next statement', async () => {
		expect(await rowsOf('COPY t FROM stdin;\na\n\\.\nSELECT 1;', [1])).toEqual([
			['COPY t FROM stdin', 'a\n', 1],
			['SELECT 1', undefined, undefined],
		]);
	});

	it('are not awaited for other COPYs', async () => {
		const script =
			"COPY t FROM 'stdin';COPY t TO stdout;COPY (SELECT a FROM stdin) TO '/x';COPY t FROM \"stdin\";SELECT a FROM stdin;";
		expect((await readScript(script)).every((item) => item.type === 'statement')).toBe(true);
	});

	it('are skipped when nobody reads them, or not to their end', async () => {
		const script = 'COPY a FROM stdin;\n1\n2\n3\n\\.\nCOPY b FROM stdin;\n4\n5\n6\n\\.\nSELECT 1;';
		const seen: string[] = [];
		for await (const item of lexScript(cut(Buffer.from(script), [3]))) {
			if (item.type === 'copy') {
				seen.push(item.statement);
				if (item.statement.includes('b')) for await (const chunk of item.rows) if (chunk.length > 0) break;
			} else if (item.type === 'statement') seen.push(item.text);
		}
		expect(seen).toEqual(['COPY a FROM stdin', 'COPY b FROM stdin', 'SELECT 1']);
	});

	it('pass on as views of the chunks they came in', async () => {
		const chunk = Buffer.from('row\n'.repeat(1000));
		async function* source() {
			yield Buffer.from('COPY t FROM stdin;\n');
			for (let turn = 0; turn < 5; turn++) yield chunk;
			yield Buffer.from('\\.\n');
		}
		for await (const item of lexScript(source())) {
			if (item.type !== 'copy') continue;
			for await (const rows of item.rows) expect(rows.buffer).toBe(chunk.buffer);
			expect(item.counts()).toEqual({ lines: 5000, bytes: 20000 });
		}
	});
});

describe('backslash commands', () => {
	it('come with their arguments', async () => {
		const script =
			"\\restrict aB1\nSELECT 1;\n\\connect -reuse-previous=on \"dbname='it''s'\"\n\\set x 'a\\'b' c\r\n\\unrestrict aB1";
		expect((await readScript(script, [2])).map((item) => item.text)).toEqual([
			'["restrict","aB1"]',
			'SELECT 1',
			`["connect","-reuse-previous=on","dbname='it''s'"]`,
			'["set","x","a\'b","c"]',
			'["unrestrict","aB1"]',
		]);
	});

	it('are refused in the middle of a statement', async () => {
		await expect(readScript('SELECT 1;\nSELECT 2 \\gset\n')).rejects.toMatchObject({
			code: 'INVALID_INPUT',
			message: expect.stringContaining('line 2'),
		});
	});
});

describe('encodings', () => {
	it('come out as text, and COPY says which its rows have', async () => {
		const script = Buffer.from(
			"SET client_encoding = 'LATIN1';\nCREATE TABLE caf\xe9();\nCOPY caf\xe9 FROM stdin;\n\xe9\n\\.\n",
			'latin1',
		);
		const items = await readScript(script);
		expect(items.map((item) => item.text)).toEqual([
			"SET client_encoding = 'UTF8'",
			'CREATE TABLE café()',
			"COPY café FROM stdin WITH (ENCODING 'LATIN1')",
		]);
		expect(items[2]!.rows).toBe('\xe9\n');
	});

	it('are refused when their characters can look like ASCII', async () => {
		await expect(readScript("SET client_encoding = 'SJIS';")).rejects.toMatchObject({
			code: 'INVALID_INPUT',
			hint: expect.stringContaining('--encoding=UTF8'),
		});
	});

	it('are checked', async () => {
		await expect(readScript(Buffer.from("SELECT '\xe9';", 'latin1'))).rejects.toMatchObject({
			code: 'ARCHIVE_CORRUPT',
			message: expect.stringContaining('line 1'),
		});
	});
});

describe('a script that ends too early', () => {
	it.each<[string, string, string]>([
		['a string', "SELECT 1;\n\nSELECT 'abc;\n", 'string'],
		['an escape string', "SELECT 1;\n\nSELECT E'abc\\'", 'string'],
		['a name', 'SELECT 1;\n\nSELECT "abc;\n', 'quoted name'],
		['a dollar quote', 'SELECT 1;\n\nDO $x$ begin; end $', '$x$ quote'],
		['a comment', 'SELECT 1;\n\n/* abc', 'comment'],
		['a parenthesis', 'SELECT 1;\n\nCREATE TABLE t (a int;', 'parenthesis'],
		['a body', 'SELECT 1;\n\nCREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1;', 'BEGIN ATOMIC'],
		['a statement', 'SELECT 1;\n\nALTER TABLE t OWNER TO jo', 'semicolon'],
		['a tag', 'SELECT 1;\n\nDO $x', 'semicolon'],
		['the rows of a COPY', 'SELECT 1;\n\nCOPY t FROM stdin;\n1\n2', 'rows'],
		['the rows of a COPY, after a whole row', 'SELECT 1;\n\nCOPY t FROM stdin;\n1\n', 'rows'],
		['the end of a COPY', 'SELECT 1;\n\nCOPY t FROM stdin;\n1\n\\', 'rows'],
		['a COPY without its rows', 'SELECT 1;\n\nCOPY t FROM stdin;', 'rows'],
	])('is incomplete inside of %s', async (_, script, what) => {
		for (const sizes of [[], [1]]) {
			await expect(readScript(script, sizes)).rejects.toMatchObject({
				code: 'ARCHIVE_INCOMPLETE',
				message: expect.stringMatching(new RegExp(`${what.replace(/\$/g, '\\$')}.*line 3`)),
			});
		}
	});

	it('names the object by the comment before it', async () => {
		await expect(readScript('-- Name: t; Type: TABLE; Schema: public\nCREATE TABLE t (')).rejects.toThrow('(table t)');
	});
});

describe('limits', () => {
	it('refuses a statement that never ends', async () => {
		const script = `SELECT 1;\nSELECT '${'x'.repeat(3000)}';`;
		await expect(readScript(script, [100], { maxStatementBytes: 1000 })).rejects.toMatchObject({
			code: 'INVALID_INPUT',
			message: expect.stringContaining('line 2'),
		});
		await expect(readScript(script, [], { maxStatementBytes: 1000 })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
	});

	it('does not count comments between statements', async () => {
		const script = `-- ${'x'.repeat(200_000)}\n/* ${'y'.repeat(200_000)} */ SELECT 1;`;
		const items = await readScript(script, [1000], { maxStatementBytes: 100 });
		expect(items).toEqual([{ type: 'statement', text: 'SELECT 1', line: 2 }]);
	});

	it('stops when cancelled and closes its source', async () => {
		const controller = new AbortController();
		let closed = false;
		async function* source() {
			try {
				for (;;) yield Buffer.from('SELECT 1;\n');
			} finally {
				closed = true;
			}
		}
		const run = async () => {
			for await (const item of lexScript(source(), { signal: controller.signal })) {
				if (item.line > 10) controller.abort();
			}
		};
		await expect(run()).rejects.toMatchObject({ code: 'CANCELLED' });
		expect(closed).toBe(true);
	});
});

describe('any chunking', () => {
	const piece = fc.oneof(
		fc.constantFrom(
			"'",
			'"',
			'$$',
			'$a$',
			'$',
			';',
			'--',
			'/*',
			'*/',
			'\n',
			'\r',
			' ',
			'\\\\',
			"E'",
			"U&'",
			'e',
			'u&',
			'(',
			')',
			'-',
			'/',
			'*',
			'.',
			'1',
			'é',
			'create function f ',
			'begin atomic ',
			'case ',
			'end ',
			'COPY t FROM stdin;\n',
			'\\.\n',
			'\\.\r\n',
			"''",
			'set standard_conforming_strings = off;',
			'set standard_conforming_strings = on;',
		),
		fc.string({ maxLength: 5 }).map((text) => text.replace(/\\/g, '')),
	);
	const script = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''));
	const outcome = async (text: string, sizes: number[]) => {
		try {
			return { items: await readScript(text, sizes) };
		} catch (error) {
			return { error: String(error) };
		}
	};

	it('gives the same items, or the same error', async () => {
		await fc.assert(
			fc.asyncProperty(
				script,
				fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
				async (text, sizes) => {
					expect(await outcome(text, sizes)).toEqual(await outcome(text, []));
				},
			),
			{ numRuns: 700 },
		);
	});
});

describe('comments between statements', () => {
	const SCRIPT = `-- one\n--two\r\n/* -- in a block */ SELECT 1 -- within\n, E'x'\n-- still\n;-- three ${'x'.repeat(100)}\nDO $$\n-- body\n$$;\nCOPY t (a) FROM stdin;\n-- row\n\\.\n\\restrict x\n-- last`;

	it('are told in their order, however the script is cut', async () => {
		for (let size = 1; size <= 40; size++) {
			const told: string[] = [];
			const chunks = cut(Buffer.from(SCRIPT), [size]);
			for await (const item of lexScript(chunks, { onComment: (text) => told.push(text) })) void item;
			expect(told).toEqual([' one', 'two', ` three ${'x'.repeat(57)}`, ' last']);
		}
	});
});
