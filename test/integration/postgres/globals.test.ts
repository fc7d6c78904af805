import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { BackupError } from '../../../engine/errors';
import { applyGlobals, globalsScript } from '../../../engine/postgres/globals';
import { globalsFixture, ROLE_PASSWORD } from '../../fixtures/postgres/globals.sql';
import { type PostgresServer, startPostgres } from '../../services/postgres';

const config = { allow_in_place_tablespaces: 'on' };

let source: PostgresServer;
let script: string;

async function connected<T>(server: PostgresServer, work: (client: Client) => Promise<T>, user = {}): Promise<T> {
	const client = new Client({ ...server.clientConfig(), ...user });
	await client.connect();
	try {
		return await work(client);
	} finally {
		await client.end();
	}
}

/** Every fact about roles and tablespaces, by names instead of OIDs; not the password of the role that connects. */
async function catalogState(server: PostgresServer): Promise<Record<string, unknown[]>> {
	const name = (oid: string) => `(SELECT rolname FROM pg_authid WHERE oid = ${oid})`;
	const acl = (column: string) =>
		`(SELECT json_agg(json_build_array(${name('grantor')}, ${name('grantee')}, privilege_type, is_grantable) ORDER BY
			${name('grantor')}, ${name('grantee')}, privilege_type) FROM aclexplode(${column}))`;
	const queries = {
		roles: `SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls,
			rolconnlimit, CASE WHEN rolname <> 'postgres' THEN rolpassword END AS password, rolvaliduntil::text,
			shobj_description(oid, 'pg_authid') FROM pg_authid ORDER BY 1`,
		settings: `SELECT ${name('setrole')} AS role, setconfig FROM pg_db_role_setting WHERE setdatabase = 0 ORDER BY 1`,
		memberships: `SELECT ${name('roleid')} AS role, ${name('member')} AS member, ${name('grantor')} AS grantor,
			admin_option, inherit_option, set_option FROM pg_auth_members ORDER BY 1, 2, 3`,
		parameters: `SELECT parname, ${acl('paracl')} FROM pg_parameter_acl ORDER BY 1`,
		tablespaces: `SELECT spcname, ${name('spcowner')} AS owner, spcoptions, spcacl IS NULL AS standard, ${acl('spcacl')},
			shobj_description(oid, 'pg_tablespace') FROM pg_tablespace ORDER BY 1`,
	};
	return await connected(server, async (client) => {
		const state: Record<string, unknown[]> = {};
		for (const [what, sql] of Object.entries(queries)) state[what] = (await client.query(sql)).rows;
		return state;
	});
}

beforeAll(async () => {
	source = await startPostgres({ version: 18, config });
	await connected(source, async (client) => {
		for (const sql of globalsFixture(18)) await client.query(sql);
		script = (await globalsScript(client)).sql;
	});
});

afterAll(async () => {
	await source?.stop();
});

describe('restoring globals of PostgreSQL 18', () => {
	let target: PostgresServer;

	beforeEach(async () => {
		target = await startPostgres({ version: 18, config });
		return async () => await target.stop();
	});

	it('gives an empty server the same roles, settings, memberships, privileges and tablespaces', async () => {
		const report = await connected(target, (client) => applyGlobals(client, script, { existing: 'update' }));
		expect(report.failed).toEqual([]);
		expect(report.created).toEqual(
			expect.arrayContaining(['role "app"', 'role "two\nlines"', 'tablespace "In Place"']),
		);
		expect(report.created).toHaveLength(12);
		expect(await catalogState(target)).toEqual(await catalogState(source));
		await connected(target, (client) => client.query('SELECT 1'), { user: 'app', password: ROLE_PASSWORD });
	});

	it('brings existing roles to the state of the script with update, twice with the same result', async () => {
		await connected(target, async (client) => {
			await client.query(`CREATE ROLE app SUPERUSER NOLOGIN CONNECTION LIMIT 3`);
			await client.query(`CREATE TABLESPACE locked LOCATION ''`);
			const first = await applyGlobals(client, script, { existing: 'update' });
			expect(first.failed).toEqual([]);
			expect(first.updated).toEqual(['role "app"', 'tablespace "locked"']);
			const second = await applyGlobals(client, script, { existing: 'update' });
			expect(second).toMatchObject({ created: [], failed: [], skipped: ['role "postgres"'] });
			expect(second.updated).toHaveLength(12);
		});
		const [actual, expected] = [await catalogState(target), await catalogState(source)];
		// The owner of a tablespace that exists is not the script's business.
		expect({ ...actual, tablespaces: [] }).toEqual({ ...expected, tablespaces: [] });
	});

	it('leaves existing roles exactly as they are with skip', async () => {
		await connected(target, async (client) => {
			await client.query(`CREATE ROLE app NOLOGIN; CREATE ROLE readers; COMMENT ON ROLE app IS 'mine'`);
			const before = await catalogState(target);
			const report = await applyGlobals(client, script, { existing: 'skip' });
			expect(report.failed).toEqual([]);
			expect(report.skipped).toEqual(['role "app"', 'role "postgres"', 'role "readers"']);
			const after = await catalogState(target);
			expect(after.roles).toEqual(expect.arrayContaining(before.roles ?? []));
			expect(after.settings?.filter((row) => (row as { role: string }).role === 'app')).toEqual([]);
			expect(after.memberships?.filter((row) => (row as { member: string }).member === 'app')).toEqual([]);
		});
	});

	it('never changes the password, attributes or settings of the role that is connected', async () => {
		const admin = { user: 'select', password: 'own' };
		await connected(target, async (client) => {
			await client.query(`CREATE ROLE "select" SUPERUSER LOGIN PASSWORD 'own'`);
		});
		await connected(
			target,
			async (client) => {
				const report = await applyGlobals(client, script.replace(/(ALTER ROLE "select" WITH).*/, '$1 NOLOGIN;'), {
					existing: 'update',
				});
				expect(report.warnings).toEqual([
					expect.stringContaining('The attributes of role "select" were left as they are'),
					expect.stringContaining('The settings of role "select" were left as they are'),
				]);
			},
			admin,
		);
		const { rows } = await connected(target, (client) => client.query('SELECT current_user AS me'), admin);
		expect(rows).toEqual([{ me: 'select' }]);
	});

	it('restores as an administrator without superuser rights what such a one may, and reports the rest', async () => {
		await connected(target, (client) => client.query(`CREATE ROLE manager LOGIN CREATEROLE CREATEDB PASSWORD 'm'`));
		const report = await connected(target, (client) => applyGlobals(client, script, { existing: 'update' }), {
			user: 'manager',
			password: 'm',
		});
		const failed = report.failed.map(({ object }) => object);
		expect(failed).not.toContain('attributes of role "app"');
		expect(failed).toContain('attributes of role "select"');
		expect(failed).toContain('tablespace "locked"');
		await connected(target, (client) => client.query('SELECT 1'), { user: 'app', password: ROLE_PASSWORD });
	});
});

describe('a globals script on a server in use', () => {
	let target: PostgresServer;

	beforeAll(async () => {
		target = await startPostgres({ version: 18, config });
	});

	afterAll(async () => {
		await target?.stop();
	});

	it('grants without the grantor, and says so, where the grantor may not grant', async () => {
		const grant =
			'CREATE ROLE "a"; CREATE ROLE "b"; CREATE ROLE "c"; GRANT "a" TO "b" WITH INHERIT TRUE GRANTED BY "c";';
		const report = await connected(target, (client) => applyGlobals(client, grant, { existing: 'update' }));
		expect(report.failed).toEqual([]);
		expect(report.warnings).toEqual([
			expect.stringContaining('membership of role "b" in "a" was granted by another role than before, "c"'),
		]);
	});

	it('reports a rejected statement without the password in it, and goes on', async () => {
		const bad = `CREATE ROLE "d"; ALTER ROLE "d" WITH LOGIN CONNECTION LIMIT -5 PASSWORD 'SCRAM-SHA-256$hash'; CREATE ROLE "e";
			ALTER ROLE "e" WITH PASSWORD 'SCRAM-SHA-256$hash' 'SCRAM-SHA-256$hash';`;
		const report = await connected(target, (client) => applyGlobals(client, bad, { existing: 'update' }));
		expect(report.created).toEqual(['role "d"', 'role "e"']);
		expect(report.failed).toEqual([
			{ object: 'attributes of role "d"', message: 'the server rejected the statement (SQLSTATE 22023)' },
			{ object: 'attributes of role "e"', message: 'the server rejected the statement (SQLSTATE 42601)' },
		]);
		expect(JSON.stringify(report)).not.toContain('hash');
	});

	it('runs nothing that is not about roles and tablespaces, and drops nothing', async () => {
		const foreign = `CREATE ROLE "f"; DROP ROLE "f"; CREATE DATABASE "x"; SELECT pg_terminate_backend(1);`;
		const report = await connected(target, (client) => applyGlobals(client, foreign, { existing: 'update' }));
		expect(report.created).toEqual(['role "f"']);
		expect(report.warnings).toHaveLength(3);
		expect((await catalogState(target)).roles).toEqual(
			expect.arrayContaining([expect.objectContaining({ rolname: 'f' }) as unknown]),
		);
	});

	it('ends with a BackupError without the password when the connection breaks', async () => {
		await connected(target, async (client) => {
			client.on('error', () => undefined);
			const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
			await target.query('postgres', 'SELECT pg_terminate_backend($1)', [rows[0]?.pid]).catch(() => undefined);
			const error = await applyGlobals(client, script, { existing: 'update' }).catch((thrown: unknown) => thrown);
			expect(error).toBeInstanceOf(BackupError);
			expect(JSON.stringify([String(error), error])).not.toContain('SCRAM');
		});
	});

	it('does nothing once the run has been cancelled', async () => {
		const signal = AbortSignal.abort();
		await connected(target, async (client) => {
			await expect(applyGlobals(client, script, { existing: 'update', signal })).rejects.toMatchObject({
				code: 'CANCELLED',
			});
			await expect(globalsScript(client, { signal })).rejects.toMatchObject({ code: 'CANCELLED' });
		});
		expect((await catalogState(target)).settings).toEqual([]);
	});
});
