import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { startPostgres } from '../../services/postgres';

it("starts Debian's PostgreSQL 15 and gives its client programs", async () => {
	const server = await startPostgres({ version: 15, ssl: true });
	const database = await server.createDatabase();
	await server.query(database, 'CREATE TABLE shelf (id int)');
	const dump = execFileSync(server.bin('pg_dump'), ['--schema-only'], { env: server.environment(database) });
	await server.stop();
	expect(dump.toString()).toContain('CREATE TABLE public.shelf');
});
