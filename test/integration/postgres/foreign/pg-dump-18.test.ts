import { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openArchive, planRestore } from '../../../../engine/postgres/foreign';
import { lexScript } from '../../../../engine/postgres/script';
import { inPieces, readBlocks, readBlock } from '../../../unit/postgres/foreign/read-blocks';
import { archiveByPgDump18 } from './pg-dump-18';

let pg: PGlite;

beforeAll(async () => {
	pg = await PGlite.create();
	await pg.exec(`CREATE SCHEMA app;
		CREATE TABLE app.orders (id serial PRIMARY KEY, note text CHECK (note <> ''));
		INSERT INTO app.orders (note) SELECT 'it''s ' || i FROM generate_series(1, 50) i;
		CREATE TABLE app.parts (key int) PARTITION BY LIST (key);
		CREATE TABLE app.one PARTITION OF app.parts FOR VALUES IN (1);
		CREATE FUNCTION app.f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 2 END; END;
		SELECT lo_from_bytea(70001, 'first'), lo_from_bytea(70002, 'second');
		GRANT SELECT ON LARGE OBJECT 70001, 70002 TO PUBLIC;
		COMMENT ON LARGE OBJECT 70002 IS 'the second';`);
});

afterAll(async () => {
	await pg.close();
});

describe('an archive of version 1.16 made by pg_dump 18', () => {
	it.each(['gzip', 'none'])('is read, compressed with %s', async (compression) => {
		const archive = await openArchive(inPieces(await archiveByPgDump18(pg, [`--compress=${compression}`]), 777));
		expect(archive.toc).toMatchObject({ version: '1.16', compression });
		expect(archive.toc.dumpVersion).toMatch(/^18\./);
		const kindOf = (name: string) => archive.toc.entries.find((entry) => entry.name === name)?.relationKind;
		expect(String.fromCharCode(kindOf('orders')!, kindOf('parts')!)).toBe('rp');
		const blocks = await readBlocks(archive);
		expect(blocks.flatMap((block) => block['objects'] ?? [])).toEqual([
			[70001, 'first'],
			[70002, 'second'],
		]);
		const inserts = blocks.map((block) => (typeof block['sql'] === 'string' ? block['sql'] : ''));
		expect(inserts.join('').match(/INSERT INTO app\.orders/g)).toHaveLength(50);
	});

	it('is restored as planned into what it was made of', async () => {
		const archive = await openArchive(inPieces(await archiveByPgDump18(pg, [])));
		const plan = planRestore(archive.toc);
		const target = await PGlite.create();
		try {
			for (const sql of plan.setup) await target.exec(sql);
			for (const { sql } of plan.preData) await target.exec(sql);
			for await (const block of archive.blocks()) {
				if (block.type === 'sql') {
					for await (const item of lexScript(block.sql)) if (item.type === 'statement') await target.exec(item.text);
				} else {
					for (const [oid, data] of (await readBlock(block))['objects'] as [number, string][]) {
						await target.query('SELECT lo_put($1, 0, $2)', [oid, Buffer.from(data, 'latin1')]);
					}
				}
			}
			for (const { sql } of plan.postData) await target.exec(sql);
			const state = `SELECT (SELECT string_agg(id || note, ',' ORDER BY id) FROM app.orders) AS orders, app.f(), (SELECT last_value FROM app.orders_id_seq),
				(SELECT json_agg(json_build_array(oid, encode(lo_get(oid), 'escape'), lomacl::text) ORDER BY oid) FROM pg_largeobject_metadata) AS objects,
				obj_description(70002, 'pg_largeobject') AS comment`;
			expect((await target.query(state)).rows).toEqual((await pg.query(state)).rows);
		} finally {
			await target.close();
		}
	});
});
