import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { Client } from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';

import { type InstanceSettings, listManifests, verifyBackup } from '../../../../engine';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { connectionTo } from '../../postgres/engine/support';
import { archiveKey, backUp, emptyStorage, folder, KEY, KEYS, restore, sealed, settingsOf } from './stage';

let server: PostgresServer;
let database: string;
let settings: InstanceSettings;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	database = await server.createDatabase('automation');
	await server.query(
		database,
		`CREATE SCHEMA flows; SET search_path = flows;
		CREATE TABLE n8n_migrations (id serial PRIMARY KEY, timestamp bigint NOT NULL, name varchar NOT NULL);
		INSERT INTO n8n_migrations (timestamp, name) VALUES (1, 'First1'), (2, 'Second2');
		CREATE TABLE n8n_credentials_entity (id varchar(36) PRIMARY KEY, name varchar, data text, type varchar, "updatedAt" timestamptz);
		CREATE TABLE n8n_installed_packages ("packageName" char(214) PRIMARY KEY, "installedVersion" char(50));
		INSERT INTO n8n_installed_packages VALUES ('n8n-nodes-example', '1.2.3')`,
	);
	await server.query(database, `INSERT INTO flows.n8n_credentials_entity VALUES ('c1', 'mail', $1, 'smtp', now())`, [
		sealed({ user: 'anna' }, KEY),
	]);
	settings = settingsOf('/home/node', {
		DB_TYPE: 'postgresdb',
		DB_POSTGRESDB_HOST: server.host,
		DB_POSTGRESDB_PORT: String(server.port),
		DB_POSTGRESDB_USER: server.user,
		DB_POSTGRESDB_PASSWORD: server.password,
		DB_POSTGRESDB_DATABASE: database,
		DB_POSTGRESDB_SCHEMA: 'flows',
		DB_TABLE_PREFIX: 'n8n_',
		EXECUTIONS_MODE: 'queue',
	});
	return async () => await server.stop();
});

describe('a backup of an instance on PostgreSQL', () => {
	it('comes back as a folder and a new database', async () => {
		const storage = emptyStorage();
		const manifest = await backUp(storage, settings);
		const { backups } = await listManifests(storage, '');
		const dump = backups.find(({ manifest: { kind } }) => kind === 'postgres')?.manifest;
		expect(manifest).toMatchObject({
			needs: [dump?.id],
			runId: dump?.runId,
			source: {
				database: { type: 'postgresdb', database, schema: 'flows', backup: dump?.id },
				tablePrefix: 'n8n_',
				lastMigration: 'Second2',
				packages: [{ name: 'n8n-nodes-example', version: '1.2.3' }],
				binaryData: { mode: 'database', inFolder: false },
			},
			warnings: [],
		});
		expect(dump).toMatchObject({ name: 'n8n_database', encryption: { passphrase: true } });

		const target = join(folder(), 'new');
		const name = 'automation_again';
		const restored = await restore(storage, manifest, target, {
			database: { connection: connectionTo(server, 'postgres'), name },
		});
		expect(restored).toMatchObject({
			database: name,
			environment: {
				DB_TYPE: 'postgresdb',
				DB_POSTGRESDB_DATABASE: name,
				DB_POSTGRESDB_SCHEMA: 'flows',
				DB_TABLE_PREFIX: 'n8n_',
			},
		});
		expect(JSON.stringify(restored)).not.toContain(server.password);
		expect(readdirSync(join(target, '.n8n')).sort()).toEqual(['config', 'nodes']);
		expect(JSON.parse(readFileSync(join(target, '.n8n/config'), 'utf8'))).toEqual({ encryptionKey: KEY });
		const credentials = 'SELECT * FROM flows.n8n_credentials_entity';
		expect((await server.query(name, credentials)).rows).toEqual((await server.query(database, credentials)).rows);
	});

	it('is one moment of a database to which executions are written all the time', async () => {
		const live = await server.createDatabase('live');
		const client = new Client(server.clientConfig(live));
		await client.connect();
		await client.query(`CREATE TABLE migrations (id serial PRIMARY KEY, timestamp bigint NOT NULL, name varchar NOT NULL);
			INSERT INTO migrations (timestamp, name) VALUES (1, 'First1');
			CREATE TABLE credentials_entity (id varchar(36) PRIMARY KEY, data text, "updatedAt" timestamptz);
			CREATE TABLE execution_entity (id serial PRIMARY KEY, status varchar);
			CREATE TABLE execution_data ("executionId" int PRIMARY KEY, data text)`);
		let done = false;
		// Of each execution one row in either table, in one transaction.
		const write = async () => {
			await client.query(`WITH made AS (INSERT INTO execution_entity (status) VALUES ('success') RETURNING id)
				INSERT INTO execution_data SELECT id, repeat('x', 4000) FROM made`);
		};
		await write();
		const writing = (async () => {
			while (!done) await write();
			await client.end();
		})();
		const storage = emptyStorage();
		const at = settings.database as Extract<InstanceSettings['database'], { type: 'postgresdb' }>;
		const own = { ...settings, tablePrefix: '', database: { ...at, database: live, schema: 'public' } };
		const manifest = await backUp(storage, own).finally(() => (done = true));
		await writing;
		const name = 'live_again';
		const database = { connection: connectionTo(server, 'postgres'), name };
		await restore(storage, manifest, join(folder(), 'new'), { database });
		const counts = async (of: string) => {
			const { rows } = await server.query<{ entities: number; data: number }>(
				of,
				'SELECT (SELECT count(*)::int FROM execution_entity) AS entities, (SELECT count(*)::int FROM execution_data) AS data',
			);
			return rows[0]!;
		};
		const { entities, data } = await counts(name);
		expect(entities).toBe(data);
		expect(entities).toBeGreaterThan(0);
		expect((await counts(live)).entities).toBeGreaterThan(entities);
	});

	it('is verified together with the dump that it needs', async () => {
		const storage = emptyStorage();
		const manifest = await backUp(storage, settings);
		const options = { storage, key: archiveKey(manifest), level: 'content', keys: KEYS } as const;
		expect(await verifyBackup(options)).toMatchObject({ verdict: 'passed', findings: [] });
		for (const file of readdirSync(join(storage.root, 'n8n'))) {
			if (file.startsWith('n8n_database_2') && file.endsWith('.gpg')) await storage.remove(`n8n/${file}`);
		}
		expect((await verifyBackup(options)).verdict).toBe('failed');
	});

	it('is restored into no database that exists, and into none that was not named', async () => {
		const storage = emptyStorage();
		const manifest = await backUp(storage, settings);
		const target = join(folder(), 'new');
		const at = (name: string) => ({ database: { connection: connectionTo(server, 'postgres'), name } });
		await expect(restore(storage, manifest, target, at(database))).rejects.toMatchObject({ code: 'TARGET_EXISTS' });
		await expect(restore(storage, manifest, target)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
		expect(existsSync(target)).toBe(false);
	});

	it('leaves no database behind where its binary data cannot be restored', async () => {
		const storage = emptyStorage();
		const root = folder();
		writeFileSync(join(root, 'picture'), 'content');
		const binaryData = { ...settings.binaryData, mode: 'filesystem', folder: root, inFolder: true };
		const manifest = await backUp(storage, { ...settings, binaryData }, { binaryData: true });
		for (const file of readdirSync(join(storage.root, 'n8n'))) {
			if (!file.startsWith('n8n_binary_data_2') || !file.endsWith('.gpg')) continue;
			const archive = join(storage.root, 'n8n', file);
			const bytes = readFileSync(archive);
			bytes.fill(0, bytes.length >> 1);
			writeFileSync(archive, bytes);
		}
		const name = 'automation_left';
		const target = join(folder(), 'new');
		const at = { database: { connection: connectionTo(server, 'postgres'), name } };
		await expect(restore(storage, manifest, target, at)).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' });
		expect(existsSync(target)).toBe(false);
		const found = await server.query(database, 'SELECT 1 FROM pg_database WHERE datname = $1', [name]);
		expect(found.rows).toEqual([]);
	});

	it('is not made with a key that opens none of its credentials, and none of the dump is left', async () => {
		const storage = emptyStorage();
		const wrong = { ...settings, config: { encryptionKey: 'another' } };
		await expect(backUp(storage, wrong)).rejects.toMatchObject({ code: 'KEY_WRONG' });
		expect(readdirSync(storage.root)).toEqual([]);
	});

	it('is not made of a database that is none of n8n', async () => {
		const elsewhere = { ...settings, tablePrefix: '' };
		await expect(backUp(emptyStorage(), elsewhere)).rejects.toMatchObject({
			code: 'INVALID_INPUT',
			hint: expect.stringContaining('DB_TABLE_PREFIX'),
		});
	});
});
