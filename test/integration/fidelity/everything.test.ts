import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { compareDatabases } from '../../fidelity/compare';
import { backUpIntoFolder, type EngineRoundTrip } from '../../fidelity/engine';
import { createEverything } from '../../fixtures/postgres/everything-database';
import { type PostgresServer, startPostgres } from '../../services/postgres';

let server: PostgresServer;
let database: string;
let archive: EngineRoundTrip;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	database = await createEverything(server, { largeRows: 20_000 });
	archive = await backUpIntoFolder(server, database);
});

afterAll(async () => {
	archive?.cleanUp();
	await server?.stop();
});

describe('a database of all that PostgreSQL 18 can hold', () => {
	it('comes back from its backup without a difference', async () => {
		const report = await archive.restore('restored');
		expect(report).toMatchObject({ failures: [], warnings: [], rows: archive.manifest.counts['rows'] });
		expect(await compareDatabases({ server, database }, { server, database: 'restored' })).toEqual([]);
	});
});
