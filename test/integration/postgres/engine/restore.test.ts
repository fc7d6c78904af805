import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';

import { openArchive } from '../../../../engine/archive';
import { ArchiveWriter } from '../../../../engine/archive/write/writer';
import { ArchiveSource } from '../../../../engine/postgres';
import { verifyBackup } from '../../../../engine';
import { compareDatabases } from '../../../fidelity/compare';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { SHOP } from './shop';
import { backUp, type Backup, databaseNames, databaseWith, failureOf, restore, scalar } from './support';

let server: PostgresServer;
let shop: string;
let backup: Backup;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	shop = await databaseWith(server, ...SHOP);
	backup = await backUp(server, shop);
});

afterAll(async () => {
	await server?.stop();
});

/** Fails unless the database is as the shop in all that a dump carries. */
async function expectShop(database: string): Promise<void> {
	expect(await compareDatabases({ server, database: shop }, { server, database })).toEqual([]);
}

describe('restoring into a new database', () => {
	it.each([1, 4])('gives all back over %i connections', async (parallel) => {
		const report = await restore(server, backup, { parallel });
		expect(report).toMatchObject({ rows: 3603, failures: [], warnings: [], previousDatabase: undefined });
		expect(report.tables.find(({ name }) => name === 'orders')).toMatchObject({
			schema: 'sales',
			rows: 3000,
			expected: 3000,
		});
		await expectShop(report.database);
	});

	it.each([
		{ codec: { name: 'gzip' as const } },
		{ codec: { name: 'none' as const } },
		{ codec: { name: 'zstd' as const }, encryption: { passphrase: 'correct horse' } },
	])('reads archives with $codec.name, encrypted $encryption', async (choices) => {
		const stored = await backUp(server, shop, choices);
		const report = await restore(server, stored, { keys: { passphrase: 'correct horse' } });
		await expectShop(report.database);
	});

	it('reads archives that have grown so large that their frames were streamed, also frames of more than 64 MiB', async () => {
		const wide = `CREATE TABLE wide AS SELECT n, repeat(n::text, 500000) AS x FROM generate_series(10, 85) n`;
		const large = await databaseWith(server, ...SHOP, wide);
		vi.spyOn(ArchiveWriter.prototype, 'frameSize').mockReturnValue(1024 ** 3);
		onTestFinished(() => void vi.restoreAllMocks());
		const stored = await backUp(server, large);
		const frames = stored.manifest.parts.filter(({ type }) => type === 'data');
		expect(frames.map(({ rows }) => rows)).toContain(76);
		expect(Math.max(...frames.map(({ rawLength }) => rawLength))).toBeGreaterThan(64 * 1024 * 1024);
		const verification = await verifyBackup({ ...stored, folder: 'postgres', level: 'content' });
		expect(verification).toMatchObject({ verdict: 'passed', findings: [] });
		for (const parallel of [1, 4]) {
			const { database, failures } = await restore(server, stored, { parallel });
			expect(failures).toEqual([]);
			expect(await compareDatabases({ server, database: large }, { server, database })).toEqual([]);
		}
	});

	it('refuses a wrong passphrase, and none, and creates nothing', async () => {
		const stored = await backUp(server, shop, { encryption: { passphrase: 'correct horse' } });
		const before = await databaseNames(server);
		await failureOf(restore(server, stored, { keys: { passphrase: 'wrong' } }), 'KEY_WRONG');
		await failureOf(restore(server, stored), 'KEY_MISSING');
		expect(await databaseNames(server)).toEqual(before);
	});

	it('refuses a backup that uses the content of other archives, and creates nothing', async () => {
		const manifest = { ...backup.manifest, needs: ['0b6a3a52-6e0a-4a8f-9d0e-5f1d8c3b7a11'] };
		const source = async () => new ArchiveSource(await openArchive(backup.storage, { manifest, folder: 'postgres' }));
		const before = await databaseNames(server);
		await failureOf(restore(server, { ...backup, source }), 'MANIFEST_NEWER');
		expect(await databaseNames(server)).toEqual(before);
	});

	it('refuses a name that is taken and leaves that database alone', async () => {
		const { message } = await failureOf(
			restore(server, backup, { target: { type: 'newDatabase', database: shop } }),
			'TARGET_EXISTS',
		);
		expect(message).toContain(`"${shop}" exists already`);
		expect(await scalar(server, shop, 'SELECT count(*) FROM sales.orders')).toBe('3000');
	});

	it.each(['Ünï "quoted" name; --', `${'long '.repeat(12)}end`, `it's`])('takes the name %s', async (database) => {
		const small = await backUp(server, await databaseWith(server, 'CREATE TABLE t AS SELECT 1 AS x'));
		const report = await restore(server, small, { target: { type: 'newDatabase', database } });
		expect(report.database).toBe(database);
		expect(await scalar(server, database, 'SELECT x FROM t')).toBe('1');
	});

	it('drops the database again when an object fails, and names the object', async () => {
		const broken = await databaseWith(
			server,
			'CREATE ROLE passing; CREATE TABLE t (id int); GRANT SELECT ON t TO passing',
		);
		const stored = await backUp(server, broken);
		await server.query(broken, 'REVOKE ALL ON t FROM passing; DROP ROLE passing');
		const before = await databaseNames(server);
		const { message, hint } = await failureOf(restore(server, stored), 'TARGET_FAILED');
		expect(message).toContain('lacks the role passing');
		expect(hint).toContain('roles and globals');
		expect(await databaseNames(server)).toEqual(before);
	});

	it('asks only for the roles that the chosen objects and choices need', async () => {
		const database = await databaseWith(
			server,
			'CREATE ROLE leaver; CREATE ROLE peeker',
			'CREATE TABLE mine (id int); CREATE TABLE theirs (id int); ALTER TABLE theirs OWNER TO leaver',
			'GRANT SELECT ON mine TO peeker',
		);
		const stored = await backUp(server, database);
		await server.query(database, 'ALTER TABLE theirs OWNER TO CURRENT_USER; DROP ROLE leaver');
		expect((await failureOf(restore(server, stored), 'TARGET_FAILED')).message).toContain('the role leaver');
		const selected = await restore(server, stored, { selection: { tables: ['public.mine'] } });
		const asMine = await restore(server, stored, { owner: { type: 'none' } });
		for (const restored of [selected.database, asMine.database]) {
			expect(await scalar(server, restored, `SELECT has_table_privilege('peeker', 'mine', 'SELECT')`)).toBe('true');
		}
	});
});

describe('a damaged archive', () => {
	async function expectUntouched(stored: Backup, code: 'ARCHIVE_CORRUPT' | RegExp): Promise<void> {
		const before = await databaseNames(server);
		const { hint } = await failureOf(restore(server, stored), code);
		expect(hint).toBeTruthy();
		expect(await databaseNames(server)).toEqual(before);
	}
	const archiveOf = ({ root, manifest }: Backup) => join(root, 'postgres', manifest.file);

	it('creates nothing when a bit has flipped', async () => {
		const stored = await backUp(server, shop);
		const bytes = readFileSync(archiveOf(stored));
		const at = Math.floor(bytes.length / 2);
		bytes[at] = (bytes[at] as number) ^ 4;
		writeFileSync(archiveOf(stored), bytes);
		await expectUntouched(stored, 'ARCHIVE_CORRUPT');
	});

	it('creates nothing when its end is missing', async () => {
		const stored = await backUp(server, shop);
		truncateSync(archiveOf(stored), stored.manifest.size.stored - 10);
		await expectUntouched(stored, /ARCHIVE_/);
	});
});

const NO_LARGE_OBJECTS = expect.stringContaining('large objects of the dump were left out') as string;
const MADE_BESIDE = expect.stringMatching(
	/^Beside the selection, .*SCHEMA sales, .*FUNCTION sales\.stamp\(\)\.$/,
) as string;

describe('restoring a part', () => {
	it('by table brings its indexes, keys, sequence and types into an empty database', async () => {
		const { database, warnings } = await restore(server, backup, {
			selection: { tables: ['sales.orders', 'sales.customers'] },
		});
		expect(warnings).toEqual([NO_LARGE_OBJECTS, MADE_BESIDE]);
		expect(
			await scalar(server, database, 'SELECT count(*) FROM sales.orders JOIN sales.customers c ON c.id = customer'),
		).toBe('3000');
		expect(await scalar(server, database, `INSERT INTO sales.customers (name) VALUES ('next') RETURNING id`)).toBe(
			'101',
		);
		expect(await scalar(server, database, `INSERT INTO sales.orders (customer) VALUES (1) RETURNING id || note`)).toBe(
			'3001stamped',
		);
		expect(await scalar(server, database, `SELECT obj_description('sales.orders_state'::regclass)`)).toBe('by state');
		const keys = `SELECT string_agg(conname, ' ' ORDER BY conname) FROM pg_constraint WHERE contype <> 'n' AND conrelid = 'sales.orders'::regclass`;
		expect(await scalar(server, database, keys)).toBe(await scalar(server, shop, keys));
		expect(await scalar(server, database, `SELECT to_regclass('sales.events')`)).toBeNull();
		expect(await scalar(server, database, 'SELECT count(*) FROM pg_largeobject_metadata')).toBe('0');
	});

	it('by table leaves out a foreign key to a table that was not chosen, and says so', async () => {
		const { database, warnings } = await restore(server, backup, { selection: { tables: ['sales.orders'] } });
		expect(warnings).toEqual([
			NO_LARGE_OBJECTS,
			expect.stringMatching(/orders_customer_fkey was left out: .*customers/),
			MADE_BESIDE,
		]);
		expect(await scalar(server, database, 'SELECT count(*) FROM sales.orders')).toBe('3000');
	});

	it('by table takes the partitions of a partitioned table along, with valid indexes', async () => {
		const { database, warnings } = await restore(server, backup, { selection: { tables: ['events'] } });
		expect(warnings).toEqual([NO_LARGE_OBJECTS, MADE_BESIDE]);
		expect(await scalar(server, database, 'SELECT count(*) FROM sales.events')).toBe('500');
		expect(await scalar(server, database, 'SELECT count(*) FROM pg_index WHERE NOT indisvalid')).toBe('0');
	});

	it('by table takes a partition alone', async () => {
		const { database } = await restore(server, backup, { selection: { tables: ['sales.events_2'] } });
		expect(await scalar(server, database, 'SELECT count(*) FROM sales.events_2')).toBe('190');
		expect(await scalar(server, database, `SELECT to_regclass('sales.events')`)).toBeNull();
	});

	it('finds tables with names that need quotes', async () => {
		const { database } = await restore(server, backup, { selection: { tables: ['"Odd, Schema"."Tab.le;""x"'] } });
		expect(await scalar(server, database, 'SELECT count(*) FROM "Odd, Schema"."Tab.le;""x"')).toBe('3');
	});

	it('by schema brings all of it and nothing else', async () => {
		const { database } = await restore(server, backup, { selection: { schemas: ['sales'] } });
		expect(await scalar(server, database, `SELECT count(*) FROM pg_namespace WHERE nspname = 'Odd, Schema'`)).toBe('0');
		const differences = await compareDatabases({ server, database: shop }, { server, database });
		expect(differences.filter((line) => !/Odd, Schema|large object/.test(line))).toEqual([]);
	});

	it.each([{ tables: ['sales.nothing'] }, { schemas: ['nowhere'] }, { tables: ['a.b.c.d'] }])(
		'refuses %o, which the backup does not hold',
		async (selection) => {
			const before = await databaseNames(server);
			await failureOf(restore(server, backup, { selection }), 'INVALID_INPUT');
			expect(await databaseNames(server)).toEqual(before);
		},
	);
});

describe('owners and privileges', () => {
	it('come as dumped, or as one role, or not at all', async () => {
		await server.query('postgres', 'CREATE ROLE author; CREATE ROLE reader; CREATE ROLE heir');
		const database = await databaseWith(
			server,
			`CREATE TABLE t (id int); ALTER TABLE t OWNER TO author; GRANT SELECT ON t TO reader; CREATE VIEW v AS SELECT 1 AS one; ALTER VIEW v OWNER TO author;
			ALTER DEFAULT PRIVILEGES FOR ROLE author GRANT SELECT ON TABLES TO reader`,
		);
		const stored = await backUp(server, database);
		const facts = async (name: string) => {
			const { rows } = await server.query<{ fact: string }>(
				name,
				`SELECT relname || ' ' || pg_get_userbyid(relowner) || ' ' || coalesce(relacl::text, '') AS fact FROM pg_class WHERE relname IN ('t', 'v') ORDER BY 1`,
			);
			return rows.map(({ fact }) => fact);
		};
		expect(await facts((await restore(server, stored)).database)).toEqual([
			't author {author=arwdDxtm/author,reader=r/author}',
			'v author ',
		]);
		const none = await restore(server, stored, { owner: { type: 'none' }, privileges: false });
		expect(await facts(none.database)).toEqual(['t postgres ', 'v postgres ']);
		const role = await restore(server, stored, { owner: { type: 'role', role: 'heir' }, privileges: false });
		expect(await facts(role.database)).toEqual(['t heir ', 'v heir ']);
		expect(
			await scalar(
				server,
				'postgres',
				`SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = '${role.database}'`,
			),
		).toBe('heir');
	});
});
