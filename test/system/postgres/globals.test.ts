import { execFile } from 'node:child_process';
import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { applyGlobals, globalsScript } from '../../../engine/postgres/globals';
import { globalsFixture } from '../../fixtures/postgres/globals.sql';
import { type PostgresServer, startPostgres } from '../../services/postgres';
import { serverAccount } from '../../services/postgres-binaries';

const run = promisify(execFile);

let server: PostgresServer;
let client: Client;

/** Statements without comments, psql commands and blank lines. */
function statements(script: string): string[] {
	return script.split('\n').filter((line) => line !== '' && !/^(--( |$)|\\(un)?restrict )/.test(line));
}

beforeAll(async () => {
	server = await startPostgres({ version: 15, config: { allow_in_place_tablespaces: 'on' } });
	client = new Client(server.clientConfig());
	await client.connect();
	const folder = join(server.dataDir, '..', 'elsewhere');
	mkdirSync(folder);
	const account = serverAccount();
	if (account) chownSync(folder, account.uid, account.gid);
	for (const sql of globalsFixture(15, folder)) await client.query(sql);
	// Labels need a provider that Debian does not ship, so they are written into the catalog of this server.
	await client.query(`SET allow_system_table_mods = on;
		INSERT INTO pg_shseclabel SELECT oid, 'pg_authid'::regclass, 'dummy', 'it''s \\ secret' FROM pg_authid WHERE rolname = 'app';
		INSERT INTO pg_shseclabel SELECT oid, 'pg_tablespace'::regclass, 'Dummy', 'x' FROM pg_tablespace WHERE spcname = 'locked'`);
}, 60_000);

afterAll(async () => {
	await client?.end();
	await server?.stop();
});

async function nativeScript(...options: string[]): Promise<string> {
	const args = ['--globals-only', '--quote-all-identifiers', ...options];
	const { stdout } = await run(server.bin('pg_dumpall'), args, { env: server.environment() });
	return (
		stdout
			// Since 16 pg_dumpall names no grantors of older servers, because such grants may fail to load.
			.replace(/^(GRANT "[^\n]*?) GRANTED BY "postgres";$/gm, '$1;')
			// Since 16 it knows tablespaces in place; 15 writes a relative path that the server would reject.
			.replace(/ LOCATION 'pg_tblspc\/\d+';$/gm, " LOCATION '';")
	);
}

describe('the globals script of PostgreSQL 15', () => {
	it('holds the statements of pg_dumpall --globals-only in its order', async () => {
		const { sql, roles, tablespaces, warnings } = await globalsScript(client);
		expect(statements(sql)).toEqual(statements(await nativeScript()));
		expect({ roles, tablespaces, warnings }).toEqual({ roles: 9, tablespaces: 3, warnings: [] });
		expect(sql).toContain("PASSWORD 'SCRAM-SHA-256$");
	});

	it('leaves passwords and tablespaces out when asked to', async () => {
		const { sql, tablespaces, warnings } = await globalsScript(client, { passwords: false, noTablespaces: true });
		expect(statements(sql)).toEqual(statements(await nativeScript('--no-role-passwords', '--no-tablespaces')));
		expect({ tablespaces, warnings }).toEqual({ tablespaces: 0, warnings: [] });
		expect(sql).not.toContain('SCRAM');
	});

	it('is read by a user who is no superuser without passwords and with a warning', async () => {
		await client.query(`CREATE ROLE plain LOGIN PASSWORD 'plain'`);
		const plain = new Client({ ...server.clientConfig(), user: 'plain', password: 'plain' });
		await plain.connect();
		try {
			const { sql, warnings } = await globalsScript(plain);
			expect(statements(sql)).toEqual(statements(await nativeScript('--no-role-passwords')));
			expect(warnings).toEqual([expect.stringContaining('may not read pg_authid')]);
		} finally {
			await plain.end();
			await client.query('DROP ROLE plain');
		}
	});

	it('restores into an empty server, from ours and from that of pg_dumpall, to the same script', async () => {
		const { sql } = await globalsScript(client, { noTablespaces: true });
		const withoutLabels = (script: string) => statements(script).filter((line) => !line.startsWith('SECURITY'));
		for (const script of [sql, await nativeScript('--no-tablespaces')]) {
			const second = await startPostgres({ version: 15 });
			const target = new Client(second.clientConfig());
			await target.connect();
			try {
				const report = await applyGlobals(target, script, { existing: 'update' });
				expect(report.failed).toEqual([
					{ object: 'security label of role "app"', message: expect.stringContaining('not loaded') as string },
				]);
				const restored = await globalsScript(target, { noTablespaces: true });
				// The role that is connected keeps its own password.
				const others = (line: string) => !line.startsWith('ALTER ROLE "postgres"');
				expect(withoutLabels(restored.sql).filter(others)).toEqual(withoutLabels(sql).filter(others));
			} finally {
				await target.end();
				await second.stop();
			}
		}
	}, 60_000);
});
