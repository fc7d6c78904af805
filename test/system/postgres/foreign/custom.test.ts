import { createReadStream, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openArchive, planRestore, readToc, type Toc } from '../../../../engine/postgres/foreign';
import { lexScript, splitStatements } from '../../../../engine/postgres/script';
import { compareDatabases, nativeRoundTrip } from '../../../fidelity/compare';
import { runNative } from '../../../fidelity/native';
import { createEverything } from '../../../fixtures/postgres/everything-database';
import { removeFolder, temporaryFolder } from '../../../services/guard';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { collect, inPieces, readBlocks } from '../../../unit/postgres/foreign/read-blocks';
import { type BlockModel, writeArchive } from '../../../unit/postgres/foreign/write-archive';
import { applyPlan } from './apply';

let server: PostgresServer;
let database: string;
let copy: string;
let folder: string;
let file: string;

beforeAll(async () => {
	folder = temporaryFolder('archives');
	server = await startPostgres({ version: 15 });
	database = await createEverything(server, { largeRows: 20_000 });
	copy = await nativeRoundTrip(server, database);
	file = await dump('default');
});

afterAll(async () => {
	await server?.stop();
	removeFolder(folder);
});

async function dump(name: string, ...args: string[]): Promise<string> {
	const path = join(folder, name);
	await runNative(server, 'pg_dump', ['-Fc', `--file=${path}`, ...args, database]);
	return path;
}

const open = (path: string) => openArchive(createReadStream(path));

/** The listing of pg_restore, made from our table of contents. */
function nativeListing(toc: Toc): string[] {
	const line = (text: string | null, empty: string) => (text === null ? empty : text.replace(/[\r\n]/g, ' '));
	return toc.entries
		.filter(({ type }) => !['ENCODING', 'STDSTRINGS', 'SEARCHPATH', 'DATABASE', 'DATABASE PROPERTIES'].includes(type))
		.filter(({ name, type }) => !(['ACL', 'COMMENT', 'SECURITY LABEL'].includes(type) && name.startsWith('DATABASE ')))
		.map(
			({ id, catalogOid, oid, type, schema, name, owner }) =>
				`${id}; ${catalogOid} ${oid} ${type} ${line(schema, '-')} ${line(name, '')} ${line(owner, '')}`,
		);
}

async function pgRestoreListing(path: string): Promise<string[]> {
	const listing = await runNative(server, 'pg_restore', ['--list', path]);
	return listing.split('\n').filter((line) => line !== '' && !line.startsWith(';'));
}

describe('the table of contents', () => {
	it('is the one that pg_restore lists', async () => {
		const toc = await readToc(createReadStream(file));
		expect(toc).toMatchObject({ version: '1.14', compression: 'gzip', database, standardStrings: true });
		expect(toc.serverVersion).toMatch(/^15\./);
		expect(nativeListing(toc)).toEqual(await pgRestoreListing(file));
	});

	it.each([12, 13, 14])('is read by pg_restore from what the tests write as version 1.%i', async (minor) => {
		const path = join(folder, `transcoded-${minor}`);
		writeFileSync(path, (await transcode(file, minor)).bytes);
		expect((await readToc(createReadStream(path))).version).toBe(`1.${minor}`);
		expect(await pgRestoreListing(path)).toEqual(await pgRestoreListing(file));
		expect(withoutTableAm(await pgRestoreScript(path))).toEqual(withoutTableAm(await pgRestoreScript(file)));
		rmSync(path);
	});

	it.each([12, 13, 14, 15, 16])('and the data are the same when transcoded to version 1.%i', async (minor) => {
		const transcoded = await openArchive(inPieces((await transcode(file, minor)).bytes, 65536));
		const original = await open(file);
		const plain = (toc: Toc) => toc.entries.map((entry) => ({ ...entry, accessMethod: null, relationKind: 0 }));
		expect(plain(transcoded.toc)).toEqual(plain(original.toc));
		expect(await readBlocks(transcoded)).toEqual(await readBlocks(original));
	});
});

/** Before 1.14 archives did not know tables' access methods. */
const withoutTableAm = (statements: string[]) =>
	statements.filter((one) => !one.startsWith('SET default_table_access_method'));

/** Writes an archive again, in the encoding of another version. */
async function transcode(path: string, minor: number): Promise<{ bytes: Buffer }> {
	const archive = await open(path);
	const blocks: BlockModel[] = [];
	for await (const block of archive.blocks()) {
		const { id } = block.entry;
		if (block.type === 'copy') {
			blocks.push({ id, data: Buffer.from(`${await collect(block.rows)}\\.\n\n\n`, 'latin1') });
		} else if (block.type === 'sql') blocks.push({ id, data: Buffer.from(await collect(block.sql), 'latin1') });
		else {
			const objects: { oid: number; data: Buffer }[] = [];
			for await (const { oid, data } of block.objects)
				objects.push({ oid, data: Buffer.from(await collect(data), 'latin1') });
			blocks.push({ id, objects });
		}
	}
	const { entries, database: name, serverVersion, dumpVersion } = archive.toc;
	return writeArchive({
		minor,
		compression: minor > 14 ? 'zstd' : 'gzip',
		entries,
		blocks,
		database: name,
		serverVersion,
		dumpVersion,
	});
}

/** What pg_restore would run, statement by statement; for rows, their COPY with the rows. */
async function pgRestoreScript(path: string, ...args: string[]): Promise<string[]> {
	const script = await runNative(server, 'pg_restore', ['-f', '-', ...args, path]);
	const statements: string[] = [];
	for await (const item of lexScript(inPieces(Buffer.from(script), 65536))) {
		if (item.type === 'statement') statements.push(normal(item.text));
		else if (item.type === 'copy') statements.push(`${normal(item.statement)}\n${await collect(item.rows)}`);
	}
	return statements;
}

/** Our plan in the same form. */
async function plannedScript(path: string): Promise<string[]> {
	const archive = await open(path);
	const plan = planRestore(archive.toc);
	const data: string[] = [];
	const wanted = new Set(plan.data.map(({ entry }) => entry));
	for await (const block of archive.blocks((entry) => wanted.has(entry))) {
		if (block.type === 'copy') data.push(`${normal(block.statement)}\n${await collect(block.rows)}`);
		else if (block.type === 'sql') data.push(...statementsOf(await collect(block.sql)));
		else
			for await (const { oid, data: bytes } of block.objects)
				data.push(`large object ${oid}: ${(await collect(bytes)).length} bytes`);
	}
	const statements = (list: { sql: string }[]) => list.flatMap(({ sql }) => statementsOf(sql));
	const setup = statements(plan.setup.map((sql) => ({ sql })));
	return [...setup, ...statements(plan.preData), ...data, ...statements(plan.postData)];
}

const statementsOf = (sql: string) =>
	splitStatements(sql).map(({ start, end }) => normal(sql.slice(start, end).replace(/;$/, '')));

/** pg_restore 15 quotes names only where they need it, and says ALTER TABLE for whatever is like one. */
const normal = (statement: string) =>
	statement
		.replace(/"([a-z_][a-z0-9_$]*)"/g, '$1')
		.replace(/^ALTER (?:VIEW|SEQUENCE|MATERIALIZED VIEW) ([\s\S]* OWNER TO )/, 'ALTER TABLE $1');

/** pg_restore writes large objects as calls with their bytes, which are compared by restoring them. */
const isLargeObjectData = (statement: string) =>
	/^(BEGIN|COMMIT|SELECT pg_catalog\.(lo_open|lowrite|lo_close)\()/.test(statement) ||
	statement.startsWith('large object ');

/** Settings come again after the data, for another connection; only their first turn compares. */
const isStorageSetting = (statement: string) => /^SET default_table(space|_access_method) = /.test(statement);

const comparable = (script: string[]) => script.filter((one) => !isLargeObjectData(one) && !isStorageSetting(one));

describe('a plan', () => {
	it('runs what pg_restore runs', async () => {
		const expected = comparable(await pgRestoreScript(file));
		const ours = comparable(await plannedScript(file));
		// Values of sequences and large objects move between the sections; nothing else does.
		const moved = (one: string) => /pg_catalog\.(setval|lo_create)\(|ON LARGE OBJECT|LARGE OBJECT \d+ OWNER/.test(one);
		expect(ours.filter((one) => !moved(one))).toEqual(expected.filter((one) => !moved(one)));
		expect(ours.filter(moved).sort()).toEqual(expected.filter(moved).sort());
		expect(ours.length).toBeGreaterThan(10);
	});
});

describe('a restore', () => {
	const options: [string, string[]][] = [
		['gzip', []],
		['no compression', ['--compress=0']],
		['INSERTs', ['--inserts', '--rows-per-insert=50', '--exclude-table-data=volume.large']],
	];

	it.each(options.slice(0, 2))('of everything gives what the native tools give: %s', async (name, args) => {
		const archive = await open(await dump(name, ...args));
		const target = await server.createDatabase();
		await applyPlan(server, target, archive, planRestore(archive.toc));
		expect(await compareDatabases({ server, database: copy }, { server, database: target })).toEqual([]);
	});

	it.each(options.slice(2))('of %s gives what pg_restore gives', async (name, args) => {
		const path = await dump(name, ...args);
		const archive = await open(path);
		const [target, native] = [await server.createDatabase(), await server.createDatabase()];
		await applyPlan(server, target, archive, planRestore(archive.toc));
		await runNative(server, 'pg_restore', ['--exit-on-error', `--dbname=${native}`, path]);
		expect(await compareDatabases({ server, database: native }, { server, database: target })).toEqual([]);
	});
});
