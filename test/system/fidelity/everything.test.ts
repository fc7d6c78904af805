import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { compareDatabases } from '../../fidelity/compare';
import { backUpIntoFolder, type EngineRoundTrip } from '../../fidelity/engine';
import { createEverything } from '../../fixtures/postgres/everything-database';
import { type PostgresServer, startPostgres } from '../../services/postgres';

let server: PostgresServer;
let database: string;
let archive: EngineRoundTrip;

beforeAll(async () => {
	server = await startPostgres({ version: 15 });
	database = await createEverything(server);
	archive = await backUpIntoFolder(server, database);
});

afterAll(async () => {
	archive?.cleanUp();
	await server?.stop();
});

describe('a database of all that PostgreSQL 15 can hold', () => {
	it('comes back from its backup as the native pg_dump says, without a difference', async () => {
		const report = await archive.restore('restored');
		expect(report).toMatchObject({ failures: [], warnings: [], rows: archive.manifest.counts['rows'] });
		expect(await compareDatabases({ server, database }, { server, database: 'restored' })).toEqual([]);
	});

	it('comes back the same by `zstd -dc | psql -v ON_ERROR_STOP=1`', async () => {
		const copy = await server.createDatabase();
		const command = 'set -o pipefail; zstd -dc "$ARCHIVE" | "$PSQL" -X -q -v ON_ERROR_STOP=1 -o /dev/null';
		const env = { ...server.environment(copy), ARCHIVE: archive.file, PSQL: server.bin('psql') };
		await promisify(execFile)('bash', ['-c', command], { env });
		expect(await compareDatabases({ server, database }, { server, database: copy })).toEqual([]);
	});
});
