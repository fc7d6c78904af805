import { describe, expect, it } from 'vitest';

import { adaptScript } from '../../../../engine/postgres/dump/compatibility';

const HEAD = 'SET statement_timeout = 0;\nSET transaction_timeout = 0;\nSET x = 1;\n';

describe('adaptScript', () => {
	it('leaves scripts for 18 as they are', () => {
		const script = `${HEAD}CREATE TABLE public.c (\n    NOT NULL a\n)\nINHERITS (public.p);\n`;
		expect(adaptScript(script, 180_000)).toBe(script);
	});

	it('drops transaction_timeout for servers before 17 only, and only the setting', () => {
		const script = `${HEAD}COMMENT ON TABLE t IS '\nSET transaction_timeout = 0;\n';\n`;
		expect(adaptScript(script, 170_000)).toBe(script);
		expect(adaptScript(script, 160_000)).toBe(script.replace('SET transaction_timeout = 0;\n', ''));
	});

	it('says NOT NULL of an inherited column in a statement of its own', () => {
		const script = `CREATE TABLE "s,(".c (\n    own text DEFAULT ',NOT NULL x'::text,\n    NOT NULL "in, (her""ited",\n    NOT NULL b\n)\nINHERITS ("s,(".p);\n`;
		expect(adaptScript(script, 150_000)).toBe(
			`CREATE TABLE "s,(".c (\n    own text DEFAULT ',NOT NULL x'::text\n)\nINHERITS ("s,(".p);
ALTER TABLE ONLY "s,(".c ALTER COLUMN "in, (her""ited" SET NOT NULL;
ALTER TABLE ONLY "s,(".c ALTER COLUMN b SET NOT NULL;\n`,
		);
	});

	it('keeps a table whose columns are NOT NULL themselves', () => {
		const script =
			"CREATE TABLE public.t (\n    a integer NOT NULL,\n    b text,\n    CONSTRAINT c CHECK ((a > 0) AND (b <> ','))\n);\n";
		expect(adaptScript(script, 150_000)).toBe(script);
	});

	it('leaves options out of subscriptions that the server does not know', () => {
		const script = `CREATE SUBSCRIPTION s CONNECTION 'password='', origin = none' PUBLICATION p WITH (connect = false, slot_name = 's', streaming = parallel, run_as_owner = true, origin = none);\n`;
		expect(adaptScript(script, 130_000)).toBe(
			`CREATE SUBSCRIPTION s CONNECTION 'password='', origin = none' PUBLICATION p WITH (connect = false, slot_name = 's');\n`,
		);
	});
});
