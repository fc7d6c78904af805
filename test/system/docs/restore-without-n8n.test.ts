import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { CodecName, EncryptionKeys } from '../../../engine/archive';
import { backUpDatabase, backUpGlobals } from '../../../engine/postgres';
import { FolderStorage } from '../../../engine/storage';
import { type PostgresServer, startPostgres } from '../../services/postgres';
import { runCommand } from './commands';
import { removeFolder, temporaryFolder } from '../../services/guard';

const PASSPHRASE = 'correct horse battery staple';

describe('the commands of "Restore without n8n"', () => {
	let server: PostgresServer;
	let folder: string;
	let database: string;
	let count = 0;

	beforeAll(async () => {
		folder = temporaryFolder('stock-tools');
		server = await startPostgres({ version: 15 });
		database = await server.createDatabase('shop');
		await server.query(database, 'CREATE TABLE users (id int PRIMARY KEY, name text)');
		await server.query(database, "INSERT INTO users SELECT n, 'Näme ' || n FROM generate_series(1, 300000) AS n");
		await server.query(database, 'CREATE TABLE notes (id int PRIMARY KEY REFERENCES users, body text)');
		await server.query(database, "INSERT INTO notes SELECT n, E'a\\tb\\\\' FROM generate_series(1, 10) AS n");
	});

	afterAll(async () => {
		await server.stop();
		removeFolder(folder);
	});

	async function archive(codec: CodecName, encryption?: EncryptionKeys): Promise<string> {
		const { host, port, user, password } = server;
		const connection = { host, port, user, password, database };
		const storage = new FolderStorage({ root: folder });
		const manifest = await backUpDatabase({ connection, storage, codec: { name: codec }, encryption });
		return join(folder, 'postgres', manifest.file);
	}

	const run = (name: string, variables: Record<string, string>) =>
		runCommand(name, { ...(server.environment() as Record<string, string>), ...variables });

	async function restored(name: string, variables: Record<string, string>): Promise<unknown> {
		const target = `restored_${++count}`;
		await run(name, { DATABASE: target, ...variables });
		const { rows } = await server.query(
			target,
			"SELECT (SELECT count(*)::int FROM users) AS users, (SELECT string_agg(body, '|') FROM notes WHERE id < 3) AS notes",
		);
		return rows[0];
	}

	const whole = { users: 300_000, notes: 'a\tb\\|a\tb\\' };

	it('check the hash, and notice a changed byte', async () => {
		const file = await archive('zstd');
		expect(await run('check', { ARCHIVE: file })).toContain('OK');
		const bytes = readFileSync(file);
		bytes[1000] = (bytes[1000] as number) ^ 1;
		writeFileSync(file, bytes);
		await expect(run('check', { ARCHIVE: file })).rejects.toThrow('did NOT match');
	});

	it.each(['zstd', 'gzip', 'none'] as const)('restore a database from %s', async (codec) => {
		expect(await restored(codec, { ARCHIVE: await archive(codec) })).toEqual(whole);
	});

	it('restore an encrypted database by gpg', async () => {
		const home = temporaryFolder('gpg');
		chmodSync(home, 0o700);
		const passphrase = join(home, 'passphrase');
		writeFileSync(passphrase, PASSPHRASE);
		writeFileSync(join(home, 'gpg.conf'), `batch\npinentry-mode loopback\npassphrase-file ${passphrase}\n`);
		const file = await archive('zstd', { passphrase: PASSPHRASE });
		expect(await restored('encrypted', { ARCHIVE: file, GNUPGHOME: home })).toEqual(whole);
		removeFolder(home);
	});

	it('restore one table by its frames alone', async () => {
		const target = await server.createDatabase('one_table');
		await server.query(target, 'CREATE TABLE users (id int PRIMARY KEY, name text)');
		await run('table', { ARCHIVE: await archive('zstd'), DATABASE: target, SCHEMA: 'public', TABLE: 'users' });
		const { rows } = await server.query(target, 'SELECT count(*)::int AS users FROM users');
		expect(rows).toEqual([{ users: 300_000 }]);
	});

	it('restore the roles on another server', async () => {
		await server.query('postgres', "CREATE ROLE app_reader LOGIN PASSWORD 'secret'");
		const { host, port, user, password } = server;
		const connection = { host, port, user, password, database: 'postgres' };
		const storage = new FolderStorage({ root: folder });
		const manifest = await backUpGlobals({ connection, storage, codec: { name: 'zstd' } });
		const other = await startPostgres({ version: 15 });
		try {
			await run('globals', {
				GLOBALS: join(folder, 'postgres', manifest.file),
				...(other.environment() as Record<string, string>),
			});
			// The globals bring the superuser's password along.
			const client = new Client({ ...other.clientConfig(), password });
			await client.connect();
			const { rows } = await client.query("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'app_reader'");
			await client.end();
			expect(rows).toEqual([{ rolcanlogin: true }]);
		} finally {
			await other.stop();
		}
	});
});
