import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PostgresServer, startPostgres } from '../services/postgres';
import { inProcessN8n } from './harness';
import { backup, byName, storedIn } from './node-runner';
import { createShop, databaseExists, dumpNode, NODE_TYPE, rowsOf, WHOLE_SHOP } from './postgres-support';

/** An expression that refers to what is not there. */
const NOTHING = '={{ $json.body.nothing }}';

const n8n = await inProcessN8n();
let server: PostgresServer;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	await createShop(server, 'shop');
});

afterAll(async () => {
	await server?.stop();
});

it('makes no backup over a number of connections that is none, and names the field', async () => {
	const { folder, node } = await dumpNode(n8n, server, 'shop');
	for (const parallel of ['={{ "" }}', NOTHING, 0, -2]) {
		expect(await node.fails('backUp', { options: { parallel } })).toMatch(/^Parallel Connections is .*from 1 to 32/);
	}
	expect(await node.fails('backUp', { options: { lockTimeout: NOTHING } })).toMatch(/^Lock Timeout/);
	expect(await node.fails('backUp', { options: { connectTimeout: 0 } })).toMatch(/^Connection Timeout/);
	expect(storedIn(folder)).toEqual([]);
});

it('does not take a selection that came out empty for everything', async () => {
	const { folder, node } = await dumpNode(n8n, server, 'shop');
	expect(await node.fails('backUp', { selection: { tables: NOTHING } })).toMatch(/^Tables is empty: .*take the field/);
	expect(await node.fails('backUp', { selection: { schemaPatterns: ' , ' } })).toMatch(/^Schemas by Pattern is empty/);
	expect(storedIn(folder)).toEqual([]);
	await node.ok('backUp');
	await createShop(server, 'kept');
	const parameters = {
		...backup('latest', 'shop'),
		target: 'existing',
		existingDatabase: byName('kept'),
		confirmation: 'kept',
		before: 'truncate',
	};
	await server.query('kept', `INSERT INTO audit.log VALUES ('third')`);
	for (const selection of [{ tables: NOTHING }, { tables: '={{ [""] }}' }, { schemaNames: '={{ 5 }}' }]) {
		expect(await node.fails('restore', { ...parameters, selection })).toMatch(/^(Tables|Schemas by Name) is /);
	}
	expect(await rowsOf(server, 'kept')).toEqual({ ...WHOLE_SHOP, log: 3 });
});

it('shows which backups are not whole, and restores the latest that is', async () => {
	const { node } = await dumpNode(n8n, server, 'shop');
	const [whole] = await node.ok('backUp');
	const [schema] = await node.ok('backUp', { content: 'schema' });
	const [some] = await node.ok('backUp', { selection: { tables: ['public.users'] } });
	const facts = { content: 'all', partial: true, selection: ['--table=public.users'] };
	expect(some).toMatchObject(facts);
	expect(await node.ok('listBackups')).toMatchObject([
		{ id: some!['id'], ...facts },
		{ id: schema!['id'], content: 'schema', partial: true, selection: [] },
		{ id: whole!['id'], content: 'all', partial: false, selection: [] },
	]);
	const { results } = await n8n.searchList({
		nodeType: NODE_TYPE,
		credentials: node.credentials,
		methodName: 'searchBackups',
		parameters: { operation: 'restore', source: 'storage', ...backup('latest', 'shop') },
	});
	expect(results.map(({ name }) => name)).toEqual([
		expect.stringMatching(/kB · some tables$/),
		expect.stringMatching(/B · schema only$/),
		expect.stringMatching(/kB$/),
	]);
	const target = { target: 'newDatabase', targetDatabase: 'from_whole' };
	const run = await node.run('restore', { ...backup('latest', 'shop'), ...target });
	expect(run.items[0]!.json).toMatchObject({ rows: 1502, backup: { id: whole!['id'], partial: false } });
	expect(run.hints.join()).toContain(`${some!['key']} is newer, but holds only a part (--table=public.users)`);
});

it('takes names as expressions give them', async () => {
	const { node } = await dumpNode(n8n, server, 'shop');
	const named = await node.ok('backUp', { databaseMode: 'chosen', databases: '={{ "shop, \\"postgres\\"" }}' });
	expect(named.map(({ database }) => database)).toEqual(['shop', 'postgres']);
	expect(await node.fails('backUp', { databaseMode: 'chosen', databases: NOTHING })).toMatch(/no database to back up/);
	await node.ok('restore', { ...backup('latest', 'shop'), target: 'newDatabase', targetDatabase: '={{ 2026 }}' });
	expect(await databaseExists(server, '2026')).toBe(true);
});
