import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { compareDatabases, nativeRoundTrip } from '../../fidelity/compare';
import { PLANTED_DIFFERENCES } from '../../fidelity/planted';
import { createEverything } from '../../fixtures/postgres/everything-database';
import { type PostgresServer, startPostgres } from '../../services/postgres';

let server: PostgresServer;
let database: string;
let copy: string;

beforeAll(async () => {
	server = await startPostgres({ version: 15 });
	database = await createEverything(server, { largeRows: 20_000 });
	copy = await nativeRoundTrip(server, database);
});

afterAll(async () => {
	await server?.stop();
});

describe('comparing databases of PostgreSQL 15', () => {
	it('finds no difference after a native round trip of everything', async () => {
		expect(await compareDatabases({ server, database }, { server, database: copy })).toEqual([]);
	});

	it('finds every difference that was planted', async () => {
		const expected = [];
		for (const { plant, found } of PLANTED_DIFFERENCES) {
			await server.query(copy, plant);
			expected.push(found);
		}
		const differences = await compareDatabases({ server, database }, { server, database: copy });
		const unseen = expected.filter((found) => !differences.some((difference) => difference.includes(found)));
		expect(unseen).toEqual([]);
		expect(differences).toContainEqual(
			expect.stringMatching(/^pg_dump, only in the first: .*Name: ruled several; Type: RULE/s),
		);
	});
});
