import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { backUp, connectionTo, databaseNames, databaseWith, failureOf, newName, restore, scalar } from './support';

let server: PostgresServer;

beforeAll(async () => {
	server = await startPostgres({ version: 18, config: { allow_in_place_tablespaces: 'on' } });
});

afterAll(async () => {
	await server?.stop();
});

/** Privileges, owner and limit of a database, as the server holds them. */
const rights = async (database: string) => {
	const { rows } = await server.query<{ owner: string; acl: string; connections: number }>(
		'postgres',
		`SELECT pg_get_userbyid(datdba) AS owner, datacl::text AS acl, datconnlimit AS connections FROM pg_database WHERE datname = $1`,
		[database],
	);
	return rows[0];
};

describe('the properties of a database', () => {
	it('come back: its comment, settings, limit, owner and privileges', async () => {
		await server.query('postgres', `CREATE ROLE keeper; CREATE ROLE "odd ""role" LOGIN; CREATE ROLE gone`);
		const database = await databaseWith(server, 'CREATE TABLE t ()');
		await server.query(
			'postgres',
			`COMMENT ON DATABASE ${database} IS 'it''s ours'; ALTER DATABASE ${database} CONNECTION LIMIT 7;
			ALTER DATABASE ${database} SET search_path TO "odd schema", public; ALTER DATABASE ${database} SET app.key = 's3cr3t';
			ALTER ROLE "odd ""role" IN DATABASE ${database} SET work_mem = '5MB'; ALTER DATABASE ${database} OWNER TO keeper;
			REVOKE ALL ON DATABASE ${database} FROM PUBLIC; GRANT CONNECT ON DATABASE ${database} TO "odd ""role" WITH GRANT OPTION;
			GRANT CREATE ON DATABASE ${database} TO "odd ""role", gone;
			ALTER ROLE gone IN DATABASE ${database} SET work_mem = '6MB'`,
		);
		const stored = await backUp(server, database);
		expect(JSON.stringify(stored.manifest)).not.toContain('s3cr3t');
		await server.query(
			'postgres',
			`ALTER ROLE gone IN DATABASE ${database} RESET work_mem; REVOKE ALL ON DATABASE ${database} FROM gone; DROP ROLE gone`,
		);
		const report = await restore(server, stored);
		expect(report.warnings).toEqual([expect.stringContaining('lacks the role "gone"')]);
		const facts = (name: string) =>
			server.query(
				'postgres',
				`SELECT pg_get_userbyid(datdba), datconnlimit, shobj_description(oid, 'pg_database'), datacl::text,
					(SELECT array_agg(setrole::regrole || array_to_string(setconfig, ',') ORDER BY 1) FROM pg_db_role_setting WHERE setdatabase = d.oid)
				FROM pg_database d WHERE datname = '${name}'`,
			);
		expect((await facts(report.database)).rows).toEqual((await facts(database)).rows);
	});

	it('come back with each element of a list quoted by itself', async () => {
		const database = await databaseWith(server, 'CREATE TABLE t ()');
		const settings = [
			`search_path TO "$user", public`,
			`temp_tablespaces TO "pg_default"`,
			`session_preload_libraries TO '$libdir/plpgsql', 'plpgsql'`,
			`datestyle TO 'ISO, DMY'`,
			`app.windows TO E'C:\\\\it''s, "quoted"'`,
			`application_name TO ''`,
		];
		for (const setting of settings) await server.query('postgres', `ALTER DATABASE ${database} SET ${setting}`);
		const { database: restored, warnings } = await restore(server, await backUp(server, database));
		expect(warnings).toEqual([]);
		const stored = (name: string) =>
			scalar(
				server,
				'postgres',
				`SELECT setconfig FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase WHERE datname = '${name}'`,
			);
		const sorted = async (name: string) => (JSON.parse((await stored(name)) ?? '[]') as string[]).sort();
		expect(await sorted(restored)).toEqual(await sorted(database));
		expect(await scalar(server, restored, 'SHOW search_path')).toBe('"$user", public');
	});

	it('are in force while it is loaded, as far as what is loaded may depend on them', async () => {
		const database = await databaseWith(server);
		await server.query(
			'postgres',
			`ALTER DATABASE ${database} SET timezone TO 'Asia/Tokyo'; ALTER DATABASE ${database} SET app.factor TO '3'`,
		);
		await server.query(
			database,
			`CREATE MATERIALIZED VIEW m AS SELECT timestamptz '2026-01-01 00:00+00'::text AS at, current_setting('app.factor')::int AS factor`,
		);
		await server.query(
			'postgres',
			`ALTER DATABASE ${database} SET default_transaction_read_only TO on; ALTER DATABASE ${database} CONNECTION LIMIT 0`,
		);
		const { database: restored, warnings } = await restore(server, await backUp(server, database));
		expect(warnings).toEqual([]);
		expect(await scalar(server, restored, 'SELECT at || factor FROM m')).toBe('2026-01-01 09:00:00+093');
		expect(await scalar(server, restored, 'SHOW default_transaction_read_only')).toBe('on');
		expect(await rights(restored)).toMatchObject({ connections: 0 });
	});

	it('come back last where they would keep the restore from writing', async () => {
		await server.query('postgres', 'CREATE ROLE reader');
		const database = await databaseWith(server, 'CREATE TABLE t AS SELECT 1 AS x; GRANT SELECT ON t TO reader');
		await server.query('postgres', `ALTER DATABASE ${database} SET role TO reader`);
		const { database: restored, warnings } = await restore(server, await backUp(server, database));
		expect(warnings).toEqual([]);
		expect(await scalar(server, restored, 'SHOW role')).toBe('reader');
		expect(await scalar(server, restored, 'SELECT x::text FROM t')).toBe('1');
	});

	it('keep what was revoked from the owner and granted to the user who restores', async () => {
		await server.query(
			'postgres',
			`CREATE ROLE proprietor; CREATE ROLE restorer LOGIN CREATEDB PASSWORD 'p'; GRANT proprietor TO restorer`,
		);
		const database = await databaseWith(server);
		await server.query(
			'postgres',
			`ALTER DATABASE ${database} OWNER TO proprietor; REVOKE ALL ON DATABASE ${database} FROM PUBLIC, proprietor;
			GRANT CONNECT ON DATABASE ${database} TO proprietor; GRANT TEMPORARY ON DATABASE ${database} TO restorer`,
		);
		const stored = await backUp(server, database);
		for (const user of [{}, { user: 'restorer', password: 'p' }]) {
			const connection = { ...connectionTo(server, 'postgres'), ...user };
			const { database: restored, warnings } = await restore(server, stored, { connection });
			expect(warnings).toEqual([]);
			expect(await rights(restored)).toEqual({
				owner: 'proprietor',
				acl: '{proprietor=c/proprietor,restorer=T/proprietor}',
				connections: -1,
			});
		}
		const mine = await restore(server, stored, { owner: { type: 'none' } });
		expect(await rights(mine.database)).toMatchObject({
			owner: 'postgres',
			acl: '{postgres=c/postgres,restorer=T/postgres}',
		});
	});

	it.each([
		['connectionLimit', '1; DROP TABLE t'],
		['localeProvider', 'libc TEMPLATE template1'],
		['encoding', `UTF8' TEMPLATE x`],
		['collate', 5],
		['privileges', 'all'],
		['owner', 'a\0b'],
		['connectionLimit', 1.5],
	])('are refused where the manifest was changed: %s is %j', async (name, value) => {
		const stored = await backUp(server, await databaseWith(server, 'CREATE TABLE t ()'));
		Object.assign(stored.manifest.source['properties'] as object, { [name]: value });
		const before = await databaseNames(server);
		const { message } = await failureOf(restore(server, stored), 'MANIFEST_INVALID');
		expect(message).toContain(`source.properties.${name}`);
		expect(message).toContain('nothing was changed');
		expect(await databaseNames(server)).toEqual(before);
	});

	it('are text and nothing else, whatever they hold and however the server reads strings', async () => {
		const stored = await backUp(server, await databaseWith(server, 'CREATE TABLE t ()'));
		const nasty = `\\'; CREATE DATABASE injected; --`;
		Object.assign(stored.manifest.source['properties'] as object, { comment: nasty, privileges: [`"${nasty}"=c/x`] });
		await server.query('postgres', 'ALTER ROLE postgres SET standard_conforming_strings = off');
		const database = newName();
		const { warnings } = await restore(server, stored, { target: { type: 'newDatabase', database } });
		await server.query('postgres', 'ALTER ROLE postgres RESET standard_conforming_strings');
		expect(warnings).toEqual([expect.stringContaining('lacks the role')]);
		expect(await databaseNames(server)).not.toContain('injected');
		const comment = `SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '${database}'`;
		expect(await scalar(server, 'postgres', comment)).toBe(nasty);
	});
});

describe('the default tablespace of a database', () => {
	const placeOf = (database: string) =>
		scalar(
			server,
			'postgres',
			`SELECT spcname FROM pg_database d JOIN pg_tablespace s ON s.oid = dattablespace WHERE datname = '${database}'`,
		);
	let database: string;

	beforeAll(async () => {
		await server.query('postgres', `CREATE TABLESPACE "Fast disk" LOCATION ''`);
		await server.query('postgres', `CREATE ROLE mover LOGIN CREATEDB PASSWORD 'moves'`);
		database = newName();
		await server.query('postgres', `CREATE DATABASE ${database} TABLESPACE "Fast disk"`);
		await server.query(database, 'CREATE TABLE t (id int)');
	});

	it('comes back, into a new database and by a swap', async () => {
		const backup = await backUp(server, database);
		expect(backup.manifest.source['properties']).toMatchObject({ tablespace: 'Fast disk' });
		const report = await restore(server, backup);
		expect(report).toMatchObject({ warnings: [], failures: [] });
		expect(await placeOf(report.database)).toBe('Fast disk');
		const other = await databaseWith(server);
		const swapped = await restore(server, backup, {
			target: { type: 'replace', database: other, confirmation: other },
		});
		expect(swapped.warnings).toEqual([]);
		expect(await placeOf(other)).toBe('Fast disk');
	});

	it('is told where the user may not use it or the server has none', async () => {
		const backup = await backUp(server, database);
		const connection = { ...connectionTo(server, 'postgres'), user: 'mover', password: 'moves' };
		const denied = await restore(server, backup, { connection, owner: { type: 'none' }, privileges: false });
		expect(denied.warnings).toContainEqual(
			expect.stringMatching(/may not create anything in the tablespace "Fast disk".*grant/),
		);
		expect(await placeOf(denied.database)).toBe('pg_default');
		await server.query('postgres', `ALTER TABLESPACE "Fast disk" RENAME TO faster`);
		const lacking = await restore(server, backup);
		expect(lacking.warnings).toEqual([expect.stringMatching(/no tablespace "Fast disk".*create it first/)]);
		expect(await placeOf(lacking.database)).toBe('pg_default');
		await server.query('postgres', `ALTER TABLESPACE faster RENAME TO "Fast disk"`);
	});

	it('is left out where tablespaces are, and where it is the server’s own', async () => {
		const without = await backUp(server, database, { selection: { extraArguments: '--no-tablespaces' } });
		const placeIn = ({ manifest }: typeof without) =>
			(manifest.source['properties'] as { tablespace?: string }).tablespace;
		expect(placeIn(without)).toBeUndefined();
		const usual = await backUp(server, await databaseWith(server));
		expect(placeIn(usual)).toBeUndefined();
	});
});
