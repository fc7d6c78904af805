import { Socket } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Manifest, openArchive } from '../../../../engine/archive';
import { ArchiveSource, restoreDatabase } from '../../../../engine/postgres';
import { MessageType, splitMessages } from '../../../../engine/postgres/protocol';
import { checkDump } from '../../../../engine/postgres/verify/content';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { keepingContext, sentences } from '../verify/support';
import {
	anotherSession,
	backUp,
	type Backup,
	connectionTo,
	databaseWith,
	newName,
	restore,
	scalar,
	until,
} from './support';

const PASSPHRASE = 'long enough a passphrase';
const SMALL = 400;

/** Many small tables, and among them what is not as it seems. */
const TABLES = [
	`DO $$ BEGIN FOR i IN 1..${SMALL} LOOP
		EXECUTE format('CREATE TABLE s%s (id int PRIMARY KEY, text text)', i);
		EXECUTE format('INSERT INTO s%s SELECT n, ''row '' || n || '' of s%s'' FROM generate_series(1, %s) n', i, i, i % 5);
	END LOOP; END $$`,
	// Its heap is small, its rows are not: they fill more than a frame.
	'CREATE TABLE long (id int, text text)',
	`INSERT INTO long SELECT n, (SELECT string_agg(md5(n::text || j::text), '') FROM generate_series(1, 30000) j) FROM generate_series(1, 12) n`,
	'CREATE TABLE "a ""quoted""; name" ("column; with ""quotes""" text)',
	`INSERT INTO "a ""quoted""; name" VALUES ('\\.'), (E'two\\nlines'), (NULL), (E'\\n\\\\.\\n')`,
	'CREATE TABLE large (id int, filler text)',
	`INSERT INTO large SELECT n, repeat('x', 900) FROM generate_series(1, 3000) n`,
	// Its rows are refused as long as those of another one are not there, which comes after it.
	'CREATE TABLE z_last (id int)',
	'INSERT INTO z_last VALUES (1)',
	`CREATE FUNCTION known(int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN EXISTS (SELECT 1 FROM public.z_last WHERE id = $1); END'`,
	'CREATE TABLE a_first (id int CHECK (known(id)))',
	'INSERT INTO a_first VALUES (1)',
	'CREATE TABLE parted (id int) PARTITION BY LIST (id)',
	'CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1)',
	'INSERT INTO parted VALUES (1), (1)',
	'VACUUM',
];

/** What all tables of a database hold, whatever the order of their rows. */
async function contentOf(name: string): Promise<string | null> {
	const { rows } = await server.query<{ sql: string }>(
		name,
		`SELECT string_agg(format('SELECT %L || count(*) || md5(coalesce(string_agg(r::text, '','' ORDER BY r::text), '''')) AS t FROM %s r',
			oid::regclass, oid::regclass), ' UNION ALL ') AS sql FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`,
	);
	return await scalar(server, name, `SELECT string_agg(t, ' ' ORDER BY t) FROM (${rows[0]?.sql ?? ''}) AS all_of_them`);
}

let server: PostgresServer;
let database: string;
let content: string | null;
let plain: Backup;

beforeAll(async () => {
	server = await startPostgres({ version: 18, config: { max_locks_per_transaction: '256' } });
	database = await databaseWith(server, ...TABLES);
	content = await contentOf(database);
	plain = await backUp(server, database);
});

afterAll(async () => {
	await server?.stop();
});

const shared = ({ parts }: Manifest) => parts.filter(({ type }) => type === 'tables');

function namesOf({ parts, tables = [] }: Manifest): string[][] {
	return parts.flatMap((part) => (part.tables ? [part.tables.map((table) => tables[table]?.name ?? '')] : []));
}

async function waitingForLocks(): Promise<number> {
	return Number(
		await scalar(server, 'postgres', "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"),
	);
}

async function restored(backup: Backup, choices: Parameters<typeof restore>[2] = {}): Promise<string | null> {
	const name = newName();
	await restore(server, backup, { target: { type: 'newDatabase', database: name }, ...choices });
	return await contentOf(name);
}

/** A backup, and the queries that it sends. */
async function watched(
	name: string,
	login: { user?: string; password?: string } = {},
): Promise<{ backup: Backup; queries: string[] }> {
	const queries: string[] = [];
	const openStream = () => {
		const socket = new Socket();
		// Node puts its own `write` onto a socket that connects.
		socket.once('connect', () => {
			const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
			socket.write = (bytes: Uint8Array | string, ...more: unknown[]) => {
				if (Buffer.isBuffer(bytes) && bytes[0] === MessageType.query)
					queries.push(...splitMessages(bytes).messages.map(({ body }) => body.toString()));
				return write(bytes, ...more);
			};
		});
		return socket;
	};
	const connection = { ...connectionTo(server, name), ...login, openStream };
	return { backup: await backUp(server, name, { connection }), queries };
}

describe('a backup of many small tables', () => {
	it('puts them together into a few frames, and no large one, and no empty one', () => {
		const names = namesOf(plain.manifest).flat();
		expect(shared(plain.manifest).length).toBeLessThan(8);
		expect(names).toEqual(expect.arrayContaining(['s1', 's399', 'a "quoted"; name', 'z_last', 'parted_1']));
		expect(names).not.toContain('large');
		expect(names).not.toContain('s400');
		expect(plain.manifest.counts).toMatchObject({ tables: SMALL + 6, rows: SMALL * 2 + 12 + 4 + 3000 + 1 + 1 + 2 });
	});

	it('reads them with a query for hundreds of tables', async () => {
		const { queries } = await watched(database);
		const reading = queries.filter((sql) => /\bCOPY\b|\bLOCK TABLE\b.*NOWAIT/.test(sql));
		expect(reading.join().split('TO STDOUT').length - 1).toBe(SMALL + 6);
		expect(reading.length).toBeLessThan(10);
	});

	it.each([1, 2, 4])(
		'is not stopped by a session that waits for one of them, over %i connections',
		async (parallel) => {
			const contended = await databaseWith(server, ...TABLES.slice(0, 1), 'CREATE TABLE z (id int)');
			const holder = await anotherSession(server, contended);
			const waiter = await anotherSession(server, contended);
			await holder.query('BEGIN; LOCK TABLE z');
			const run = backUp(server, contended, { parallel });
			run.catch(() => {});
			await until(async () => (await waitingForLocks()) === 1);
			// pg_dump holds s7 by now, and waits for z.
			const altered = waiter.query('ALTER TABLE s7 ADD COLUMN more int');
			await until(async () => (await waitingForLocks()) === 2);
			await holder.query('COMMIT');
			expect((await run).manifest.counts).toMatchObject({ tables: SMALL + 1, rows: SMALL * 2 });
			await altered;
		},
	);
});

/** By list, by range and by hash, a default one, one that is parted itself; with bounds that hold what pgDump would delete. */
const PARTITIONS = [
	'CREATE TABLE l (k text) PARTITION BY LIST (k)',
	"CREATE TABLE l_odd PARTITION OF l FOR VALUES IN (E'a\\n\\\\restrict ''b''', 'ü', NULL)",
	'CREATE TABLE l_default PARTITION OF l DEFAULT PARTITION BY HASH (k)',
	...[0, 1, 2].map((at) => `CREATE TABLE h${at} PARTITION OF l_default FOR VALUES WITH (MODULUS 3, REMAINDER ${at})`),
	'CREATE TABLE r (id int) PARTITION BY RANGE (id)',
	'CREATE TABLE r1 PARTITION OF r FOR VALUES FROM (MINVALUE) TO (7)',
];

const BOUNDS = `SELECT string_agg(oid::regclass || ': ' || pg_get_expr(relpartbound, oid), '; ' ORDER BY relname)
	FROM pg_class WHERE relispartition AND relkind IN ('r', 'p')`;

const asked = (queries: string[]) => queries.filter((sql) => sql.startsWith('EXECUTE dumpTableAttach('));

describe('the bounds of partitions', () => {
	it('come back, and are asked for once', async () => {
		const parted = await databaseWith(server, ...PARTITIONS);
		const { backup, queries } = await watched(parted);
		expect(asked(queries)).toEqual([]);
		const name = newName();
		await restore(server, backup, { target: { type: 'newDatabase', database: name } });
		expect(await scalar(server, name, BOUNDS)).toBe(await scalar(server, parted, BOUNDS));
	});

	it('are asked for one by one where the user may not see what is locked', async () => {
		const login = { user: 'sees_no_locks', password: 'secret' };
		const parted = await databaseWith(server, 'REVOKE SELECT ON pg_locks FROM PUBLIC', ...PARTITIONS);
		await server.query(parted, `CREATE ROLE ${login.user} LOGIN PASSWORD '${login.password}'`);
		for (const table of ['l', 'l_odd', 'l_default', 'h0', 'h1', 'h2', 'r', 'r1'])
			await server.query(parted, `ALTER TABLE ${table} OWNER TO ${login.user}`);
		const { backup, queries } = await watched(parted, login);
		expect(asked(queries)).toHaveLength(6);
		const name = newName();
		await restore(server, backup, { target: { type: 'newDatabase', database: name } });
		expect(await scalar(server, name, BOUNDS)).toBe(await scalar(server, parted, BOUNDS));
	});
});

describe('an archive in which small tables share frames', () => {
	it('restores as it was, plain and encrypted, over one connection and several', async () => {
		expect(await restored(plain)).toBe(content);
		expect(await restored(plain, { parallel: 1 })).toBe(content);
		const keys = { passphrase: PASSPHRASE };
		expect(await restored(await backUp(server, database, { encryption: keys }), { keys, parallel: 4 })).toBe(content);
	});

	it('gives one table without the others', async () => {
		const name = newName();
		const selection = { tables: ['public.s3'] };
		await restore(server, plain, { target: { type: 'newDatabase', database: name }, selection });
		expect(await scalar(server, name, 'SELECT count(*) FROM s3')).toBe('3');
		const [frame] = shared(plain.manifest).filter((_, at) => namesOf(plain.manifest)[at]?.includes('s3'));
		expect(frame?.rawLength).toBeLessThan(2 * 1024 * 1024);
	});

	it('replaces the rows of one table that exists', async () => {
		const existing = await databaseWith(server, 'CREATE TABLE s3 (id int, text text)', 'CREATE TABLE s4 (LIKE s3)');
		await server.query(existing, "INSERT INTO s3 VALUES (9, 'old')");
		const target = { type: 'existing', database: existing, confirmation: existing, before: 'truncate' } as const;
		await restore(server, plain, { target, selection: { tables: ['public.s3'], dataOnly: true } });
		expect(await scalar(server, existing, 'SELECT string_agg(id::text, $$,$$ ORDER BY id) FROM s3')).toBe('1,2,3');
		expect(await scalar(server, existing, 'SELECT count(*) FROM s4')).toBe('0');
	});

	it('keeps its order and its empty tables, where it holds rows alone', async () => {
		const ordered = await backUp(server, database, { selection: { content: 'data' } });
		const { manifest } = ordered;
		expect(manifest.parts.length).toBeLessThan(20);
		const held = manifest.parts.flatMap(({ table, tables }) => tables ?? (table === undefined ? [] : [table]));
		expect(held).toEqual(manifest.tables?.map((_, index) => index));
		const definitions = await backUp(server, database, { selection: { content: 'schema' } });
		const name = newName();
		await restore(server, definitions, { target: { type: 'newDatabase', database: name } });
		await server.query(name, 'ALTER TABLE a_first DROP CONSTRAINT a_first_id_check');
		const target = { type: 'existing', database: name, confirmation: name, before: 'nothing' } as const;
		await restore(server, ordered, { target });
		expect(await contentOf(name)).toBe(content);
	});

	it('is checked table by table', async () => {
		const check = async (manifest: Manifest) => {
			const reader = await openArchive(plain.storage, { manifest: plain.manifest, folder: 'postgres' });
			const { context, found } = keepingContext();
			await checkDump(reader.raw() as AsyncIterable<Uint8Array>, manifest, context);
			return sentences(found).join('\n');
		};
		expect(await check(plain.manifest)).toBe('');
		const changed = (change: (tables: number[]) => number[]): Manifest => ({
			...plain.manifest,
			parts: plain.manifest.parts.map((part) => (part.tables ? { ...part, tables: change(part.tables) } : part)),
		});
		expect(await check(changed((tables) => tables.slice(1)))).toContain('goes on after the line');
		expect(await check(changed((tables) => [...tables].reverse()))).toContain('there are those of');
		expect(await check(changed((tables) => [...tables, ...tables]))).toContain('belong to no table');
	});

	it('does not restore by a manifest that lists other tables for a frame', async () => {
		const parts = plain.manifest.parts.map((part) => ({
			...part,
			...(part.tables && { tables: [...part.tables].reverse() }),
		}));
		const reader = await openArchive(plain.storage, { manifest: { ...plain.manifest, parts }, folder: 'postgres' });
		const target = { type: 'newDatabase', database: newName() } as const;
		const options = { connection: connectionTo(server, 'postgres'), source: new ArchiveSource(reader), target };
		await expect(restoreDatabase(options)).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' });
	});
});
