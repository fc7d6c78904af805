import { Readable } from 'node:stream';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openForeignDump, restoreDatabase, type RestoreTarget } from '../../../../engine/postgres';
import type { RestoreSource } from '../../../../engine/postgres/restore/source/source';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { backUp, connectionTo, databaseWith, failureOf, restore, scalar } from './support';

let server: PostgresServer;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
});

afterAll(async () => {
	await server?.stop();
});

const into = (database: string, before: 'nothing' | 'truncate' | 'drop'): RestoreTarget => ({
	type: 'existing',
	database,
	confirmation: database,
	before,
});

/** As pg_dump writes rows and large objects into a plain script. Takes contents in hexadecimal, by number. */
async function plainDump(contents: Record<number, string>) {
	const script = [
		'COPY public.t (id) FROM stdin;\n7\n\\.\n',
		...Object.keys(contents).map((id) => `SELECT pg_catalog.lo_create('${id}');`),
		'BEGIN;',
		...Object.entries(contents).map(
			([id, hex]) =>
				`SELECT pg_catalog.lo_open('${id}', 131072);\nSELECT pg_catalog.lowrite(0, '\\x${hex}');\nSELECT pg_catalog.lo_close(0);`,
		),
		'COMMIT;',
	].join('\n');
	return await openForeignDump({ name: 'dump.sql', open: () => Promise.resolve(Readable.from([Buffer.from(script)])) });
}

describe('large objects that exist already', () => {
	const content = (database: string, id: number) => scalar(server, database, `SELECT encode(lo_get(${id}), 'hex')`);
	const twoObjects = () =>
		databaseWith(
			server,
			`CREATE TABLE t (id int); SELECT lo_from_bytea(1, '\\xaabb'); SELECT lo_from_bytea(2, '\\xcc')`,
		);

	it.each(['nothing', 'truncate'] as const)(
		'get the contents of the backup and no other, and keep their privileges (%s)',
		async (before) => {
			const database = await twoObjects();
			const stored = await backUp(server, database);
			await server.query(
				database,
				`SELECT lo_put(1, 0, '\\x11223344'); SELECT lo_unlink(2); SELECT lo_from_bytea(3, '\\xdd'); GRANT SELECT ON LARGE OBJECT 1 TO PUBLIC`,
			);
			const selection = { dataOnly: true };
			const report = await restore(server, stored, { target: into(database, before), selection });
			expect(report).toMatchObject({ failures: [], warnings: [] });
			expect([await content(database, 1), await content(database, 2), await content(database, 3)]).toEqual([
				'aabb',
				'cc',
				'dd',
			]);
			const acl = `SELECT lomacl::text FROM pg_largeobject_metadata WHERE oid = 1`;
			expect(await scalar(server, database, acl)).toBe('{postgres=rw/postgres,=r/postgres}');
		},
	);

	it.each([false, true])(
		'get their own contents out of a plain script (collecting errors: %s)',
		async (collectErrors) => {
			const database = await twoObjects();
			await server.query(database, `SELECT lo_unlink(1); SELECT lo_from_bytea(3, '\\xdd')`);
			const contents = { 1: 'aabbccdd', 2: 'ee', 3: 'ff' };
			await restoreDatabase({
				connection: connectionTo(server, 'postgres'),
				source: await plainDump(contents),
				target: into(database, 'truncate'),
				selection: { dataOnly: true },
				collectErrors,
			});
			for (const [id, hex] of Object.entries(contents)) expect(await content(database, Number(id))).toBe(hex);
		},
	);

	it.each<[string, (database: string) => Promise<RestoreSource>, string]>([
		['a backup', async (database) => await (await backUp(server, database)).source(), 'lo_put(1, 0,'],
		['a plain script', async () => await plainDump({ 1: 'aabb', 2: 'cc' }), 'lowrite(0,'],
	])('keep what they hold where not all of %s can be written, though errors be collected', async (_, open, call) => {
		const database = await twoObjects();
		const source = await open(database);
		await server.query(database, `SELECT lo_put(1, 0, '\\x11223344')`);
		const wrong = (sql: string) => sql.replace(call, call.replace(' 0,', ' -1,').replace('(0,', '(9,'));
		const failing: RestoreSource = {
			inspect: (inspection) => source.inspect(inspection),
			steps: async function* (selection, signal) {
				for await (const step of source.steps(selection, signal))
					if (step.type === 'batch') yield { ...step, sql: wrong(step.sql) };
					else yield step.type === 'statement' ? { ...step, text: wrong(step.text) } : step;
			},
		};
		const report = restoreDatabase({
			connection: connectionTo(server, 'postgres'),
			source: failing,
			target: into(database, 'truncate'),
			selection: { dataOnly: true },
			collectErrors: true,
		});
		expect((await failureOf(report, 'TARGET_FAILED')).message).toMatch(/large.object/);
		expect([await content(database, 1), await content(database, 2)]).toEqual(['11223344', 'cc']);
	});

	it('stop a restore of definitions, or are left as they are where errors are collected', async () => {
		const stored = await backUp(server, await twoObjects());
		const database = await databaseWith(server, `SELECT lo_from_bytea(1, '\\x11223344')`);
		await failureOf(restore(server, stored, { target: into(database, 'nothing') }), 'TARGET_FAILED');
		const other = await databaseWith(server, `SELECT lo_from_bytea(1, '\\x11223344')`);
		const { failures } = await restore(server, stored, { target: into(other, 'nothing'), collectErrors: true });
		expect(failures).toHaveLength(1);
		expect(await content(other, 1)).toBe('11223344');
		expect(await content(other, 2)).toBe('cc');
	});
});
