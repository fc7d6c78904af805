import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { backUp, databaseWith, failureOf, restore, scalar } from '../../integration/postgres/engine/support';
import { type PostgresServer, startPostgres } from '../../services/postgres';

let server: PostgresServer;

beforeAll(async () => {
	server = await startPostgres({ version: 15, onDisk: true });
});

afterAll(async () => {
	await server?.stop();
});

const filled = (megabytes: number) => `convert_to(repeat('x', ${megabytes} * 1000000), 'SQL_ASCII')`;

describe('a large value', () => {
	it('comes back as it was', async () => {
		const database = await databaseWith(
			server,
			'CREATE TABLE docs (id int, body bytea)',
			`INSERT INTO docs VALUES (1, ${filled(200)})`,
		);
		const report = await restore(server, await backUp(server, database));
		expect(report).toMatchObject({ rows: 1, failures: [], warnings: [] });
		const digest = 'SELECT md5(body) FROM docs';
		expect(await scalar(server, report.database, digest)).toBe(await scalar(server, database, digest));
	});

	it('that PostgreSQL cannot write is named with its table, column and row', async () => {
		const database = await databaseWith(
			server,
			'CREATE TABLE docs (id int, title text, "the body" bytea)',
			`INSERT INTO docs VALUES (1, 'small', '\\x00'), (2, 'large', ${filled(540)})`,
		);
		const failure = await failureOf(backUp(server, database), 'SOURCE_FAILED');
		expect(failure.message).toMatch(
			/Could not read table public\.docs: a row of it is too large.*invalid memory alloc request size.*column "the body" \(540 MB, in the row at ctid \(0,2\)\)/,
		);
		expect(failure.hint).toMatch(/500 MB of bytea.*Exclude Data of Tables/);
		const without = await backUp(server, database, { selection: { excludeTableData: ['docs'] } });
		expect(without.manifest.counts['rows']).toBe(0);
	});

	it('is not needed for a row to be too long: its values together are', async () => {
		const database = await databaseWith(
			server,
			'CREATE TABLE pair (a bytea, b bytea)',
			`INSERT INTO pair VALUES (${filled(300)}, ${filled(250)})`,
		);
		const failure = await failureOf(backUp(server, database), 'SOURCE_FAILED');
		expect(failure.message).toMatch(/public\.pair: a row of it is too large.*column "a" \(300 MB/);
	});
});
