import { describe, expect, it } from 'vitest';

import { cutScript } from '../../../../engine/postgres/dump/sections';

const read = (table: string, columns = ['id']) => ({ table, columns, filter: '' });

function cut(script: string, tables: string[]) {
	return cutScript({
		script,
		reads: tables.map((table) => read(table)),
		marker: (index) => `nonce-${index}`,
		largeObjects: [7],
		warnings: [],
		largeObjectMarker: `'\\xnonce'`,
	});
}

describe('cutScript', () => {
	it('puts a COPY in the place of each marker, and keeps what stands around', () => {
		const sections = cut(
			`SET a = 1;\n\nCREATE TABLE public.t (id int);\n\n--\n-- Data for Name: t\n--\n\nINSERT INTO public.t (id, "a;b") VALUES ('nonce-0', NULL);\n\n
INSERT INTO public.u (id) OVERRIDING SYSTEM VALUE VALUES ('nonce-1');\n\nALTER TABLE public.t ADD PRIMARY KEY (id);\n\n-- complete\n`,
			['public.t', 'public.u'],
		);
		expect(
			sections.map((section) => (section.type === 'rows' ? section.tables.map(({ header }) => header) : section)),
		).toEqual([
			{ type: 'script', text: 'SET a = 1;\n\nCREATE TABLE public.t (id int);\n\n' },
			['COPY public.t (id, "a;b") FROM stdin;\n', 'COPY public.u (id) FROM stdin;\n'],
			{ type: 'script', text: 'ALTER TABLE public.t ADD PRIMARY KEY (id);\n\n-- complete\n\n' },
		]);
	});

	it.each([`"VALUES ('x"`, `" OVERRIDING SYSTEM VALUE "`, `"INSERT INTO "`, `"a""b"`])(
		'takes the column %s for what it is',
		(column) => {
			const sections = cut(`INSERT INTO public.${column} (${column}) VALUES ('nonce-0');\n`, ['public.x']);
			expect(sections[0]).toMatchObject({ tables: [{ header: `COPY public.${column} (${column}) FROM stdin;\n` }] });
		},
	);

	it('cuts large objects out with what encloses them', () => {
		const sections = cut(
			`CREATE TABLE t ();\nBEGIN;\n\nSELECT pg_catalog.lo_open('7', 131072);\nSELECT pg_catalog.lowrite(0, '\\xnonce');\nSELECT pg_catalog.lo_close(0);\n\nCOMMIT;\n\nSELECT 1;\n`,
			[],
		);
		expect(sections).toEqual([
			{ type: 'script', text: 'CREATE TABLE t ();\n\n' },
			{ type: 'largeObjects', ids: [7] },
			{ type: 'script', text: 'SELECT 1;\n\n' },
		]);
	});

	it('refuses a script that lacks a table that was read', () => {
		expect(() => cut('SELECT 1;\n', ['public.t'])).toThrow('1 tables but wrote 0');
	});

	it('refuses a script in which something would go with the rows of a table', () => {
		const script = `CREATE TYPE e AS ENUM ('a);\nINSERT INTO public.t (id) VALUES ('nonce-0');\n`;
		expect(() => cut(script, ['public.t'])).toThrow('could not be split before the rows of public.t');
	});

	it('does not take a comment or a string that tells of rows for them', () => {
		const text = `COMMENT ON TABLE t IS '\n\n--\n-- Data for Name: t; Type: TABLE DATA\n--\n\nINSERT INTO t VALUES (1);\n';`;
		expect(cut(`${text}\n`, [])).toEqual([{ type: 'script', text: `${text}\n\n` }]);
	});
});
