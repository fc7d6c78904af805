import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Manifest, openArchive } from '../../../../engine/archive';
import { backUpGlobals, restoreGlobals } from '../../../../engine/postgres';
import { applyGlobals } from '../../../../engine/postgres/globals';
import { verifyBackup } from '../../../../engine';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { forge } from '../../verify/forge';
import { connectionTo, failureOf, temporaryStorage } from '../engine/support';
import { adding } from './support';

const LONG = 'n'.repeat(63);

let server: PostgresServer;
let storage: ReturnType<typeof temporaryStorage>['storage'];
let manifest: Manifest;
let before: unknown;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	for (const role of ['admin', LONG])
		await server.query('postgres', `CREATE ROLE ${role} LOGIN SUPERUSER PASSWORD 'own'`);
	await server.query('postgres', 'CREATE ROLE a; CREATE TABLE precious ()');
	({ storage } = temporaryStorage());
	manifest = await backUpGlobals({ connection: connectionTo(server, 'postgres'), storage, codec: { name: 'zstd' } });
	before = await state();
});

afterAll(async () => {
	await server?.stop();
});

async function state(): Promise<unknown> {
	const { rows: roles } = await server.query(
		'postgres',
		`SELECT rolname, rolsuper, rolcanlogin, rolconnlimit, rolpassword, rolvaliduntil::text FROM pg_authid
			WHERE rolname !~ '^pg_' AND rolname <> 'a' ORDER BY 1`,
	);
	const { rows: settings } = await server.query(
		'postgres',
		`SELECT setdatabase, setrole::regrole, setconfig FROM pg_db_role_setting WHERE setrole::regrole::text <> 'a'`,
	);
	const { rows: members } = await server.query('postgres', `SELECT * FROM pg_auth_members WHERE roleid > 16384`);
	const { rows: tables } = await server.query('postgres', `SELECT relname FROM pg_class WHERE relname = 'precious'`);
	return { roles, settings, members, tables };
}

async function applied(script: string, user: string, existing: 'update' | 'skip') {
	const client = new Client({ ...server.clientConfig(), user, password: 'own' });
	await client.connect();
	try {
		return await applyGlobals(client, script, { existing });
	} finally {
		await client.end();
	}
}

const ATTACKS = [
	'ALTER ROLE CURRENT_USER WITH NOLOGIN;',
	`ALTER ROLE SESSION_USER WITH PASSWORD 'theirs';`,
	'ALTER ROLE current_role WITH NOSUPERUSER;',
	'ALTER ROLE CURRENT_USER SET statement_timeout TO 1;',
	'ALTER ROLE admin/**/ WITH NOLOGIN;',
	'ALTER ROLE/**/"admin"/**/WITH/**/NOLOGIN;',
	'-- a comment\rALTER ROLE admin WITH NOLOGIN;',
	'ALTER ROLE ADMIN WITH NOLOGIN;',
	'ALTER ROLE U&"\\0061dmin" WITH NOLOGIN;',
	`ALTER ROLE ${LONG}more WITH NOLOGIN;`,
	'ALTER ROLE ALL SET statement_timeout TO 1;',
	'ALTER ROLE all SET search_path TO nowhere;',
	`ALTER ROLE admin IN DATABASE postgres SET statement_timeout TO 1;`,
	'GRANT a TO CURRENT_USER;',
	'CREATE ROLE b ROLE admin;',
	`ALTER ROLE a SET ROLE'nope\\'; DROP TABLE public.precious; --';`,
	`ALTER ROLE a SET ROLE 'nope\\'; DROP TABLE public.precious; --';`,
	`SET standard_conforming_strings = off; ALTER ROLE a SET ROLE'nope\\'; DROP TABLE public.precious; --';`,
	`SET/**/standard_conforming_strings = off; COMMENT ON ROLE a IS 'nope\\'; DROP TABLE public.precious; --';`,
	`COMMENT ON ROLE a IS N'nope\\'; DROP TABLE public.precious; --';`,
	'DROP TABLE public.precious;',
	"COPY public.precious FROM PROGRAM 'true';",
];

describe('a globals script', () => {
	it.each(ATTACKS)('does nothing but what it may: %s', async (script) => {
		for (const existing of ['update', 'skip'] as const) {
			await applied(script, script.includes(LONG) ? LONG : 'admin', existing);
			expect(await state()).toEqual(before);
		}
	});

	it('tells what it left out', async () => {
		const { warnings } = await applied(
			'ALTER ROLE CURRENT_USER WITH NOLOGIN; ALTER ROLE ALL SET work_mem TO 1;',
			'admin',
			'update',
		);
		expect(warnings).toEqual([expect.stringContaining('left out'), expect.stringContaining('left out')]);
	});
});

describe('a globals archive', () => {
	const forged = (attack: (text: string) => string) =>
		forge(
			storage,
			{ manifest, folder: 'postgres' },
			{ parts: ([script]) => [{ ...script!, raw: Buffer.from(attack(script!.raw.toString('latin1')), 'latin1') }] },
		);
	const restored = async (key: string, database = 'postgres') =>
		await restoreGlobals(connectionTo(server, database), await openArchive(storage, `${key}.manifest.json`), {
			existing: 'update',
		});

	it.each(['postgres', 'gone_with_the_disaster'])('is restored as it was made by a login to %s', async (database) => {
		expect((await restored(await forged((text) => text), database)).failed).toEqual([]);
	});

	it.each([
		['holds something else', adding('DROP TABLE public.precious;')],
		['names a role by what the session is', adding('ALTER ROLE CURRENT_USER WITH NOLOGIN;')],
		['creates a role that its manifest does not count', adding('CREATE ROLE intruder;')],
	])('that %s is refused before the server is asked for anything', async (_, attack) => {
		const key = await forged(attack);
		await failureOf(restored(key), 'ARCHIVE_CORRUPT');
		expect(await state()).toEqual(before);
		const report = await verifyBackup({ storage, key, level: 'content' });
		expect(report).toMatchObject({ verdict: 'failed' });
	});

	it('that was cut is refused before the server is asked for anything', async () => {
		const key = await forged((text) => text.replace(/-- PostgreSQL database cluster dump complete/, '--'));
		await failureOf(restored(key), 'ARCHIVE_INCOMPLETE');
	});
});
