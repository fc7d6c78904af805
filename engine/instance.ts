/**
 * A whole n8n, from what several systems bring: its SQLite database and its key (n8n), its PostgreSQL database (postgres), its binary data
 * (files). Each part is an archive of its own kind, which lists, verifications and restores know; the manifest of the instance names the
 * others in `needs`. It stands above the systems, because they never import each other.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, realpath } from 'node:fs/promises';
import path from 'node:path';

import { asBackUp, type ArchiveChoices, type ArchiveReader, type DecryptionKeys, type Manifest } from './archive';
import { BackupError } from './errors';
import { backUpFiles, restoreFiles } from './files';
import {
	assertEncrypted,
	assertKeyOpens,
	assertSqliteIsWhole,
	canBeInstalled,
	factQueries,
	factsIn,
	isOlder,
	prepareFolder,
	readInstance,
	storeInstance,
	withDatabaseCopy,
	withoutLinks,
	type Answers,
	type DatabaseFacts,
	type DatabaseSettings,
	type InstanceContent,
	type InstanceSettings,
	type InstanceSource,
	type StoredDatabase,
} from './n8n/instance';
import { ArchiveSource, backUpDatabase, queryDatabase, restoreDatabase, type PostgresConnection } from './postgres';
import type { Storage } from './storage';
import { assertBackupOf, openNeeded } from './tree';

export interface BackUpInstanceOptions extends ArchiveChoices {
	/** What the backups are called. */
	name: string;
	settings: InstanceSettings;
	/** The version of n8n. */
	version: string;
	/** Whether files of executions that lie in a folder are backed up as well. */
	binaryData: boolean;
	/** Where the storage itself lies, where it is a folder: it is not backed up with the binary data. */
	notIn?: readonly string[];
	/** Opens earlier backups of the binary data, so that only what is new is stored. */
	keys?: DecryptionKeys | undefined;
	log?: (line: string) => void;
}

const FOLDER = 'n8n';

/** Increments of binary data: whole again after so many, or when less than this share of what is stored is in use. */
const INCREMENTAL = { wholeEvery: 30, leastUse: 0.3 };

/**
 * Backs up the n8n whose settings are given. The archive of the instance comes last: it exists when all that it needs does.
 * @throws BackupError INVALID_INPUT (no encryption), KEY_WRONG, SOURCE_FAILED, CANCELLED, and what backUpDatabase, backUpFiles and the storage throw
 */
export async function backUpInstance(options: BackUpInstanceOptions): Promise<Manifest> {
	// Before anything is stored, and not only when the key is at stake.
	assertEncrypted(options);
	const { name, folder = FOLDER, settings } = options;
	const series = { kind: 'n8n-instance', name, origin: settings.url, isWhole: true } as const;
	return await asBackUp({ ...options, folder }, series, storeAll);
}

async function storeAll(options: BackUpInstanceOptions): Promise<Manifest> {
	const { settings, signal, log, ...rest } = options;
	const choices = {
		...rest,
		folder: options.folder ?? FOLDER,
		runId: options.runId ?? randomUUID(),
		...(signal && { signal }),
	};
	const startedAt = new Date();
	const warnings: string[] = [];
	// After the database: what its executions refer to is there, as far as it was not removed meanwhile.
	const store = async (database: StoredDatabase) => {
		const binaryData = await backUpBinaryData({ ...options, ...choices });
		return await storeInstance({ ...choices, startedAt, settings, database, binaryData });
	};
	const { database, tablePrefix } = settings;
	if (database.type === 'sqlite') {
		log?.('Copying the SQLite database');
		const copying = {
			file: database.file,
			tablePrefix,
			signal,
			warn: (message: string) => void warnings.push(message),
		};
		const manifest = await withDatabaseCopy(copying, async (copy) => {
			const facts = assertSqliteIsWhole(copy);
			assertKeyOpens(settings, facts);
			return await store({ type: 'sqlite', facts, copy });
		});
		return { ...manifest, warnings: [...manifest.warnings, ...warnings] };
	}
	const connection = connectionOf(database);
	const facts = await postgresFacts(connection, tablePrefix, database.schema, signal);
	assertKeyOpens(settings, facts);
	log?.(`Backing up the PostgreSQL database ${database.database}`);
	const backup = await backUpDatabase({
		...choices,
		name: `${options.name}_database`,
		connection,
		...(log && { log }),
	});
	return await store({ type: 'postgresdb', facts, backup });
}

/** Undefined where it was not asked for, or is not in a folder. */
async function backUpBinaryData(options: BackUpInstanceOptions): Promise<Manifest | undefined> {
	const { settings, binaryData, name, notIn, keys, log } = options;
	const { inFolder, folder } = settings.binaryData;
	if (!binaryData || !inFolder) return undefined;
	await assertApart(settings);
	log?.(`Backing up binary data in ${folder}`);
	// n8n makes it with the first file.
	await mkdir(folder, { recursive: true });
	return await backUpFiles({
		...options,
		name: `${name}_binary_data`,
		root: folder,
		...(notIn && { notIn }),
		incremental: INCREMENTAL,
		keys,
	});
}

/** Reading the database's file here would end n8n's locks on it: see n8n/instance/sqlite/child.ts. @throws BackupError INVALID_INPUT */
async function assertApart({ database, binaryData: { folder } }: InstanceSettings): Promise<void> {
	if (database.type !== 'sqlite') return;
	const real = async (file: string) => await realpath(file).catch(() => path.resolve(file));
	if (path.relative(await real(folder), await real(database.file)).startsWith('..')) return;
	throw new BackupError(
		'INVALID_INPUT',
		`n8n keeps its binary data in ${folder}, and its database in the same folder.`,
		{
			hint: 'Give the binary data a folder of its own (N8N_STORAGE_PATH), or switch Binary Data off.',
		},
	);
}

function connectionOf(database: Extract<DatabaseSettings, { type: 'postgresdb' }>): PostgresConnection {
	const { host, port, user, password, ssl } = database;
	return { host, port, database: database.database, user, password, ssl };
}

/** @throws BackupError INVALID_INPUT where it is no database of n8n's; what queryDatabase throws */
async function postgresFacts(
	connection: PostgresConnection,
	prefix: string,
	schema: string,
	signal: AbortSignal | undefined,
): Promise<DatabaseFacts> {
	const ask = async (sql: string, values: unknown[] = []) =>
		await queryDatabase(connection, connection.database, sql, values, signal);
	const names = await ask('SELECT tablename::text AS name FROM pg_catalog.pg_tables WHERE schemaname = $1', [schema]);
	const tables = new Set(names.map(({ name }) => name));
	const answers: Answers = {};
	for (const { name, table, sql } of factQueries(prefix, schema)) {
		answers[name] = tables.has(table) ? await ask(sql) : null;
	}
	const facts = factsIn(answers);
	if (facts) return facts;
	throw new BackupError(
		'INVALID_INPUT',
		`The schema ${schema} of the database ${connection.database} does not hold n8n’s tables.`,
		{
			hint: 'Check DB_POSTGRESDB_DATABASE, DB_POSTGRESDB_SCHEMA and DB_TABLE_PREFIX in n8n’s environment.',
		},
	);
}

export interface RestoreInstanceOptions {
	reader: ArchiveReader;
	/** Where the other archives lie that the backup needs. */
	storage: Storage;
	keys: DecryptionKeys | undefined;
	/** Absolute; empty, or not there yet. */
	folder: string;
	/** The `.n8n` of the n8n that runs. */
	running?: string;
	/** The version of the n8n that is to start from it, where it is known. */
	version?: string;
	/** Where an instance that ran on PostgreSQL gets its database: one that does not exist yet. */
	database?: { connection: PostgresConnection; name: string };
	signal?: AbortSignal;
	log?: (line: string) => void;
}

export interface RestoredInstance {
	source: InstanceSource;
	/** Becomes the N8N_USER_FOLDER of the new n8n. */
	folder: string;
	/** The name of the PostgreSQL database that was made; null for SQLite. */
	database: string | null;
	/** Files and folders of binary data; null where the backup has none. */
	binaryFiles: number | null;
	/** What the environment of the new n8n has to have; no secrets. */
	environment: Record<string, string>;
	warnings: string[];
}

/**
 * Prepares a folder that an n8n of the right version starts from, and its PostgreSQL database where it had one. The archives that are needed
 * are there, the key fits and opens a credential, and the database is whole, before anything gets its name.
 * @throws BackupError INVALID_INPUT, UNSUPPORTED_VERSION (of an older n8n), and as prepareFolder, restoreDatabase and restoreFiles do
 */
export async function restoreInstance(options: RestoreInstanceOptions): Promise<RestoredInstance> {
	const { reader, storage, keys, folder, running, database, signal, log } = options;
	assertBackupOf(reader, { kind: 'n8n-instance', things: 'an n8n instance', node: 'n8n Export' });
	await reader.assertOpens(signal);
	const needed = await openNeeded(reader, { storage, keys, signal });
	const content = await readInstance(reader, signal);
	const { source } = content.document;
	assertNotOlder(options.version, source.version);
	assertDatabaseNamed(source, database);
	let binaryFiles: number | null = null;
	let links = 0;
	const complete = async (draft: string) => {
		if (source.binaryData.backup !== null) {
			log?.('Restoring binary data');
			const root = path.join(draft, source.binaryData.folder);
			const files = await restoreFiles({
				reader: neededOf(needed, source.binaryData.backup),
				storage,
				keys,
				root,
				existing: 'fail',
				...(signal && { signal }),
			});
			binaryFiles = files.written;
			links = await withoutLinks(root, signal);
		}
		// Last: a database is not taken away again by what fails after it.
		if (database) await restorePostgres(neededOf(needed, databaseOf(source)), database, options);
	};
	await prepareFolder({ reader, content, folder, running, signal, log, complete });
	return {
		source,
		folder,
		database: database?.name ?? null,
		binaryFiles,
		environment: environmentOf(source, folder, database),
		warnings: warningsOf(content, links),
	};
}

function assertNotOlder(version: string | undefined, needed: string): void {
	if (version === undefined || version === '') return;
	if (isOlder(version, version) === undefined) {
		throw new BackupError('INVALID_INPUT', `"${version.slice(0, 40)}" is not a version of n8n.`, {
			hint: 'Give it as n8n shows it, such as 2.41.3, or leave it empty.',
		});
	}
	// Undefined where the backup does not say which version it needs; a warning of its own said so.
	if (!isOlder(version, needed)) return;
	throw new BackupError(
		'UNSUPPORTED_VERSION',
		`The backup was made by n8n ${needed}; n8n ${version} is older and must not open its database.`,
		{ hint: `Start n8n ${needed} from it, or a newer version. Nothing was written.` },
	);
}

function assertDatabaseNamed({ database }: InstanceSource, target: RestoreInstanceOptions['database']): void {
	const isPostgres = database.type === 'postgresdb';
	if (isPostgres === (target !== undefined)) return;
	throw isPostgres
		? new BackupError(
				'INVALID_INPUT',
				'This n8n kept its data in PostgreSQL, and no database is named to restore it into.',
				{
					hint: 'Choose a Postgres credential and the name of a database that does not exist yet.',
				},
			)
		: new BackupError(
				'INVALID_INPUT',
				'This n8n kept its data in SQLite: there is nothing to restore into PostgreSQL.',
				{
					hint: 'Switch Into PostgreSQL off. n8n can move to PostgreSQL afterwards, by its own commands.',
				},
			);
}

function databaseOf({ database }: InstanceSource): string {
	return database.type === 'postgresdb' ? database.backup : '';
}

/** @throws BackupError ARCHIVE_INCOMPLETE: the manifest names it in `needs`, so it was looked for */
function neededOf(needed: ReadonlyMap<string, ArchiveReader>, id: string): ArchiveReader {
	const reader = needed.get(id);
	if (reader) return reader;
	throw new BackupError('ARCHIVE_INCOMPLETE', `The backup needs the archive with the id ${id}, which is not there.`, {
		hint: 'Bring it back from a copy of the storage, or choose another backup.',
	});
}

async function restorePostgres(
	reader: ArchiveReader,
	{ connection, name }: NonNullable<RestoreInstanceOptions['database']>,
	{ signal, log }: RestoreInstanceOptions,
): Promise<void> {
	log?.(`Restoring the PostgreSQL database ${name}`);
	await restoreDatabase({
		connection,
		source: new ArchiveSource(reader),
		target: { type: 'newDatabase', database: name },
		// The new server may have other roles; n8n owns all of its tables.
		owner: { type: 'none' },
		...(signal && { signal }),
		...(log && { log }),
	});
}

function environmentOf(
	{ database, tablePrefix }: InstanceSource,
	folder: string,
	target: RestoreInstanceOptions['database'],
): Record<string, string> {
	return {
		N8N_USER_FOLDER: folder,
		DB_TYPE: database.type,
		...(database.type === 'postgresdb' &&
			target && {
				DB_POSTGRESDB_HOST: target.connection.host,
				DB_POSTGRESDB_PORT: String(target.connection.port),
				DB_POSTGRESDB_DATABASE: target.name,
				DB_POSTGRESDB_USER: target.connection.user,
				DB_POSTGRESDB_SCHEMA: database.schema,
			}),
		...(tablePrefix !== '' && { DB_TABLE_PREFIX: tablePrefix }),
	};
}

function warningsOf({ document: { source } }: InstanceContent, links: number): string[] {
	const { packages, binaryData } = source;
	const missing = packages.filter(canBeInstalled);
	return [
		...(missing.length > 0
			? [
					`${missing.length} community packages are named and not there: start n8n with N8N_REINSTALL_MISSING_PACKAGES=true, which installs them.`,
				]
			: []),
		...(missing.length < packages.length
			? [
					`${packages.length - missing.length} community packages were not from npm, and are not named: install them by hand.`,
				]
			: []),
		...(binaryData.inFolder && binaryData.backup === null
			? ['The backup has no binary data: executions of before show their files as missing.']
			: []),
		...(links > 0 ? [`${links} symbolic links among the binary data were left out: n8n makes none there.`] : []),
		...(binaryData.mode === 's3' || binaryData.mode === 'azure'
			? [
					`Binary data lies in a bucket (${binaryData.mode}): the new n8n needs it, and the same N8N_EXTERNAL_STORAGE variables.`,
				]
			: []),
	];
}
