import { Readable } from 'node:stream';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Manifest, openArchive } from '../../../../engine/archive';
import { ArchiveSource, restoreDatabase, type RestoreDatabaseOptions } from '../../../../engine/postgres';
import { FolderStorage, type ReadOptions } from '../../../../engine/storage';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { backUp, type Backup, connectionTo, databaseNames, databaseWith, failureOf, newName, scalar } from './support';

/** Counts the bytes of archives that are read. */
class CountingStorage extends FolderStorage {
	bytes = 0;

	override async read(key: string, options?: ReadOptions): Promise<Readable> {
		const source = await super.read(key, options);
		const count = (length: number) => (this.bytes += length);
		const counted = async function* () {
			for await (const chunk of source) {
				count((chunk as Buffer).length);
				yield chunk as Buffer;
			}
		};
		return Readable.from(counted(), { objectMode: false });
	}
}

const PASSPHRASE = 'long enough a passphrase';

/** Two tables with some megabytes that hardly compress, in several frames each. */
const TABLES = [
	'CREATE TABLE a (id int PRIMARY KEY, text text); CREATE TABLE b (id int PRIMARY KEY, text text)',
	`INSERT INTO a SELECT i, (SELECT string_agg(md5(i::text || j::text), '') FROM generate_series(1, 30) j) FROM generate_series(1, 14000) i`,
	`INSERT INTO b SELECT i, (SELECT string_agg(md5(j::text || i::text), '') FROM generate_series(1, 30) j) FROM generate_series(1, 9000) i`,
	'CREATE INDEX ON a (text text_pattern_ops) WHERE id < 10',
];

let server: PostgresServer;
let database: string;
let plain: Backup;
let encrypted: Backup;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	database = await databaseWith(server, ...TABLES);
	plain = await backUp(server, database);
	encrypted = await backUp(server, database, { encryption: { passphrase: PASSPHRASE } });
});

afterAll(async () => {
	await server?.stop();
});

/** Restores a backup and answers how many bytes of it were read. */
async function bytesRead(
	{ manifest, root }: Backup,
	target: RestoreDatabaseOptions['target'],
	choices: Pick<RestoreDatabaseOptions, 'selection'> = {},
): Promise<number> {
	const storage = new CountingStorage({ root });
	const reader = await openArchive(storage, { manifest, folder: 'postgres' }, { passphrase: PASSPHRASE });
	const source = new ArchiveSource(reader);
	await restoreDatabase({ connection: connectionTo(server, 'postgres'), source, target, ...choices });
	return storage.bytes;
}

/** A backup whose manifest does not say in which pieces it was encrypted, as once none did. */
function asBefore(backup: Backup): Backup {
	const { pieces: _pieces, ...encryption } = backup.manifest.encryption!;
	const { proof: _proof, ...manifest } = backup.manifest;
	return { ...backup, manifest: { ...manifest, encryption } };
}

/** Stored bytes of the definitions, and of the frames of a table. */
function lengths({ parts, tables = [] }: Manifest, table: string): { definitions: number; rows: number } {
	const sum = (wanted: (part: Manifest['parts'][number]) => boolean) =>
		parts.filter(wanted).reduce((bytes, { length }) => bytes + length, 0);
	return {
		definitions: sum((part) => part.table === undefined),
		rows: sum((part) => part.table !== undefined && tables[part.table]?.name === table),
	};
}

const newDatabase = () => ({ type: 'newDatabase', database: newName() }) as const;

describe('a restore that fills a database which gets its name at the end', () => {
	it('reads the archive once', async () => {
		expect(plain.manifest.parts.filter(({ type }) => type === 'data').length).toBeGreaterThan(2);
		expect(await bytesRead(plain, newDatabase())).toBe(plain.manifest.size.stored);
	});

	it('reads the archive once for a safe swap, too', async () => {
		const existing = await databaseWith(server, 'CREATE TABLE other ()');
		const target = { type: 'safeSwap', database: existing, confirmation: existing } as const;
		expect(await bytesRead(plain, target)).toBe(plain.manifest.size.stored);
		expect(await scalar(server, existing, 'SELECT count(*) FROM a')).toBe('14000');
	});

	it('reads an encrypted archive once, and of a choice little more than its frames and the definitions', async () => {
		const { stored } = encrypted.manifest.size;
		// The beginning of the file, a block of AES in front of each range, and the MDC at the end, which is not read.
		const around = 4096;
		expect(Math.abs((await bytesRead(encrypted, newDatabase())) - stored)).toBeLessThan(around);
		const { definitions, rows } = lengths(encrypted.manifest, 'b');
		const bytes = await bytesRead(encrypted, newDatabase(), { selection: { tables: ['public.b'] } });
		expect(bytes).toBeLessThan(definitions + rows + around);
		expect(bytes).toBeLessThan(0.6 * stored);
	});

	it('reads one that was encrypted before once, beside its beginning, which tells whether the key is right and what is defined', async () => {
		const { stored } = encrypted.manifest.size;
		const bytes = await bytesRead(asBefore(encrypted), newDatabase());
		expect(bytes).toBeGreaterThanOrEqual(stored);
		// Two looks at its beginning, a chunk or two of the storage each.
		expect(bytes).toBeLessThan(stored + 2 * 1024 * 1024);
		expect(stored).toBeGreaterThan(8 * 1024 * 1024);
	});

	it('reads of a choice its own frames and the definitions, and nothing else', async () => {
		const { definitions, rows } = lengths(plain.manifest, 'b');
		const bytes = await bytesRead(plain, newDatabase(), { selection: { tables: ['public.b'] } });
		expect(bytes).toBe(definitions + rows);
		expect(bytes).toBeLessThan(0.6 * plain.manifest.size.stored);
	});
});

describe('a restore into a database that exists', () => {
	it('reads the definitions once, and the chosen rows before it touches anything and to load them', async () => {
		const existing = await databaseWith(server, ...TABLES.slice(0, 1));
		const target = { type: 'existing', database: existing, confirmation: existing, before: 'truncate' } as const;
		const { definitions, rows } = lengths(plain.manifest, 'b');
		const selection = { tables: ['public.b'], dataOnly: true };
		expect(await bytesRead(plain, target, { selection })).toBe(definitions + 2 * rows);
		expect(await scalar(server, existing, 'SELECT count(*) FROM b')).toBe('9000');
	});
});

describe('what an encrypted archive of before says only after its rows', () => {
	it('is asked of the target before it is run: a role that is missing leaves nothing behind', async () => {
		await server.query('postgres', 'CREATE ROLE only_here');
		const granting = await databaseWith(server, 'CREATE TABLE t ()', 'GRANT SELECT ON t TO only_here');
		const backup = await backUp(server, granting, { encryption: { passphrase: PASSPHRASE } });
		await server.query('postgres', `DROP DATABASE ${granting}`);
		await server.query('postgres', 'DROP ROLE only_here');
		const before = await databaseNames(server);
		const { message } = await failureOf(bytesRead(asBefore(backup), newDatabase()), 'TARGET_FAILED');
		expect(message).toContain('lacks the role only_here');
		expect(await databaseNames(server)).toEqual(before);
	});
});
