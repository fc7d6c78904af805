import { afterAll, beforeAll, expect, it } from 'vitest';

import type { Manifest } from '../../../../engine/archive';
import { createEverything } from '../../../fixtures/postgres/everything-database';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { backUp, connectionTo, databaseNames, databaseWith } from '../../../integration/postgres/engine/support';
import { IN_MEMORY, onServer, tested } from '../../../integration/postgres/verify/support';
import { forge } from '../../../integration/verify/forge';

const OWNERS =
	'warning: Owners and privileges were left out of the test restore: the scratch server has roles of its own.';
const SUPERUSER =
	'warning: The test restore ran on the scratch server as the role "postgres", which is a superuser: code in a backup runs with its rights, and could run programs there.';
const SUBSCRIPTIONS = 'warning: Subscriptions were left out: they reach out to other servers.';

let old: PostgresServer;
let current: PostgresServer;
let everything: string;

beforeAll(async () => {
	[old, current] = await Promise.all([startPostgres({ version: 15 }), startPostgres({ version: 18 })]);
	everything = await createEverything(old, { largeRows: 2000 });
});

afterAll(async () => {
	await old.stop();
	await current.stop();
});

it('restores everything that a database of version 15 can hold on a server like it, and finds it the same', async () => {
	const backup = await backUp(old, everything);
	const { counts, findings } = await tested(backup, onServer(connectionTo(old, 'postgres')));
	expect(findings).toEqual([SUBSCRIPTIONS, OWNERS, SUPERUSER]);
	expect(counts).toMatchObject({ rows: backup.manifest.counts['rows'], largeObjects: 4 });
	expect((await databaseNames(old)).filter((name) => name.startsWith('stack_backup_verify_'))).toEqual([]);
});

it('restores a database of version 15 inside this process, where it has no extensions that are missing there', async () => {
	for (const name of ['postgres_fdw', 'stack_backup_fixture'])
		await old.query(everything, `DROP EXTENSION IF EXISTS ${name} CASCADE`);
	const backup = await backUp(old, everything);
	const { counts, findings } = await tested(backup, IN_MEMORY);
	expect(findings.filter((finding) => !finding.startsWith('warning: '))).toEqual([]);
	expect(counts).toMatchObject({ rows: backup.manifest.counts['rows'], largeObjects: 4 });
});

it('compares by value where a backup does not tell how its session wrote values', async () => {
	const database = await databaseWith(
		old,
		`CREATE TABLE t (id int, at timestamptz, price money, raw bytea)`,
		`INSERT INTO t SELECT n, now() + n * interval '1 day', n::text::money, decode(lpad(n::text, 4, '0'), 'hex') FROM generate_series(1, 400) n`,
	);
	await old.query('postgres', `ALTER DATABASE "${database}" SET timezone = 'America/St_Johns'`);
	await old.query('postgres', `ALTER DATABASE "${database}" SET bytea_output = 'escape'`);
	const backup = await backUp(old, database);
	const { session, ...source } = backup.manifest.source as Manifest['source'] & { session: unknown };
	expect(session).toMatchObject({ TimeZone: 'America/St_Johns', bytea_output: 'escape' });
	const key = await forge(backup.storage, { manifest: backup.manifest, folder: 'postgres' }, { manifest: { source } });
	for (const target of [onServer(connectionTo(current, 'postgres')), IN_MEMORY]) {
		const { counts, findings } = await tested({ ...backup, key }, target);
		expect(findings.filter((finding) => ![OWNERS, SUPERUSER].includes(finding))).toEqual([]);
		expect(counts).toEqual({ tables: 1, rows: 400 });
	}
});

it('blames the server where it is older than the source', async () => {
	const database = await databaseWith(current, `CREATE TABLE t (v int, twice int GENERATED ALWAYS AS (v * 2) VIRTUAL)`);
	const { findings } = await tested(await backUp(current, database), onServer(connectionTo(old, 'postgres')));
	expect(findings).toHaveLength(1);
	expect(findings[0]).toMatch(/^inconclusive: Could not restore /);
});
