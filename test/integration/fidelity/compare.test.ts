import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { compareDatabases } from '../../fidelity/compare';
import { PLANTED_DIFFERENCES } from '../../fidelity/planted';
import { createEverything } from '../../fixtures/postgres/everything-database';
import { type PostgresServer, startPostgres } from '../../services/postgres';

let server: PostgresServer;
let database: string;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	database = await createEverything(server, { largeRows: 5_000 });
	await server.query('postgres', `CREATE DATABASE copy TEMPLATE "${database}"`);
});

afterAll(async () => {
	await server?.stop();
});

describe('comparing databases of PostgreSQL 18', () => {
	it('finds no difference in a copy of everything but the subscriptions, which such a copy leaves out', async () => {
		const differences = await compareDatabases({ server, database }, { server, database: 'copy' });
		expect(differences).toHaveLength(2);
		for (const difference of differences) {
			expect(difference).toMatch(/^only in the first: subscription /);
		}
	});

	it('finds every difference that was planted', async () => {
		const planted = PLANTED_DIFFERENCES.filter(({ plant }) => !plant.includes('SUBSCRIPTION'));
		for (const { plant } of planted) await server.query('copy', plant);
		const differences = await compareDatabases({ server, database }, { server, database: 'copy' });
		const unseen = planted.filter(({ found }) => !differences.some((difference) => difference.includes(found)));
		expect(unseen).toEqual([]);
	});
});
