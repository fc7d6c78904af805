import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { restoreDatabase, type RestoreTarget } from '../../../../engine/postgres';
import type { RestoreSource, RestoreStep } from '../../../../engine/postgres/restore/source';
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

	it('keep what they hold where not all of the backup can be written, though errors be collected', async () => {
		const database = await twoObjects();
		const source = await (await backUp(server, database)).source();
		await server.query(database, `SELECT lo_put(1, 0, '\\x11223344')`);
		const beyondTheEnd = async function* (steps: AsyncIterable<RestoreStep>) {
			for await (const step of steps)
				yield step.type === 'batch' ? { ...step, sql: step.sql.replace('lo_put(1, 0,', 'lo_put(1, -1,') } : step;
		};
		const failing: RestoreSource = {
			inspect: (signal) => source.inspect(signal),
			steps: (selection, signal) => beyondTheEnd(source.steps(selection, signal)),
		};
		const failure = await failureOf(
			restoreDatabase({
				connection: connectionTo(server, 'postgres'),
				source: failing,
				target: into(database, 'truncate'),
				selection: { dataOnly: true },
				collectErrors: true,
			}),
			'TARGET_FAILED',
		);
		expect(failure.message).toContain('large objects');
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
