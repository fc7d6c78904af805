import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createEverything } from '../../../fixtures/postgres/everything-database';
import {
	backUp,
	type Backup,
	databaseNames,
	databaseWith,
	failureOf,
	restore,
	scalar,
} from '../../../integration/postgres/engine/support';
import { IN_MEMORY, tested } from '../../../integration/postgres/verify/support';
import { nativeDump } from '../../../fidelity/native';
import { type PostgresServer, startPostgres } from '../../../services/postgres';

let old: PostgresServer;
let current: PostgresServer;

beforeAll(async () => {
	[old, current] = await Promise.all([startPostgres({ version: 15 }), startPostgres({ version: 18 })]);
});

afterAll(async () => {
	await Promise.all([old?.stop(), current?.stop()]);
});

/** Names of roles that own something or are granted something in the fixture. */
async function createRoles(server: PostgresServer, backup: Backup): Promise<void> {
	const { roles } = await (await backup.source()).inspect();
	for (const role of roles({}, ['owner', 'privilege'])) {
		await server.query('postgres', `CREATE ROLE "${role.replaceAll('"', '""')}"`).catch((error: { code?: string }) => {
			if (error.code !== '42710') throw error;
		});
	}
}

describe('a backup of PostgreSQL 15', () => {
	it('says of columns what the server’s own pg_dump does, whatever the server keeps on them for itself', async () => {
		const database = await databaseWith(
			old,
			'CREATE TYPE pair AS (a int, b text)',
			'CREATE TABLE t (i int, p pair)',
			'ALTER TABLE t ALTER i SET (n_distinct = 3, n_distinct_inherited = -0.5)',
			'CREATE TABLE parts (i int) PARTITION BY LIST (i)',
			'CREATE TABLE part PARTITION OF parts DEFAULT',
			'CREATE MATERIALIZED VIEW m AS SELECT i FROM t',
		);
		const backup = await backUp(old, database);
		const set = (script: string) => script.match(/^ALTER .* SET \(.*\);$/gm);
		const ours = set(await backup.script());
		expect(ours).toEqual(set(await nativeDump(old, database)));
		expect(ours).toEqual(['ALTER TABLE ONLY public.t ALTER COLUMN i SET (n_distinct=3, n_distinct_inherited=-0.5);']);
		expect(await restore(current, backup)).toMatchObject({ failures: [], warnings: [] });
		const { found } = await tested(backup, IN_MEMORY);
		expect(found).toEqual([]);
	});

	it('goes into PostgreSQL 18 with all its rows', async () => {
		const database = await createEverything(old, { largeRows: 2_000 });
		const backup = await backUp(old, database, { selection: { extraArguments: '--no-subscriptions' } });
		// Fetches the fixture's own extension into the newer server.
		await createEverything(current, { largeRows: 1 });
		await createRoles(current, backup);
		const report = await restore(current, backup, { parallel: 4 });
		expect(report.failures).toEqual([]);
		expect(report.rows).toBe(backup.manifest.counts['rows']);
		// The embedded server is built without it: the column's values are kept, and compressed in another way.
		expect(report.warnings).toEqual([expect.stringMatching(/without the compression method lz4.*store\.parameters/)]);
	});

	it('is refused by a server that lacks an extension, which stays as it was', async () => {
		const available = async (server: PostgresServer) =>
			(await server.query<{ name: string }>('postgres', 'SELECT name FROM pg_available_extensions')).rows.map(
				({ name }) => name,
			);
		const there = await available(current);
		const lacking = (await available(old)).filter((name) => !there.includes(name));
		expect(lacking).not.toEqual([]);
		const extension = lacking[0] as string;
		const backup = await backUp(old, await databaseWith(old, `CREATE EXTENSION "${extension}" CASCADE`));
		const before = await databaseNames(current);
		const failure = await failureOf(restore(current, backup), 'TARGET_FAILED');
		expect(failure.message).toContain(`lacks the extension ${extension}`);
		expect(failure.hint).toContain(extension);
		expect(await databaseNames(current)).toEqual(before);
	});
});

describe('a backup of PostgreSQL 18', () => {
	it('of plain tables goes back into PostgreSQL 15', async () => {
		const backup = await backUp(
			current,
			await databaseWith(
				current,
				'CREATE TABLE t (id int PRIMARY KEY, v text NOT NULL)',
				`INSERT INTO t VALUES (1, 'a')`,
			),
		);
		const report = await restore(old, backup);
		expect(report.failures).toEqual([]);
		expect(report.warnings).toEqual([expect.stringContaining('does not know the setting transaction_timeout')]);
		expect(await scalar(old, report.database, 'SELECT v FROM t')).toBe('a');
	});
});
