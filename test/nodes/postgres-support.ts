import { setTimeout as sleep } from 'node:timers/promises';
import type { PostgresServer } from '../services/postgres';
import { NodeRunner } from './node-runner';
import { type NodeHost, PACKAGE, type Runnable } from './workflow';

export const NODE_TYPE = `${PACKAGE}.postgresDump`;

/** A database with what people have: keys, foreign keys, a name that needs quotes, a second schema. */
export async function createShop(server: PostgresServer, name?: string): Promise<string> {
	const database = await server.createDatabase(name);
	await server.query(
		database,
		`CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL, joined timestamptz DEFAULT now());
		INSERT INTO users SELECT n, 'user' || n || '@example.com' FROM generate_series(1, 1000) n;
		CREATE TABLE "Order Lines" (id serial PRIMARY KEY, buyer int REFERENCES users, note text);
		INSERT INTO "Order Lines" (buyer, note) SELECT n, repeat('x', n % 50) FROM generate_series(1, 500) n;
		CREATE SCHEMA audit;
		CREATE TABLE audit.log (entry text);
		INSERT INTO audit.log VALUES ('first'), ('second');`,
	);
	return database;
}

/** What is in a shop: its rows by table. */
export async function rowsOf(server: PostgresServer, database: string): Promise<Record<string, number>> {
	const { rows } = await server.query<Record<string, string>>(
		database,
		`SELECT (SELECT count(*) FROM users) AS users, (SELECT count(*) FROM "Order Lines") AS lines,
			(SELECT count(*) FROM audit.log) AS log`,
	);
	return Object.fromEntries(Object.entries(rows[0]!).map(([table, count]) => [table, Number(count)]));
}

export const WHOLE_SHOP = { users: 1000, lines: 500, log: 2 };

export async function databaseExists(server: PostgresServer, name: string): Promise<boolean> {
	const { rowCount } = await server.query('postgres', 'SELECT FROM pg_database WHERE datname = $1', [name]);
	return rowCount === 1;
}

/** Server sessions of the node, whatever they do. */
export async function sessionsOfNode(server: PostgresServer): Promise<number> {
	const { rows } = await server.query<{ count: number }>(
		'postgres',
		"SELECT count(*)::int FROM pg_stat_activity WHERE application_name = 'n8n-nodes-stack-backup'",
	);
	return rows[0]!.count;
}

/** Waits until there are as many sessions of the node as told. */
export async function untilSessions(server: PostgresServer, wanted: (count: number) => boolean): Promise<void> {
	while (!wanted(await sessionsOfNode(server))) await sleep(50);
}

export function postgresData(server: PostgresServer, database: string): Record<string, unknown> {
	const { host, port, user, password } = server;
	return { host, port, user, password, database, ssl: 'disable', allowUnauthorizedCerts: false, sshTunnel: false };
}

/** Postgres Dump on a server, with a fresh folder as the storage. */
export async function dumpNode<W extends Runnable>(n8n: NodeHost<W>, server: PostgresServer, database: string) {
	const postgres = await n8n.createCredential('server', 'postgres', postgresData(server, database));
	return await NodeRunner.withFolder(n8n, NODE_TYPE, { postgres });
}
