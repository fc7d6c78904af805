/**
 * Functions that name something without its schema, as those of extensions do on which geographic and full-text searches are built. From
 * version 17 on, servers make no index with them at all.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';

import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { backUp, databaseWith, newName, restore, scalar } from '../../../integration/postgres/engine/support';

let server: PostgresServer;
beforeAll(async () => void (server = await startPostgres({ version: 15 })));
afterAll(() => server.stop());

it('are found by the usual path when what uses them is made, which is told', async () => {
	const database = await databaseWith(
		server,
		'CREATE SCHEMA words',
		'CREATE EXTENSION unaccent SCHEMA words; CREATE EXTENSION pg_trgm; CREATE EXTENSION cube; CREATE EXTENSION earthdistance',
		'CREATE TABLE places (id int PRIMARY KEY, name text, latitude float8, longitude float8)',
		"INSERT INTO places SELECT n, 'Straße ' || n, n % 80, n % 170 FROM generate_series(1, 100) n",
		`SET search_path = public, words;
		CREATE FUNCTION plain(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$SELECT unaccent('unaccent', $1)$$;
		CREATE INDEX by_name ON places USING gin (plain(name) gin_trgm_ops);
		CREATE INDEX by_place ON places USING gist (ll_to_earth(latitude, longitude));
		CREATE MATERIALIZED VIEW names AS SELECT plain(name) AS name FROM places`,
	);
	const backup = await backUp(server, database);
	const target = newName();
	const { warnings } = await restore(server, backup, { target: { type: 'newDatabase', database: target } });
	expect(warnings).toEqual([
		expect.stringMatching(/by_\w+ and 2 more: a function that it uses names something without its schema/),
	]);
	for (const index of ['by_name', 'by_place'])
		expect(await scalar(server, target, `SELECT '${index}'::regclass::text`)).toBe(index);
	expect(await scalar(server, target, 'SELECT count(*) FROM names')).toBe('100');
});
