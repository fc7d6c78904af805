import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { findBackup, openArchive } from '../../../../engine/archive';
import { backUpGlobals, listDatabases } from '../../../../engine/postgres';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { backUp, connectionTo, failureOf, newName, restore, scalar, temporaryStorage } from './support';

let server: PostgresServer;

/** Names that, as UTF-8, are no text in one or the other of the encodings below. */
const ROLES = ['ññÑÑ', 'ÁÍ', '日本'];
const ODD_DATABASE = 'données ññÑÑ';

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	for (const role of ROLES) {
		await server.query('postgres', `CREATE ROLE "${role}" LOGIN SUPERUSER PASSWORD 'secret'`);
		await server.query('postgres', `COMMENT ON ROLE "${role}" IS 'Größe ${role}'`);
		await server.query('postgres', `ALTER ROLE "${role}" SET app.name = '${role}'`);
	}
	await server.query('postgres', `CREATE DATABASE "${ODD_DATABASE}"`);
});

afterAll(async () => {
	await server?.stop();
});

async function databaseIn(encoding: string): Promise<string> {
	const name = newName();
	await server.query('postgres', `CREATE DATABASE ${name} ENCODING '${encoding}' LOCALE 'C' TEMPLATE template0`);
	await server.query('postgres', `COMMENT ON DATABASE ${name} IS 'Größe ÁÍ'`);
	await server.query('postgres', `ALTER DATABASE ${name} SET app.name = 'ññÑÑ'`);
	await server.query('postgres', `ALTER ROLE "ññÑÑ" IN DATABASE ${name} SET app.name = 'ÁÍ'`);
	await server.query('postgres', `GRANT CREATE ON DATABASE ${name} TO "ÁÍ"`);
	await server.query(name, 'CREATE TABLE t (id int, v text)');
	await server.query(name, `INSERT INTO t VALUES (1, 'a')`);
	return name;
}

const propertiesOf = (database: string) =>
	scalar(
		server,
		'postgres',
		`SELECT json_build_array(shobj_description(oid, 'pg_database'), datacl::text, pg_encoding_to_char(encoding),
			(SELECT json_agg(json_build_array(setrole::regrole, setconfig) ORDER BY setrole) FROM pg_db_role_setting WHERE setdatabase = d.oid))
			FROM pg_database d WHERE datname = '${database}'`,
	);

describe.each(['EUC_JP', 'LATIN1', 'WIN1252', 'SQL_ASCII', 'UTF8'])('a database in %s', (encoding) => {
	it('is backed up and restored, whatever roles, comments and settings the server has', async () => {
		const database = await databaseIn(encoding);
		const backup = await backUp(server, database);
		expect(backup.manifest.warnings).toEqual([]);
		const report = await restore(server, backup);
		expect(report).toMatchObject({ failures: [], warnings: [], rows: 1 });
		expect(await propertiesOf(report.database)).toBe(await propertiesOf(database));
	});
});

describe('a role whose name the database’s encoding cannot hold', () => {
	/** A role that has made something in a database of EUC_JP, and is renamed from one of UTF-8. */
	async function databaseOfRenamed(...statements: string[]): Promise<string> {
		const database = await databaseIn('EUC_JP');
		const role = newName();
		await server.query(database, `CREATE ROLE ${role}; GRANT CREATE ON SCHEMA public TO PUBLIC`);
		await server.query(database, [`SET ROLE ${role}`, ...statements].join('; '));
		await server.query('postgres', `ALTER ROLE ${role} RENAME TO "Ñandú ${role}"`);
		return database;
	}

	it.each([
		['owns something in it', ['CREATE TABLE odd (id int)']],
		['has given rights in it', ['CREATE TABLE odd (id int)', 'GRANT SELECT ON odd TO PUBLIC']],
	])('is named with what to do where it %s', async (_, statements) => {
		const database = await databaseOfRenamed(...statements);
		const failure = await failureOf(backUp(server, database), 'SOURCE_FAILED');
		expect(failure.message).toMatch(/role "Ñandú .*" cannot be written in the database’s encoding \(EUC_JP\)/);
		expect(failure.hint).toMatch(/RENAME TO/);
	});

	it('does not end a dump of UTF-8 where its name is of another encoding', async () => {
		const latin = await databaseIn('LATIN1');
		await server.query(latin, 'CREATE ROLE "ñandú"');
		const database = await databaseIn('UTF8');
		const backup = await backUp(server, database);
		expect(backup.manifest.warnings).toEqual([]);
		expect(await restore(server, backup)).toMatchObject({ failures: [], rows: 1 });
		await server.query(latin, 'DROP ROLE "ñandú"');
	});
});

describe('asked through a database in EUC_JP', () => {
	it('the server lists all its databases by their names', async () => {
		const database = await databaseIn('EUC_JP');
		const names = await listDatabases(connectionTo(server, database));
		expect(names).toContain(ODD_DATABASE);
		expect(names).toContain(database);
	});

	it('the server gives its roles with their comments and settings', async () => {
		const database = await databaseIn('EUC_JP');
		const { storage } = temporaryStorage();
		const manifest = await backUpGlobals({
			connection: connectionTo(server, database),
			storage,
			codec: { name: 'none' },
		});
		expect(manifest.warnings).toEqual([]);
		const { manifestKey } = await findBackup(storage, { latest: 'globals' });
		const chunks: Buffer[] = [];
		for await (const chunk of (await openArchive(storage, manifestKey)).raw()) chunks.push(chunk as Buffer);
		const script = Buffer.concat(chunks).toString();
		for (const role of ROLES) {
			expect(script).toContain(`CREATE ROLE "${role}";`);
			expect(script).toContain(`COMMENT ON ROLE "${role}" IS 'Größe ${role}';`);
			expect(script).toContain(`ALTER ROLE "${role}" SET "app.name" TO '${role}';`);
		}
	});
});
