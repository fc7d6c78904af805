import { existsSync } from 'node:fs';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPostgres, type PostgresServer } from '../../services/postgres';

describe('a PostgreSQL 18 server for tests', () => {
	let server: PostgresServer;

	beforeAll(async () => {
		server = await startPostgres({ version: 18, ssl: true, config: { work_mem: '7MB' } });
	});
	afterAll(() => server.stop());

	it('runs the version and the settings that were asked for', async () => {
		const { rows } = await server.query<{ version: string; memory: string }>(
			'postgres',
			"SELECT current_setting('server_version') AS version, current_setting('work_mem') AS memory",
		);
		expect(rows[0]!.version).toMatch(/^18\./);
		expect(rows[0]!.memory).toBe('7MB');
	});

	it('creates databases, also with names that need quoting', async () => {
		const name = await server.createDatabase('odd "name" é');
		const client = new Client({ connectionString: server.connectionString(name) });
		await client.connect();
		const { rows } = await client.query('SELECT current_database() AS name');
		await client.end();
		expect(rows[0].name).toBe(name);
	});

	it('refuses a wrong password', async () => {
		const client = new Client({ ...server.clientConfig(), password: 'wrong' });
		await expect(client.connect()).rejects.toThrow(/password authentication failed/);
	});

	it('has contrib extensions, whose libraries are found through the hydrated symlinks', async () => {
		const database = await server.createDatabase();
		for (const extension of ['hstore', 'citext', 'pgcrypto', '"uuid-ossp"', 'xml2']) {
			await server.query(database, `CREATE EXTENSION ${extension}`);
		}
	});

	it('offers TLS that its own authority vouches for', async () => {
		const client = new Client({
			...server.clientConfig(),
			ssl: { ca: server.tls!.ca, rejectUnauthorized: true },
		});
		await client.connect();
		const { rows } = await client.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
		await client.end();
		expect(rows[0].ssl).toBe(true);
	});

	it('is not trusted without that authority', async () => {
		const client = new Client({ ...server.clientConfig(), ssl: { rejectUnauthorized: true } });
		await expect(client.connect()).rejects.toThrow(/certificate|issuer/);
	});

	it('comes back with its data after a crash', async () => {
		const database = await server.createDatabase();
		await server.query(database, 'CREATE TABLE kept AS SELECT 1 AS id');
		await server.query(database, 'CHECKPOINT');
		await server.kill('SIGKILL');
		await server.start();
		const { rowCount } = await server.query(database, 'SELECT * FROM kept');
		expect(rowCount).toBe(1);
	});
});

describe('a stopped server', () => {
	it('leaves no data behind', async () => {
		const server = await startPostgres({ version: 18 });
		await server.stop();
		expect(existsSync(server.dataDir)).toBe(false);
		await expect(server.query('postgres', 'SELECT 1')).rejects.toThrow(/ECONNREFUSED/);
	});
});

describe('client certificates', () => {
	it('let a role in by the name in the certificate', async () => {
		const server = await startPostgres({
			version: 18,
			ssl: true,
			hba: 'hostssl all cert_user 127.0.0.1/32 cert\nhost all all 127.0.0.1/32 scram-sha-256\n',
		});
		await server.query('postgres', 'CREATE ROLE cert_user LOGIN');
		const certificate = server.tls!.clientCertificate('cert_user');
		const client = new Client({
			host: server.host,
			port: server.port,
			user: 'cert_user',
			database: 'postgres',
			ssl: { ca: server.tls!.ca, ...certificate },
		});
		await client.connect();
		const { rows } = await client.query('SELECT current_user AS role');
		await client.end();
		await server.stop();
		expect(rows[0].role).toBe('cert_user');
	});
});
