import { describe, expect, it } from 'vitest';

import { openForeignDump } from '../../../../engine/postgres';
import { testRestoreOf } from '../../../../engine/postgres/verify/testRestore';
import { IN_MEMORY, keepingContext, sentences } from './support';

/** A script as pg_dump writes it, with the given statements. */
function scriptOf(...statements: string[]): Buffer {
	const head = `--\n-- PostgreSQL database dump\n--\n\nSET statement_timeout = 0;\nSET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\nSELECT pg_catalog.set_config('search_path', '', false);\n\n`;
	return Buffer.from(`${head}${statements.join('\n\n')}\n\n--\n-- PostgreSQL database dump complete\n--\n\n`);
}

async function tested(script: Buffer) {
	const { context, found } = keepingContext();
	const open = async () => {
		return await Promise.resolve(
			(async function* () {
				yield await Promise.resolve(script);
			})(),
		);
	};
	const source = await openForeignDump({ name: 'foreign.sql', open });
	const counts = await testRestoreOf({ source, rawBytes: script.length, session: {} }, IN_MEMORY, context);
	return { counts, findings: sentences(found) };
}

const VECTORS = Array.from({ length: 200 }, (_, n) => `${n}\t[${n},${n + 0.5},-1]\n`).join('');

describe('a test restore of a dump that somebody else made', () => {
	it('restores embeddings with their index, and compares all rows', async () => {
		const script = scriptOf(
			'CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;',
			'CREATE TABLE public.docs (id integer NOT NULL, embedding public.vector(3));',
			'ALTER TABLE public.docs OWNER TO somebody;',
			`COPY public.docs (id, embedding) FROM stdin;\n${VECTORS}\\.\n`,
			'CREATE INDEX docs_hnsw ON public.docs USING hnsw (embedding public.vector_l2_ops);',
			'CREATE TABLE public.more (v integer);',
			'INSERT INTO public.more VALUES (1);',
			'INSERT INTO public.more VALUES (2);',
		);
		const { counts, findings } = await tested(script);
		expect(findings).toEqual([]);
		expect(counts).toEqual({ tables: 2, rows: 202 });
	});

	it('loads a COPY of any length in pieces, and finds a row that no table can take', async () => {
		const rows = Array.from({ length: 100_000 }, (_, n) => `${n}\t${'long '.repeat(12)}\n`).join('');
		const table = 'CREATE TABLE public.large (id integer PRIMARY KEY, text text);';
		const whole = scriptOf(table, `COPY public.large (id, text) FROM stdin;\n${rows}\\.\n`);
		expect(whole.length).toBeGreaterThan(3 * 2 * 1024 * 1024);
		expect(await tested(whole)).toEqual({ counts: { tables: 1, rows: 100_000 }, findings: [] });
		const damaged = scriptOf(table, `COPY public.large (id, text) FROM stdin;\n${rows}7\tagain\n\\.\n`);
		const { findings } = await tested(damaged);
		expect(findings).toHaveLength(1);
		expect(findings[0]).toMatch(/^error: Could not restore .*large_pkey/);
	});
});
