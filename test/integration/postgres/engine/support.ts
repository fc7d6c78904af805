import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

import { Client } from 'pg';
import { expect, onTestFinished } from 'vitest';

import { type DecryptionKeys, type Manifest, openArchive } from '../../../../engine/archive';
import { BackupError, type ErrorCode } from '../../../../engine/errors';
import {
	ArchiveSource,
	backUpDatabase,
	type BackUpDatabaseOptions,
	type PostgresConnection,
	restoreDatabase,
	type RestoreDatabaseOptions,
	type RestoreReport,
} from '../../../../engine/postgres';
import { FolderStorage } from '../../../../engine/storage';
import { temporaryFolder } from '../../../services/guard';
import type { PostgresServer } from '../../../services/postgres';

/** The engine's way to name a server, as its superuser. */
export function connectionTo(server: PostgresServer, database: string): PostgresConnection {
	const { host, port, user, password } = server;
	return { host, port, user, password, database };
}

/** A folder storage that ends with the test file, and a look at all that lies in it. */
export function temporaryStorage(): { root: string; storage: FolderStorage; files: () => string[] } {
	const root = temporaryFolder('backups');
	const files = () =>
		readdirSync(root, { recursive: true, withFileTypes: true })
			.filter((entry) => !entry.isDirectory())
			.map((entry) => relative(root, join(entry.parentPath, entry.name)))
			.sort();
	return { root, files, storage: new FolderStorage({ root }) };
}

export interface Backup {
	manifest: Manifest;
	storage: FolderStorage;
	root: string;
	/** The script, as stock tools unpack it. */
	script(): Promise<string>;
	source(keys?: DecryptionKeys): Promise<ArchiveSource>;
}

type BackupChoices = Partial<Omit<BackUpDatabaseOptions, 'storage'>>;

/** Backs a database up into a folder of its own. */
export async function backUp(server: PostgresServer, database: string, choices: BackupChoices = {}): Promise<Backup> {
	const { storage, root } = temporaryStorage();
	const connection = connectionTo(server, database);
	const manifest = await backUpDatabase({ connection, storage, codec: { name: 'zstd' }, ...choices });
	const open = async (keys?: DecryptionKeys) => await openArchive(storage, { manifest, folder: 'postgres' }, keys);
	return {
		manifest,
		storage,
		root,
		async script() {
			const chunks: Buffer[] = [];
			for await (const chunk of (await open()).raw()) chunks.push(chunk as Buffer);
			return Buffer.concat(chunks).toString('utf8');
		},
		source: async (keys) => new ArchiveSource(await open(keys)),
	};
}

type RestoreChoices = Partial<Omit<RestoreDatabaseOptions, 'source' | 'target'>> & { keys?: DecryptionKeys };

let databases = 0;

/** A name for a database that no test has used. */
export function newName(): string {
	return `made_${process.pid}_${++databases}`;
}

/** Restores a backup; into a new database unless told where. */
export async function restore(
	server: PostgresServer,
	backup: Backup,
	{ keys, target, ...choices }: RestoreChoices & { target?: RestoreDatabaseOptions['target'] } = {},
): Promise<RestoreReport> {
	return await restoreDatabase({
		connection: connectionTo(server, 'postgres'),
		source: await backup.source(keys),
		target: target ?? { type: 'newDatabase', database: newName() },
		...choices,
	});
}

/** A database with what the statements make. */
export async function databaseWith(server: PostgresServer, ...statements: string[]): Promise<string> {
	const database = await server.createDatabase(newName());
	for (const sql of statements) await server.query(database, sql);
	return database;
}

/** A connection of somebody else's, closed with the test. */
export async function anotherSession(server: PostgresServer, database: string): Promise<Client> {
	const client = new Client(server.clientConfig(database));
	client.on('error', () => {});
	await client.connect();
	onTestFinished(async () => {
		await client.end().catch(() => {});
	});
	return client;
}

/** The first column of the first row, as text. */
export async function scalar(server: PostgresServer, database: string, sql: string): Promise<string | null> {
	const { rows } = await server.query<Record<string, unknown>>(database, sql);
	const value = Object.values(rows[0] ?? {})[0];
	return value === null || value === undefined ? null : typeof value === 'string' ? value : JSON.stringify(value);
}

export async function databaseNames(server: PostgresServer): Promise<string[]> {
	const { rows } = await server.query<{ datname: string }>('postgres', 'SELECT datname FROM pg_database ORDER BY 1');
	return rows.map(({ datname }) => datname);
}

/** Tries again until the condition holds; the test's own time limit ends what never does. */
export async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
	while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

const OURS = `SELECT pid FROM pg_stat_activity WHERE application_name = 'n8n-nodes-stack-backup'`;

/** Process ids of the engine's sessions on the server. */
export async function engineSessions(server: PostgresServer): Promise<number[]> {
	return (await server.query<{ pid: number }>('postgres', OURS)).rows.map(({ pid }) => pid);
}

export async function untilNoEngineSession(server: PostgresServer): Promise<void> {
	await until(async () => (await engineSessions(server)).length === 0);
}

/** The BackupError that a promise rejects with, looked at as its reader sees it. */
export async function failureOf(promise: Promise<unknown>, code: ErrorCode | RegExp): Promise<BackupError> {
	const error = await promise.then(
		(value) => expect.fail(`nothing failed: ${JSON.stringify(value)?.slice(0, 300)}`),
		(reason: unknown) => reason,
	);
	expect(error).toBeInstanceOf(BackupError);
	const failure = error as BackupError;
	if (code instanceof RegExp) expect(failure.code, failure.message).toMatch(code);
	else expect({ code: failure.code, message: failure.message }).toMatchObject({ code });
	return failure;
}
