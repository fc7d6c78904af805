import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { detectDump, listObjects, readToc } from '../../../../engine/postgres/foreign';
import { listPlainDump } from '../../../../engine/postgres/import/listPlainDump';
import { compareDatabases, nativeDump, nativeRoundTrip } from '../../../fidelity/compare';
import { runNative } from '../../../fidelity/native';
import { createEverything } from '../../../fixtures/postgres/everything-database';
import { removeFolder, temporaryFolder } from '../../../services/guard';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { applyScript } from './apply';

let server: PostgresServer;
let database: string;
/** What the native tools make of it. */
let copy: string;
let folder: string;

beforeAll(async () => {
	folder = temporaryFolder('scripts');
	server = await startPostgres({ version: 15 });
	database = await createEverything(server, { largeRows: 20_000 });
	copy = await nativeRoundTrip(server, database);
});

afterAll(async () => {
	await server?.stop();
	removeFolder(folder);
});

/** pg_dump's output as it comes, perhaps through a program that packs it. */
function dumping(args: string[], packer?: string[], source = database): AsyncIterable<Uint8Array> {
	const env = server.environment();
	const dump = spawn(server.bin('pg_dump'), [...args, source], { env, stdio: ['ignore', 'pipe', 'inherit'] });
	if (!packer) return dump.stdout;
	const pack = spawn(packer[0]!, packer.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
	dump.stdout.pipe(pack.stdin);
	return pack.stdout;
}

describe('a plain dump', () => {
	it.each<[string, string[], string[] | undefined]>([
		['as it is', [], undefined],
		['packed with gzip', [], ['gzip', '-1']],
		['packed with zstd', [], ['zstd', '-q']],
	])('run statement by statement gives the same database as psql: %s', async (_, args, packer) => {
		const target = await server.createDatabase();
		const { format, wrappers, stream } = await detectDump(dumping(args, packer));
		expect(format).toBe('plain');
		expect(wrappers).toEqual(packer ? [packer[0]] : []);
		const done = await applyScript(server, target, stream);
		expect(done.rows).toBeGreaterThan(10_000);
		expect(await compareDatabases({ server, database: copy }, { server, database: target })).toEqual([]);
	});

	it('of INSERTs gives the same database as psql', async () => {
		const args = ['--inserts', '--rows-per-insert=100'];
		const [target, native] = [await server.createDatabase(), await server.createDatabase()];
		await applyScript(server, target, dumping(args));
		const file = join(folder, 'inserts.sql');
		await runNative(server, 'pg_dump', [...args, `--file=${file}`, database]);
		await runNative(server, 'psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', `--file=${file}`, native]);
		expect(await compareDatabases({ server, database: native }, { server, database: target })).toEqual([]);
	});

	it('in another encoding gives the same database', async () => {
		const source = await server.createDatabase();
		await server.query(
			source,
			`CREATE TABLE "käse" (id int, "größe" text); INSERT INTO "käse" VALUES (1, 'süß'), (2, E'é\\t\\\\');
			COMMENT ON TABLE "käse" IS 'à la carte'`,
		);
		const target = await server.createDatabase();
		const dump = dumping(['--encoding=LATIN1'], undefined, source);
		expect(await applyScript(server, target, dump)).toMatchObject({ rows: 2 });
		expect(await compareDatabases({ server, database: source }, { server, database: target })).toEqual([]);
	});

	it('lists the objects that the archive of the same database lists', async () => {
		const plain = await listPlainDump(dumping([]));
		const toc = await readToc(dumping(['-Fc']));
		const types = new Set([
			'TABLE',
			'VIEW',
			'MATERIALIZED VIEW',
			'SEQUENCE',
			'INDEX',
			'SCHEMA',
			'FK CONSTRAINT',
			'CONSTRAINT',
			'TRIGGER',
			'RULE',
			'POLICY',
			'STATISTICS',
			'EXTENSION',
		]);
		const names = (
			objects: { type: string; schema: string | null; name: string; owner: string | null }[],
			owners: Set<string>,
		) =>
			objects
				.filter(({ type }) => types.has(type))
				.map(({ type, schema, name, owner }) => [type, schema, name, owners.has(type) ? owner : null].join(' | '))
				.sort();
		const owned = new Set(['TABLE', 'VIEW', 'MATERIALIZED VIEW', 'SEQUENCE', 'SCHEMA', 'STATISTICS']);
		const listed = new Map(toc.entries.map((entry) => [entry.id, entry]));
		const fromArchive = listObjects(toc)
			.filter(({ id, name }) => {
				// Not created: a schema that exists everywhere, an identity column's sequence, a partition's own setting of an
				// inherited trigger; and a view that a rule completes.
				return (
					!/^\s*(--|ALTER TABLE \S+ (ALTER COLUMN|(EN|DIS)ABLE))/s.test(listed.get(id)!.definition ?? '') &&
					!name.endsWith(' _RETURN')
				);
			})
			// An extension's table has rows in the dump, and is created with the extension.
			.map((object) => (listed.get(object.id)!.type === 'TABLE DATA' ? { ...object, owner: null } : object));
		expect(names(plain, owned)).toEqual(names(fromArchive, owned));
	});

	it('tells how many rows its tables have', async () => {
		const { rows } = await server.query<{ count: number }>(database, 'SELECT count(*)::int AS count FROM volume.large');
		const objects = await listPlainDump(dumping(['--create', '--table=volume.large']));
		expect(objects.find(({ name }) => name === 'large')).toMatchObject({
			schema: 'volume',
			hasData: true,
			rows: rows[0]!.count,
		});
	});

	it('of version 15 has no statement that the lexer cannot see the end of', async () => {
		const script = await nativeDump(server, database, '--schema-only');
		const target = await server.createDatabase();
		async function* bytes() {
			for (const byte of Buffer.from(script)) yield Buffer.from([byte]);
		}
		expect((await applyScript(server, target, bytes())).statements).toBeGreaterThan(500);
	});
});
