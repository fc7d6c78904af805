/** PostGIS: types, functions and tables of an extension, rows that people add to its own table, indexes and rasters. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { compareDatabases, nativeRoundTrip } from '../../../fidelity/compare';
import { backUp, connectionTo, databaseWith, newName, restore } from '../../../integration/postgres/engine/support';
import { IN_MEMORY, onServer, tested } from '../../../integration/postgres/verify/support';
import { type PostgresServer, startPostgres } from '../../../services/postgres';

let server: PostgresServer;
let database: string;

beforeAll(async () => {
	server = await startPostgres({ version: 15 });
	database = await databaseWith(
		server,
		`CREATE EXTENSION postgis; CREATE EXTENSION postgis_raster; CREATE EXTENSION postgis_topology; CREATE EXTENSION fuzzystrmatch`,
		`CREATE TABLE places (id int PRIMARY KEY, name text, at geometry(Point, 4326), area geography(Polygon))`,
		`INSERT INTO places SELECT n, 'Place ' || n, ST_SetSRID(ST_MakePoint(n % 180, n % 90), 4326),
			ST_Buffer(ST_SetSRID(ST_MakePoint(n % 170, n % 80), 4326)::geography, 1000)
			FROM generate_series(1, 500) n`,
		`CREATE INDEX ON places USING gist (at); CREATE INDEX ON places USING spgist (at)`,
		`ALTER TABLE places ADD COLUMN x double precision GENERATED ALWAYS AS (ST_X(at)) STORED`,
		`ALTER TABLE places ADD CHECK (ST_IsValid(at))`,
		`CREATE MATERIALIZED VIEW north AS SELECT id, ST_AsText(at) FROM places WHERE ST_Y(at) > 45`,
		`CREATE FUNCTION near(geometry) RETURNS SETOF places LANGUAGE sql STABLE AS
			'SELECT * FROM places WHERE ST_DWithin(at, $1, 1)'`,
		`INSERT INTO spatial_ref_sys (srid, auth_name, auth_srid, srtext, proj4text)
			VALUES (990001, 'ours', 990001, 'LOCAL_CS["ours"]', '+proj=longlat +no_defs')`,
		`CREATE TABLE tiles (id serial PRIMARY KEY, rast raster)`,
		`INSERT INTO tiles (rast) SELECT ST_AddBand(ST_MakeEmptyRaster(20, 20, n, n, 1), '8BUI'::text, n, 0) FROM generate_series(1, 5) n`,
		`SELECT AddRasterConstraints('tiles'::name, 'rast'::name)`,
		// In a schema that the extension makes.
		`CREATE TABLE topology.mine AS SELECT 1 AS id`,
		`SELECT topology.CreateTopology('town', 4326); SELECT topology.TopoGeo_AddPoint('town', ST_SetSRID(ST_MakePoint(1, 2), 4326))`,
	);
});
afterAll(() => server.stop());

describe('a database with PostGIS', () => {
	it('comes back as the native tools bring it back, with its own coordinate systems, rasters and topologies', async () => {
		const backup = await backUp(server, database);
		expect(backup.manifest.warnings).toEqual([]);
		const target = newName();
		await restore(server, backup, { target: { type: 'newDatabase', database: target } });
		const native = await nativeRoundTrip(server, database);
		expect(await compareDatabases({ server, database: native }, { server, database: target })).toEqual([]);
		// PostGIS does not name this sequence among what is to be dumped of it, so nobody brings its position back.
		const lost = [expect.stringContaining('position of topology.topology_id_seq')];
		expect(await compareDatabases({ server, database }, { server, database: target })).toEqual(lost);
		const { rows } = await server.query(
			target,
			'SELECT count(*)::int AS found FROM near(ST_SetSRID(ST_MakePoint(3, 3), 4326))',
		);
		expect(rows[0]!['found']).toBeGreaterThan(0);
	});

	it('is verified on a server that has it, and said to be inconclusive inside this process', async () => {
		const backup = await backUp(server, database);
		const onIt = await tested(backup, onServer(connectionTo(server, 'postgres')));
		expect(onIt.findings.filter((finding) => !finding.startsWith('warning: '))).toEqual([]);
		expect(onIt.counts).toMatchObject({ rows: backup.manifest.counts['rows'] });
		const { findings } = await tested(backup, IN_MEMORY);
		expect(findings).toEqual([
			'inconclusive: The dump creates the extensions postgis, postgis_raster, postgis_topology, which PostgreSQL in memory does not have.',
		]);
	});
});
