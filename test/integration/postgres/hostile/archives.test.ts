import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { openArchive, readManifest } from '../../../../engine/archive';
import type { ErrorCode } from '../../../../engine/errors';
import { ArchiveSource, restoreDatabase, type RestoreDatabaseOptions } from '../../../../engine/postgres';
import { verifyBackup } from '../../../../engine';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { connectionTo, failureOf, newName, untilNoEngineSession } from '../engine/support';
import { settingsFrame } from '../../../../engine/postgres/dump/settingsFrame';
import type { RestoreSource } from '../../../../engine/postgres/restore/source';
import { forge, type OpenPart } from '../../verify/forge';
import { IN_MEMORY, keepingContext, onServer } from '../verify/support';
import { testRestore } from '../../../../engine/postgres/verify/testRestore';
import { adding, type Attack, changing, type Victim, victimOn } from './support';

let server: PostgresServer;
let victim: Victim;
let before: unknown;

beforeAll(async () => {
	server = await startPostgres({ version: 18, config: { max_prepared_transactions: '4' } });
	victim = await victimOn(server);
	before = await victim.state();
});

afterAll(async () => {
	await server?.stop();
});

afterEach(async () => {
	await untilNoEngineSession(server);
	expect(victim.trace.isThere).toBe(false);
	expect(await victim.state()).toEqual(before);
});

async function restored(key: string, target?: RestoreDatabaseOptions['target']) {
	return await restoreDatabase({
		connection: connectionTo(server, 'postgres'),
		source: new ArchiveSource(await openArchive(victim.backup.storage, `${key}.manifest.json`)),
		target: target ?? { type: 'newDatabase', database: newName() },
	});
}

const touch = () => `touch ${victim.trace.path}`;

const ROWS: Array<[string, () => Attack]> = [
	['programs', () => (text) => text.replace(/FROM stdin/, `FROM PROGRAM '${touch()}; echo 1'`)],
	[
		'programs, with stdin as the last word',
		() => (text) => text.replace(/FROM stdin/, `FROM PROGRAM '${touch()}' WHERE a IS DISTINCT FROM stdin`),
	],
	[
		'programs, with stdin in a comment',
		() => (text) => text.replace(/FROM stdin/, `FROM PROGRAM '${touch()}' /* FROM stdin */`),
	],
	['files of the server', () => (text) => text.replace(/FROM stdin/, `FROM '/etc/passwd'`)],
	['conditions', () => (text) => text.replace(/FROM stdin/, "FROM stdin WHERE pg_read_file('/etc/passwd') IS NULL")],
	['files to be written', () => (text) => text.replace(/FROM stdin/, `TO '${victim.trace.path}'`)],
	['statements of another kind', () => () => 'DROP DATABASE victim;\n\\.\n'],
	['a query', () => () => 'SELECT 1;\n1\n\\.\n'],
	['statements after the rows', () => (text) => `${text}DROP DATABASE victim;\n`],
];

const DEFINITIONS: Array<[string, () => string]> = [
	['COPY ... FROM PROGRAM', () => `COPY public.t FROM PROGRAM '${touch()}; echo 1';`],
	[
		'COPY ... FROM PROGRAM after a comment that ends with a carriage return',
		() => `-- x\rCOPY public.t FROM PROGRAM '${touch()}; echo 1';`,
	],
	['COPY ... TO PROGRAM', () => `COPY (SELECT 1) TO PROGRAM '${touch()}';`],
	['COPY ... TO a file', () => `copy/**/ (SELECT 1) TO '${victim.trace.path}';`],
	['COPY ... FROM a file', () => `COPY public.t FROM '/etc/passwd';`],
	['rows among the definitions', () => 'COPY public.t FROM stdin;\n\\.\n'],
	['a DO block', () => `DO $$ BEGIN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''${touch()}'''; END $$;`],
	['a query of a file', () => `SELECT pg_catalog.pg_read_file('/etc/passwd');`],
	['an export of a large object', () => `SELECT pg_catalog.lo_export(4242, '${victim.trace.path}');`],
	['a name with escapes', () => `SELECT pg_catalog.U&"lo\\005fexport"(4242, '${victim.trace.path}');`],
	['a library', () => `LOAD '${victim.trace.path}';`],
	['DROP DATABASE in a call', () => "SELECT dblink_exec('', 'DROP DATABASE victim');"],
	[
		'a setting that changes how quotes are read',
		() => `SELECT pg_catalog.set_config('standard_conforming_strings', 'off', false);`,
	],
	['a transaction that stays', () => `BEGIN; CREATE TABLE public.kept (); PREPARE TRANSACTION 'kept';`],
	['a subscription that connects', () => `CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1' PUBLICATION p;`],
	['ownership of everything', () => 'REASSIGN OWNED BY postgres TO postgres;'],
	['another database', () => 'DROP DATABASE victim;'],
	['a role', () => 'CREATE ROLE intruder SUPERUSER;'],
	['a membership', () => 'GRANT pg_execute_server_program TO PUBLIC;'],
	['the settings of the server', () => `ALTER SYSTEM SET archive_command = 'x';`],
	['a command of psql', () => `\\! ${touch()}`],
	['a table made of a file', () => `CREATE TABLE public.files AS SELECT pg_read_file('/etc/passwd');`],
];

const LARGE_OBJECTS: Array<[string, Attack]> = [
	['a statement of its own', adding('DROP DATABASE victim;')],
	['a statement behind another', (text) => text.replace(/;\n/, '; DROP DATABASE victim;\n')],
	['a call within a call', (text) => text.replace('4242', '(SELECT 4242)')],
];

/** Restores it wherever a restore may go: nothing is touched, and content alone says that the backup is bad. */
async function isRefused(key: string, code: ErrorCode): Promise<void> {
	const { storage } = victim.backup;
	const failure = await failureOf(restored(key), code);
	expect(failure.hint).toBeTruthy();
	const { database } = victim;
	await failureOf(restored(key, { type: 'existing', database, confirmation: database, before: 'nothing' }), code);
	const report = await verifyBackup({
		storage,
		key,
		level: 'restore',
		scratch: { postgres: onServer(connectionTo(server, 'postgres')) },
	});
	expect(report, JSON.stringify(report.findings)).toMatchObject({ verdict: 'failed', reached: 'integrity' });
}

/** The rows of an encrypted archive are checked while they are loaded: nothing bad of it runs, and nothing is left. */
async function isRefusedEncrypted(type: string, attack: Attack): Promise<void> {
	await arePartsRefusedEncrypted(changing(type, attack));
}

const PASSPHRASE = 'long enough a passphrase';

type Change = (parts: OpenPart[]) => OpenPart[];

/**
 * An encrypted archive whose manifest does not say in which pieces it was encrypted, as once none did: it is read from its
 * beginning, while others are read by ranges, as archives that are not encrypted.
 */
async function forgedEncrypted(change: Change): Promise<() => Promise<ArchiveSource>> {
	const { storage, manifest } = victim.backup;
	const keys = { passphrase: PASSPHRASE };
	const key = await forge(storage, { manifest, folder: 'postgres' }, { encryption: keys, parts: change });
	const { manifest: made, folder } = await readManifest(storage, `${key}.manifest.json`);
	const { pieces: _pieces, ...encryption } = made.encryption!;
	const { proof: _proof, ...facts } = made;
	const asOnce = { manifest: { ...facts, encryption }, folder };
	return async () => new ArchiveSource(await openArchive(storage, asOnce, keys));
}

async function arePartsRefusedEncrypted(change: Change): Promise<void> {
	const source = await forgedEncrypted(change);
	const connection = connectionTo(server, 'postgres');
	for (const target of [
		{ type: 'newDatabase', database: newName() },
		{ type: 'safeSwap', database: victim.database, confirmation: victim.database },
		{ type: 'existing', database: victim.database, confirmation: victim.database, before: 'nothing' },
	] as const)
		await failureOf(restoreDatabase({ connection, source: await source(), target }), 'ARCHIVE_CORRUPT');
}

describe('an archive of ours', () => {
	it('is restored by the ways that the attacks below go', async () => {
		const key = await victim.forgedParts((parts) => parts);
		const database = newName();
		const report = await restored(key, { type: 'newDatabase', database });
		expect(report).toMatchObject({ rows: 3, failures: [], warnings: [] });
		await server.query('postgres', `DROP DATABASE ${database}`);
	});

	it.each(ROWS)('whose rows hold %s is refused before anything is touched', async (_, attack) => {
		await isRefused(await victim.forged('data', attack()), 'ARCHIVE_CORRUPT');
	});

	it.each(DEFINITIONS)('whose definitions hold %s is refused before anything is touched', async (_, statement) => {
		await isRefused(await victim.forged('pre-data', adding(statement())), 'ARCHIVE_CORRUPT');
	});

	it.each(LARGE_OBJECTS)('whose large objects hold %s is refused before anything is touched', async (_, attack) => {
		await isRefused(await victim.forged('large-objects', attack), 'ARCHIVE_CORRUPT');
	});

	it.each([
		['pre-data', 0],
		['post-data', 0],
		['post-data', 16],
	] as const)('that is encrypted, whose %s holds what pg_dump does not write, is refused', async (type, number) => {
		await isRefusedEncrypted(type, adding((DEFINITIONS[number] as (typeof DEFINITIONS)[number])[1]()));
	});

	it.each(ROWS)('that is encrypted, whose rows hold %s, is refused', async (_, attack) => {
		await isRefusedEncrypted('data', attack());
	});

	it.each(LARGE_OBJECTS)('that is encrypted, whose large objects hold %s, is refused', async (_, attack) => {
		await isRefusedEncrypted('large-objects', attack);
	});

	it('whose second script a server may cut elsewhere than its readers is refused', async () => {
		const { path } = victim.trace;
		const attack = `DO $a$ BEGIN EXECUTE $b$COPY (SELECT 1) TO '${path}'$b$; END $a$;`;
		const resets = (text: string) =>
			`${text}SET standard_conforming_strings = off;\nRESET standard_conforming_strings;\n`;
		const hides = adding(`COMMENT ON TABLE public.t IS 'a\\'; ${attack} --';`);
		const change: Change = (parts) => changing('post-data', hides)(changing('pre-data', resets)(parts));
		await isRefused(await victim.forgedParts(change), 'ARCHIVE_CORRUPT');
		await arePartsRefusedEncrypted(change);
	});

	it.each([{ type: 'settings', table: 0 }, { type: 'settings' }])(
		'whose settings are SQL as well is refused: %o',
		async (kind) => {
			const attack = `DO $a$ BEGIN EXECUTE $b$COPY (SELECT 1) TO '${victim.trace.path}'$b$; END $a$;`;
			const [beginning] = settingsFrame([]).toString().split('[]');
			const raw = Buffer.from(`${beginning}[{"name":\n"x\\"; ${attack} --","value":"1"}]\n\n`);
			const change: Change = ([first, ...others]) => [
				{ part: { ...(first as OpenPart).part, ...kind }, raw },
				first as OpenPart,
				...others,
			];
			await isRefused(await victim.forgedParts(change), 'ARCHIVE_CORRUPT');
			await arePartsRefusedEncrypted(change);
		},
	);

	it('that is encrypted, whose check fails in the middle of a long script, runs nothing more of it', async () => {
		const attack = `DO $a$ BEGIN EXECUTE $b$COPY (SELECT 1) TO '${victim.trace.path}'$b$; END $a$;`;
		const filler = `-- ${'x'.repeat(996)}\n`.repeat(68_000);
		const source = await (await forgedEncrypted(changing('post-data', (text) => `${attack}\n${filler}${text}`)))();
		const controller = new AbortController();
		const failing: RestoreSource = {
			async inspect(inspection) {
				const facts = await source.inspect({ ...inspection, signal: controller.signal });
				// From now on every check throws.
				controller.abort();
				return facts;
			},
			steps: (selection) => source.steps(selection),
		};
		const connection = connectionTo(server, 'postgres');
		const target = { type: 'newDatabase', database: newName() } as const;
		await failureOf(restoreDatabase({ connection, source: failing, target }), 'CANCELLED');
	});

	it('that was cut at the border of a frame is refused, with a manifest that fits', async () => {
		await isRefused(await victim.forgedParts((parts) => parts.slice(0, -1)), 'ARCHIVE_INCOMPLETE');
		const headless = (text: string) => text.replace('PostgreSQL database dump', 'PostgreSQL');
		await isRefused(await victim.forged('pre-data', headless), 'ARCHIVE_INCOMPLETE');
	});

	it.each([
		['on a scratch server', () => onServer(connectionTo(server, 'postgres'))],
		['in memory', () => IN_MEMORY],
	])('is not restored for a test %s, either', async (_, targets) => {
		for (const key of [
			await victim.forged('data', (ROWS[0] as (typeof ROWS)[0])[1]()),
			await victim.forged('pre-data', adding(`COPY (SELECT 1) TO PROGRAM '${touch()}';`)),
			await victim.forged('large-objects', adding('DROP DATABASE victim;')),
		]) {
			const reader = await openArchive(victim.backup.storage, `${key}.manifest.json`);
			await failureOf(testRestore(reader, targets(), keepingContext().context), 'ARCHIVE_CORRUPT');
		}
	});
});
