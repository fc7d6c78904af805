/**
 * What a restore does for TimescaleDB, whose packages no registry has that the tests install from: an extension of its name
 * stands for it, with a schema and tables of its own, a trigger that changes a row where others would add one, and the two functions
 * that are told of a restore. With the real one (2.17.2 on PostgreSQL 15) hypertables were restored by hand.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';

import { installExtension } from '../../../fixtures/postgres/everything/extension';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { backUp, databaseWith, newName, restore, scalar } from './support';

const CONTROL = "default_version = '1.0'\nrelocatable = false\nsuperuser = true\n";

const SCRIPT = `
CREATE SCHEMA _timescaledb_internal;
CREATE SCHEMA _timescaledb_catalog;
CREATE TABLE _timescaledb_catalog.metadata (key text PRIMARY KEY, value text);
CREATE TABLE _timescaledb_catalog.told (n serial, what text, restoring text);
INSERT INTO _timescaledb_catalog.metadata VALUES ('uuid', 'of this database');
SELECT pg_catalog.pg_extension_config_dump('_timescaledb_catalog.metadata', '');
CREATE FUNCTION _timescaledb_internal.keep() RETURNS trigger LANGUAGE plpgsql AS $f$
BEGIN
	UPDATE _timescaledb_catalog.metadata SET value = NEW.value WHERE key = NEW.key;
	IF FOUND THEN RETURN NULL; END IF;
	RETURN NEW;
END $f$;
CREATE TRIGGER keep BEFORE INSERT ON _timescaledb_catalog.metadata FOR EACH ROW EXECUTE FUNCTION _timescaledb_internal.keep();
-- Not immutable in truth: a generated column that calls it notes what the session that brings a row was told.
CREATE FUNCTION _timescaledb_internal.told() RETURNS text IMMUTABLE LANGUAGE plpgsql AS
	$f$BEGIN RETURN coalesce(current_setting('timescaledb.restoring', true), ''); END$f$;
CREATE FUNCTION timescaledb_pre_restore() RETURNS bool LANGUAGE plpgsql AS $f$
BEGIN
	PERFORM set_config('timescaledb.restoring', 'on', false);
	INSERT INTO _timescaledb_catalog.told (what, restoring) VALUES ('begins', current_setting('timescaledb.restoring'));
	RETURN true;
END $f$;
CREATE FUNCTION timescaledb_post_restore() RETURNS bool LANGUAGE plpgsql AS $f$
BEGIN
	PERFORM set_config('timescaledb.restoring', 'off', false);
	INSERT INTO _timescaledb_catalog.told (what, restoring) VALUES ('ends', current_setting('timescaledb.restoring'));
	RETURN true;
END $f$;
`;

let server: PostgresServer;
beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	const share = await scalar(server, 'postgres', `SELECT setting FROM pg_config WHERE name = 'SHAREDIR'`);
	installExtension(share ?? '', 'timescaledb', { control: CONTROL, script: SCRIPT });
});
afterAll(() => server.stop());

it('tells it that rows come, to every session that brings some, and that all is there', async () => {
	const chunk = (n: number) => `CREATE TABLE _timescaledb_internal.chunk_${n} (
		id int, told text GENERATED ALWAYS AS (_timescaledb_internal.told()) STORED);
		INSERT INTO _timescaledb_internal.chunk_${n} VALUES (${n})`;
	const database = await databaseWith(server, 'CREATE EXTENSION timescaledb', ...[1, 2, 3, 4].map(chunk));
	const backup = await backUp(server, database);
	const target = newName();
	const { tables, warnings } = await restore(server, backup, { target: { type: 'newDatabase', database: target } });
	expect(warnings).toEqual([]);
	expect(tables).toContainEqual(expect.objectContaining({ name: 'metadata', rows: 1, expected: 1 }));
	for (const n of [1, 2, 3, 4]) {
		expect(await scalar(server, database, `SELECT told FROM _timescaledb_internal.chunk_${n}`)).toBe('');
		expect(await scalar(server, target, `SELECT told FROM _timescaledb_internal.chunk_${n}`)).toBe('on');
	}
	const { rows } = await server.query(target, 'SELECT what, restoring FROM _timescaledb_catalog.told ORDER BY n');
	expect(rows).toEqual([
		{ what: 'begins', restoring: 'on' },
		{ what: 'ends', restoring: 'off' },
	]);
	expect(await scalar(server, target, 'SELECT count(*) FROM _timescaledb_catalog.metadata')).toBe('1');
});

it('goes into a database that exists, whose other sessions are told nothing', async () => {
	const database = await databaseWith(
		server,
		'CREATE EXTENSION timescaledb',
		'CREATE TABLE _timescaledb_internal.a AS SELECT 7 AS id',
	);
	const backup = await backUp(server, database);
	const target = await server.createDatabase(newName());
	await restore(server, backup, {
		target: { type: 'existing', database: target, confirmation: target, before: 'nothing' },
	});
	expect(await scalar(server, target, 'SELECT id FROM _timescaledb_internal.a')).toBe('7');
	expect(await scalar(server, target, 'SELECT count(*) FROM _timescaledb_catalog.told')).toBe('1');
	expect(await scalar(server, target, 'SELECT what FROM _timescaledb_catalog.told')).toBe('ends');
});

it('is not asked for where errors are collected and the extension cannot be made', async () => {
	const database = await databaseWith(server, 'CREATE EXTENSION timescaledb', 'CREATE TABLE a AS SELECT 7 AS id');
	const backup = await backUp(server, database);
	// Something of the extension's name stands in its way.
	const target = await databaseWith(server, 'CREATE SCHEMA _timescaledb_internal');
	const into = { type: 'existing', database: target, confirmation: target, before: 'nothing' } as const;
	const { failures } = await restore(server, backup, { target: into, collectErrors: true });
	expect(failures[0]).toMatchObject({ object: 'EXTENSION timescaledb' });
	expect(await scalar(server, target, 'SELECT id FROM a')).toBe('7');
});
