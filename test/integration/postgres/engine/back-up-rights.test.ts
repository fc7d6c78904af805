import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { backUpDatabase, type DumpSelection, type PostgresConnection } from '../../../../engine/postgres';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { connectionTo, databaseWith, failureOf, temporaryStorage } from './support';

let server: PostgresServer;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	await server.query('postgres', `CREATE ROLE limited LOGIN PASSWORD 'p'`);
});

afterAll(async () => {
	await server?.stop();
});

/** A backup by the limited user, and what it leaves in the storage. */
function asLimited(database: string) {
	const { storage, files } = temporaryStorage();
	const connection: PostgresConnection = { ...connectionTo(server, database), user: 'limited', password: 'p' };
	const run = (selection: DumpSelection = {}, parallel = 2) =>
		backUpDatabase({ connection, storage, codec: { name: 'zstd' }, selection, parallel });
	return { run, files };
}

const OPEN = 'CREATE TABLE open (id int); INSERT INTO open VALUES (1); GRANT SELECT ON open TO limited';

describe('a backup by a user who may not read', () => {
	it.each([
		[
			'a table',
			'CREATE TABLE secrets (id int)',
			/permission denied for table secrets/,
			/GRANT SELECT ON TABLE public\.secrets TO/,
			{ excludeTables: ['secrets'] },
		],
		[
			'a schema',
			'CREATE SCHEMA hidden; CREATE TABLE hidden.t (id int); GRANT SELECT ON hidden.t TO limited',
			/permission denied for schema hidden/,
			/GRANT USAGE ON SCHEMA hidden/,
			{ excludeSchemas: ['hidden'] },
		],
		[
			'a sequence',
			'CREATE SEQUENCE numbers',
			/sequence "?numbers"?/,
			/GRANT SELECT ON SEQUENCE numbers/,
			{ excludeTables: ['numbers'] },
		],
		[
			'a large object',
			"SELECT lo_from_bytea(77, '\\x1234')",
			/permission denied for large object 77/,
			/GRANT SELECT ON LARGE OBJECT 77 TO the user\..*does not cover large objects.*Large Objects: Never/,
			{ largeObjects: 'exclude' },
		],
	] as const)('%s names it and what to grant, and leaves nothing', async (_, sql, message, hint, without) => {
		const { run, files } = asLimited(await databaseWith(server, OPEN, sql));
		const failure = await failureOf(run(), 'ACCESS_DENIED');
		expect(failure.message).toMatch(message);
		expect(failure.hint).toMatch(hint);
		expect(files()).toEqual([]);
		const { excludeTables, excludeSchemas, largeObjects } = without as unknown as DumpSelection;
		expect((await run({ excludeTables, excludeSchemas, largeObjects })).counts['rows']).toBe(1);
	});

	it('is complete once pg_read_all_data has been granted, as the hint says', async () => {
		const database = await databaseWith(server, OPEN, 'CREATE TABLE secrets AS SELECT 2 AS id');
		const { run } = asLimited(database);
		expect((await failureOf(run(), 'ACCESS_DENIED')).hint).toContain('pg_read_all_data');
		await server.query('postgres', 'GRANT pg_read_all_data TO limited');
		try {
			expect((await run()).counts['rows']).toBe(2);
		} finally {
			await server.query('postgres', 'REVOKE pg_read_all_data FROM limited');
		}
	});
});

describe('a policy that hides rows', () => {
	const GUARDED = `CREATE TABLE guarded (who text); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; GRANT SELECT ON guarded TO limited;
		CREATE POLICY own ON guarded USING (who = current_user); INSERT INTO guarded VALUES ('limited'), ('other')`;

	it.each([1, 2, 4])(
		'ends a backup over %i connections, naming the table, instead of losing them',
		async (parallel) => {
			const others = Array.from({ length: 8 }, (_, index) => OPEN.replaceAll('open', `open_${index}`));
			const { run, files } = asLimited(await databaseWith(server, ...others, GUARDED));
			const failure = await failureOf(run({}, parallel), 'ACCESS_DENIED');
			expect(failure.message).toMatch(/row-level security policy for table "guarded"/);
			expect(failure.hint).toContain('--enable-row-security');
			expect(files()).toEqual([]);
			const manifest = await run({ extraArguments: '--enable-row-security' }, parallel);
			expect(manifest.counts['rows']).toBe(8 + 1);
		},
	);

	it('ends a backup even where the database or the role switches row_security on', async () => {
		const database = await databaseWith(server, GUARDED);
		await server.query(database, `ALTER ROLE limited IN DATABASE ${database} SET row_security = on`);
		await failureOf(asLimited(database).run(), 'ACCESS_DENIED');
	});

	it('is told for what it is to the owner on whom it is forced', async () => {
		const forced = 'ALTER TABLE guarded OWNER TO limited; ALTER TABLE guarded FORCE ROW LEVEL SECURITY';
		const database = await databaseWith(server, GUARDED, forced);
		const { run, files } = asLimited(database);
		const failure = await failureOf(run(), 'ACCESS_DENIED');
		expect(failure.hint).toMatch(/The user owns the table.*FORCE ROW LEVEL SECURITY.*BYPASSRLS.*NO FORCE/);
		expect(failure.hint).not.toMatch(/use the table’s owner/i);
		expect(files()).toEqual([]);
		await server.query(database, 'ALTER TABLE guarded NO FORCE ROW LEVEL SECURITY');
		expect((await run()).counts['rows']).toBe(2);
	});

	it('does not send others to an owner on whom it is forced, too', async () => {
		const database = await databaseWith(server, GUARDED, 'ALTER TABLE guarded FORCE ROW LEVEL SECURITY');
		const failure = await failureOf(asLimited(database).run(), 'ACCESS_DENIED');
		expect(failure.hint).toMatch(/owner unless the policies are in force for the owner too/);
	});

	it('is no hindrance to the owner of the table', async () => {
		const database = await databaseWith(server, GUARDED, 'ALTER TABLE guarded OWNER TO limited');
		expect((await asLimited(database).run()).counts['rows']).toBe(2);
	});
});
