import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { backUpDatabase, checkPostgres, type PostgresConnection } from '../../../../engine/postgres';
import type { SetupFinding } from '../../../../engine/preflight';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { connectionTo, databaseWith, temporaryStorage } from '../engine/support';

let server: PostgresServer;

/** A user with a name that has to be quoted, and that a statement may not be broken by. */
const USER = `back'up "%user`;
const QUOTED = `"back'up ""%user"`;

beforeAll(async () => {
	server = await startPostgres({ version: 18, config: { max_prepared_transactions: '2' } });
	await server.query('postgres', `CREATE ROLE ${QUOTED} LOGIN PASSWORD 'p'; CREATE ROLE app; CREATE ROLE "App Two"`);
});

afterAll(async () => {
	await server?.stop();
});

const asUser = (database: string): PostgresConnection => ({
	...connectionTo(server, database),
	user: USER,
	password: 'p',
});

async function check(connection: PostgresConnection, globals = false): Promise<SetupFinding[]> {
	return (await checkPostgres({ connection, databases: [connection.database], globals })).findings;
}

const bad = (findings: readonly SetupFinding[]) => findings.filter(({ level }) => level !== 'ok');
const named = (findings: readonly SetupFinding[], name: string) => findings.filter(({ check: one }) => one === name);

/** What the user is not given: everything that a back up and a restore need. */
const FORBIDDEN = `
	CREATE TABLE open (id int); GRANT SELECT ON open TO ${QUOTED};
	CREATE TABLE secrets (id int); CREATE TABLE "Order Lines" (id serial);
	CREATE SCHEMA "hid den" AUTHORIZATION app;
	CREATE TABLE "hid den".t (id int) PARTITION BY RANGE (id);
	ALTER TABLE "hid den".t OWNER TO "App Two";
	CREATE TABLE guarded (id int); GRANT SELECT ON guarded TO ${QUOTED};
	ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; CREATE POLICY none ON guarded USING (false);
	INSERT INTO secrets VALUES (1); INSERT INTO guarded VALUES (1);
	SELECT lo_from_bytea(77, '\\x1234'), lo_from_bytea(78, '\\x12')`;

describe('a user who may not do what a back up and a restore need', () => {
	it('is told the statements, and each makes its own finding go away, until a back up has all', async () => {
		const database = await databaseWith(server, FORBIDDEN);
		const connection = asUser(database);
		let findings = await check(connection, true);
		const first = bad(findings);
		expect(first.map(({ check: name, level }) => `${name}: ${level}`)).toEqual([
			'Roles and Globals: warning',
			'Create Databases: problem',
			'Privileges: problem',
			'Privileges: problem',
			'Privileges: problem',
			'Future Tables: warning',
			'Row-Level Security: problem',
			'Large Objects: problem',
			'Ownership: warning',
		]);
		for (const { what, remedy } of first) {
			// It may be gone with an earlier one, but for the first it never is.
			expect(bad(findings).map((one) => one.what)).toContain(what);
			await server.query(database, remedy as string);
			findings = await check(connection, true);
			expect(findings.map((one) => one.what)).not.toContain(what);
		}
		// Owned by the superuser whom initdb made: no grant brings that, and the remedy says what to do instead.
		expect(bad(findings).map(({ check: name }) => name)).toEqual(['Ownership']);
		expect(named(findings, 'Ownership')[0]?.remedy).toMatch(/^-- Restore with a superuser’s credential/);
		const { storage } = temporaryStorage();
		const made = await backUpDatabase({ connection, storage, codec: { name: 'zstd' } });
		expect(made.counts['rows']).toBe(2);
	});

	it('has what its owner creates later, once the statements for that were run', async () => {
		const database = await databaseWith(server, 'CREATE SCHEMA later; CREATE TABLE later.first (id serial)');
		const connection = asUser(database);
		for (const { remedy } of bad(await check(connection))) {
			if (remedy?.startsWith('GRANT') || remedy?.startsWith('ALTER DEFAULT')) await server.query(database, remedy);
		}
		await server.query(database, 'CREATE TABLE later.second (id serial)');
		expect(named(bad(await check(connection)), 'Privileges')).toEqual([]);
	});

	it('is told what lets it read everything, and that is true', async () => {
		const database = await databaseWith(server, 'CREATE SCHEMA s; CREATE TABLE s.t (id serial)');
		const connection = asUser(database);
		const remedy = named(await check(connection), 'Privileges')[0]?.remedy ?? '';
		const [, alternative = ''] = /-- Or, .*: (GRANT pg_read_all_data .*)$/.exec(remedy) ?? [];
		await server.query('postgres', alternative);
		try {
			expect(bad(await check(connection)).filter(({ affects }) => affects === 'backup')).toEqual([]);
		} finally {
			await server.query('postgres', `REVOKE pg_read_all_data FROM ${QUOTED}`);
		}
	});
});

it('finds nothing to say against a superuser and a database as people have them', async () => {
	const database = await databaseWith(server, 'CREATE TABLE t (id serial)', 'CREATE EXTENSION hstore');
	const findings = await check(connectionTo(server, database), true);
	expect(bad(findings)).toEqual([]);
	expect(new Set(findings.map(({ affects }) => affects))).toEqual(new Set(['backup', 'restore', 'verification']));
});

it('is a finding, with what to do, where the server cannot be reached or does not let in', async () => {
	const here = connectionTo(server, 'postgres');
	const [refused] = await check({ ...here, password: 'wrong' });
	expect(refused).toMatchObject({ check: 'Connection', level: 'problem', remedy: expect.stringMatching(/password/) });
	const [missing] = await check({ ...here, database: 'nowhere' });
	expect(missing).toMatchObject({ about: 'nowhere', remedy: expect.stringMatching(/spelling of the database/) });
	const [unreachable] = await check({ ...here, port: 1 });
	expect(unreachable).toMatchObject({ level: 'problem', remedy: expect.stringMatching(/Check host, port/) });
});

it('looks at each database, and goes on after one that does not let in', async () => {
	const database = await databaseWith(server, 'CREATE TABLE t (id int)');
	const { findings, bytes } = await checkPostgres({
		connection: connectionTo(server, database),
		databases: ['nowhere', database],
	});
	expect(bad(findings).map(({ about }) => about)).toEqual(['nowhere']);
	expect(named(findings, 'Privileges')[0]?.about).toBe(database);
	expect(bytes).toBeGreaterThan(1_000_000);
});

it('finds prepared transactions that would make a back up wait, and the statement that ends them', async () => {
	const database = await databaseWith(server, 'CREATE TABLE busy (id int); CREATE TABLE free (id int)');
	const client = new Client(server.clientConfig(database));
	await client.connect();
	await client.query(`BEGIN; LOCK TABLE free IN SHARE MODE; PREPARE TRANSACTION 'harmless'`);
	await client.query(`BEGIN; LOCK TABLE busy; PREPARE TRANSACTION 'it''s stuck'`);
	await client.end();
	try {
		const [held, ...others] = bad(await check(connectionTo(server, database)));
		expect(held).toMatchObject({ check: 'Locks', level: 'problem', what: expect.stringContaining('public.busy') });
		expect(others).toEqual([]);
		await server.query(database, held?.remedy ?? '');
		expect(bad(await check(connectionTo(server, database)))).toEqual([]);
	} finally {
		await server.query(database, `ROLLBACK PREPARED 'harmless'`);
	}
});

it('finds a limit of connections, and the statement that lifts it', async () => {
	const database = await databaseWith(server, 'SELECT 1');
	await server.query('postgres', `ALTER ROLE ${QUOTED} CONNECTION LIMIT 2`);
	const [limited] = named(await check(asUser(database)), 'Connections');
	expect(limited).toMatchObject({
		level: 'problem',
		what: expect.stringMatching(/needs 3 connections.*may open 1 more/),
	});
	await server.query('postgres', limited?.remedy ?? '');
	expect(named(await check(asUser(database)), 'Connections')[0]?.level).toBe('ok');
});

it('tells of rows that lie on other servers, and of an encoding that is none', async () => {
	await server.query('postgres', `CREATE DATABASE bytes TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'`);
	await server.query(
		'bytes',
		`CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
		CREATE FOREIGN TABLE passwords (line text) SERVER files OPTIONS (filename '/etc/passwd')`,
	);
	const findings = bad(await check(connectionTo(server, 'bytes')));
	expect(findings.map(({ check: name, level }) => `${name}: ${level}`)).toEqual([
		'Encoding: warning',
		'Foreign Tables: warning',
	]);
	expect(findings[1]?.remedy).toContain('--include-foreign-data=files');
});

it('tells of extensions that a test restore inside n8n cannot have, and that only superusers create', async () => {
	const database = await databaseWith(server, 'CREATE EXTENSION xml2', 'CREATE EXTENSION hstore');
	const findings = named(bad(await check(asUser(database))), 'Extensions');
	expect(findings.map(({ affects, what }) => `${affects}: ${what}`)).toEqual([
		`restore: ${QUOTED} may not create 1 extension of the database: xml2.`,
		'verification: A test restore inside n8n lacks 1 extension of the database: xml2.',
	]);
});

it('is told of a standby what ends back ups, and what is not there', async () => {
	const standby = await startPostgres({ version: 18 });
	try {
		await standby.query('postgres', 'CREATE UNLOGGED TABLE cache (id int)');
		await standby.kill('SIGINT');
		writeFileSync(join(standby.dataDir, 'standby.signal'), '');
		await standby.start();
		const findings = bad(await check(connectionTo(standby, 'postgres')));
		expect(findings.map(({ check: name, level, affects }) => `${name}: ${level}, ${affects}`)).toEqual([
			'Standby: warning, backup',
			'Standby: problem, restore',
			'Unlogged Tables: warning, backup',
		]);
		for (const statement of (findings[0]?.remedy ?? '').split('\n')) await standby.query('postgres', statement);
		await expect.poll(async () => named(bad(await check(connectionTo(standby, 'postgres'))), 'Standby').length).toBe(1);
	} finally {
		await standby.stop();
	}
});
