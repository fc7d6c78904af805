import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { DumpSelection } from '../../../../engine/postgres';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { backUp, databaseWith, failureOf, newName, restore, scalar } from './support';

let server: PostgresServer;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
});

afterAll(async () => {
	await server?.stop();
});

const live = async () =>
	await databaseWith(
		server,
		'CREATE SCHEMA more; CREATE TABLE a AS SELECT generate_series(1, 5) AS x; CREATE TABLE more.b AS SELECT 1 AS x',
		`SELECT lo_from_bytea(77, 'kept')`,
	);

const PARTIAL: Array<[DumpSelection, RegExp]> = [
	[{ content: 'schema' }, /all rows \(it was made with Schema Only\)/],
	[{ content: 'data' }, /all definitions \(it was made with Data Only\)/],
	[{ tables: ['public.a'] }, /--table=public\.a/],
	[{ schemas: ['public'] }, /--schema=public/],
	[{ excludeSchemas: ['more'] }, /--exclude-schema=more/],
	[{ excludeTables: ['a'] }, /--exclude-table=a/],
	[{ excludeTableData: ['a'] }, /--exclude-table-data=a/],
	[{ largeObjects: 'exclude' }, /--no-large-objects/],
	[{ extraArguments: '--exclude-table-data-and-children=a' }, /--exclude-table-data-and-children=a/],
	[{ extraArguments: '--no-policies' }, /--no-policies/],
];

describe('a backup of part of a database', () => {
	it.each(PARTIAL)('never takes the place of a whole one (%o)', async (selection, lacks) => {
		const database = await live();
		const stored = await backUp(server, database, { selection });
		await server.query(database, 'INSERT INTO a VALUES (6)');
		for (const withPartial of [true, false]) {
			// Manifests of before do not say it by themselves.
			if (!withPartial) delete stored.manifest.partial;
			for (const type of ['safeSwap', 'replace'] as const) {
				const target = { type, database, confirmation: database };
				const { message, hint } = await failureOf(restore(server, stored, { target }), 'INVALID_INPUT');
				expect(message).toMatch(lacks);
				expect(message).toContain('nothing was changed');
				expect(hint).toContain('new database');
			}
		}
		expect(await scalar(server, database, 'SELECT sum(x) FROM a')).toBe('21');
	});

	it('says in a new database what it lacks', async () => {
		const stored = await backUp(server, await live(), { selection: { content: 'schema', tables: ['a', 'more.b'] } });
		const { database, warnings } = await restore(server, stored);
		expect(warnings).toContainEqual(
			expect.stringMatching(/not the backup of a whole database: it lacks all rows.*--table=a, --table=more\.b/),
		);
		expect(await scalar(server, database, 'SELECT count(*) FROM more.b')).toBe('0');
	});

	it('says so where it goes into an existing database, unless that is what was chosen', async () => {
		const source = await live();
		const stored = await backUp(server, source, { selection: { content: 'schema' } });
		const database = await databaseWith(server);
		const target = { type: 'existing', database, confirmation: database, before: 'nothing' } as const;
		expect((await restore(server, stored, { target })).warnings).toContainEqual(
			expect.stringContaining('it lacks all'),
		);
		const rows = await backUp(server, source, { selection: { content: 'data', largeObjects: 'exclude' } });
		expect((await restore(server, rows, { target, selection: { dataOnly: true } })).warnings).toEqual([]);
	});

	it('is whole without owners, privileges and comments', async () => {
		const database = await live();
		const selection = { noOwner: true, noPrivileges: true, extraArguments: '--no-comments' };
		const stored = await backUp(server, database, { selection });
		const target = { type: 'replace', database, confirmation: database } as const;
		expect((await restore(server, stored, { target })).warnings).toEqual([]);
		expect((await restore(server, stored, { target: { type: 'newDatabase', database: newName() } })).warnings).toEqual(
			[],
		);
	});
});
