import { afterAll, beforeAll, expect, it } from 'vitest';

import { checkPostgres, type PostgresConnection } from '../../../../engine/postgres';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { type Backup, backUp, connectionTo, failureOf, newName, restore, scalar } from '../engine/support';
import { createProject, fillProject, OWNER, ROLES } from './supabase';

let project: PostgresServer;
let plain: PostgresServer;
/** Of all of the project, and of the application's own schema, by a user who is no superuser. */
let all: Backup;
let own: Backup;

beforeAll(async () => {
	[project, plain] = await Promise.all([startPostgres({ version: 18 }), startPostgres({ version: 18 })]);
	await project.query('postgres', ROLES);
	await createProject(project, 'project');
	await fillProject(project, 'project');
	const connection = asOwner(project, 'project');
	all = await backUp(project, 'project', { connection });
	own = await backUp(project, 'project', { connection, selection: { schemas: ['public'] } });
});
afterAll(async () => {
	await Promise.all([project?.stop(), plain?.stop()]);
});

function asOwner(server: PostgresServer, database: string): PostgresConnection {
	return { ...connectionTo(server, database), ...OWNER };
}

const UNOWNED = { owner: { type: 'none' }, privileges: false } as const;
const into = (database: string) => ({ type: 'existing', database, confirmation: database, before: 'nothing' }) as const;
const rowsIn = async (server: PostgresServer, database: string) =>
	await scalar(
		server,
		database,
		`SELECT (SELECT count(*) FROM auth.users) || ' ' || (SELECT count(*) FROM profiles) || ' ' || (SELECT count(*) FROM storage.objects)`,
	);
const policies = "SELECT string_agg(policyname, ',') FROM pg_policies";
const eventTriggers = "SELECT string_agg(evtname, ',') FROM pg_event_trigger";

it('is backed up whole by the user of the project, of whom Check Setup asks for nothing', async () => {
	expect(all.manifest.warnings).toEqual([]);
	expect(all.manifest.counts['rows']).toBe(120);
	const connection = asOwner(project, 'project');
	const { findings } = await checkPostgres({ connection, databases: ['project'], globals: false, parallel: 2 });
	const wrong = findings.filter(({ level, affects }) => level === 'problem' && affects === 'backup');
	expect(wrong).toEqual([]);
});

it('comes to a plain server without its roles: what names one is told, or left out with a warning', async () => {
	const { message, hint } = await failureOf(restore(plain, all), 'TARGET_FAILED');
	expect(message).toMatch(/lacks the roles .*supabase_auth_admin.*nothing was changed/);
	expect(hint).toContain('Restoring User');
	const target = newName();
	const choices = { ...UNOWNED, target: { type: 'newDatabase', database: target } } as const;
	const { warnings } = await restore(plain, all, choices);
	expect(warnings).toEqual(['POLICY public.profiles own was left out: the server has no role authenticated.']);
	expect(await rowsIn(plain, target)).toBe('50 50 20');
	expect(await scalar(plain, target, eventTriggers)).toBe('pgrst_ddl_watch');
});

it('comes to a plain server that has its roles as it was; whoever is no superuser there may leave event triggers out', async () => {
	const server = await startPostgres({ version: 18 });
	try {
		await server.query('postgres', ROLES);
		const target = newName();
		await restore(server, all, { target: { type: 'newDatabase', database: target } });
		expect(await rowsIn(server, target)).toBe('50 50 20');
		expect(await scalar(server, target, policies)).toBe('own');
		const owner = `SELECT relowner::regrole::text FROM pg_class WHERE oid = 'auth.users'::regclass`;
		expect(await scalar(server, target, owner)).toBe('supabase_auth_admin');

		const connection = asOwner(server, 'postgres');
		const { message } = await failureOf(restore(server, all, { ...UNOWNED, connection }), 'ACCESS_DENIED');
		expect(message).toMatch(/EVENT TRIGGER pgrst_ddl_watch/);
		const other = newName();
		const collecting = { type: 'newDatabase', database: other } as const;
		const { failures } = await restore(server, all, {
			...UNOWNED,
			connection,
			target: collecting,
			collectErrors: true,
		});
		expect(failures.map(({ object }) => object)).toEqual(['EVENT TRIGGER pgrst_ddl_watch']);
		expect(await rowsIn(server, other)).toBe('50 50 20');
	} finally {
		await server.stop();
	}
});

it('comes back into another project: first the rows of the services, then the schema of the application', async () => {
	const other = await createProject(project, 'other');
	const connection = asOwner(project, 'project');
	const services = { dataOnly: true, tables: ['auth.users', 'storage.objects'] };
	expect(await restore(project, all, { connection, target: into(other), selection: services })).toMatchObject({
		rows: 70,
	});
	const { failures } = await restore(project, all, {
		connection,
		target: into(other),
		selection: { schemas: ['public'] },
	});
	expect(failures).toEqual([]);
	expect(await rowsIn(project, other)).toBe('50 50 20');
	expect(await scalar(project, other, policies)).toBe('own');
	expect(await scalar(project, other, "SELECT relowner::regrole::text FROM pg_class WHERE relname = 'profiles'")).toBe(
		OWNER.user,
	);
});

it('of the schema public alone comes back too, though every new database has that schema', async () => {
	const third = await createProject(project, 'third');
	const connection = asOwner(project, 'project');
	const services = { dataOnly: true, tables: ['auth.users'] };
	await restore(project, all, { connection, target: into(third), selection: services });
	expect(await restore(project, own, { connection, target: into(third) })).toMatchObject({ rows: 50, failures: [] });
	// What it refers to is of other schemas.
	expect((await failureOf(restore(plain, own, UNOWNED), 'TARGET_FAILED')).message).toMatch(/schema "extensions"/);
});
