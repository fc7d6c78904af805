import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { restoreDatabase, type RestoreSource, type RestoreTarget } from '../../../../engine/postgres';
import { connect, disconnect } from '../../../../engine/postgres/connection';
import { dropDatabase } from '../../../../engine/postgres/restore/databases/databases';
import { compareDatabases } from '../../../fidelity/compare';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { SHOP } from './shop';
import {
	anotherSession,
	backUp,
	type Backup,
	connectionTo,
	databaseNames,
	databaseWith,
	failureOf,
	newName,
	restore,
	scalar,
} from './support';

let server: PostgresServer;
let shop: string;
let backup: Backup;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	shop = await databaseWith(server, ...SHOP);
	backup = await backUp(server, shop);
});

afterAll(async () => {
	await server?.stop();
});

/** Fails unless the database is as the shop in all that a dump carries. */
async function expectShop(database: string): Promise<void> {
	expect(await compareDatabases({ server, database: shop }, { server, database })).toEqual([]);
}

const target = (type: 'safeSwap' | 'replace', database: string): RestoreTarget => ({
	type,
	database,
	confirmation: database,
});

describe('restoring over a database', () => {
	const copyOfShop = async () => {
		const name = newName();
		await server.query('postgres', `CREATE DATABASE ${name} TEMPLATE ${shop}`);
		return name;
	};
	it.each(['safeSwap', 'replace'] as const)('with %s puts it in place while others are connected', async (type) => {
		const database = await copyOfShop();
		const stored = backup;
		await server.query(database, 'DROP TABLE sales.orders');
		const busy = await anotherSession(server, database);
		busy.query('SELECT pg_sleep(60)').catch(() => {});
		const report = await restore(server, stored, { target: target(type, database) });
		expect(report).toMatchObject({ database, warnings: [] });
		await expectShop(database);
		if (type === 'replace') {
			expect(report.previousDatabase).toBeUndefined();
			expect((await databaseNames(server)).filter((name) => name.startsWith(`${database}_`))).toEqual([]);
		} else {
			expect(report.previousDatabase).toMatch(new RegExp(`^${database}_before_\\d{8}_\\d{6}$`));
			expect(await scalar(server, report.previousDatabase as string, 'SELECT count(*) FROM sales.customers')).toBe(
				'100',
			);
		}
	});

	it('keeps the database before where it cannot be dropped, and says so', async () => {
		const database = await databaseWith(server, 'CREATE TABLE t (id int)');
		const stored = await backUp(server, database);
		await server.query(
			database,
			`CREATE SUBSCRIPTION feed CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false)`,
		);
		const report = await restore(server, stored, { target: target('replace', database) });
		expect(report.previousDatabase).toContain('_before_');
		expect(report.warnings).toEqual([expect.stringMatching(/could not be dropped; it is kept as .*subscription/)]);
		expect(await scalar(server, database, 'SELECT count(*) FROM t')).toBe('0');
	});

	it('leaves it alone when the restore fails, with nothing beside it', async () => {
		const broken = await databaseWith(
			server,
			'CREATE ROLE leaving; CREATE TABLE t (id int); ALTER TABLE t OWNER TO leaving',
		);
		const stored = await backUp(server, broken);
		const before = await databaseNames(server);
		const failing = restore(server, stored, {
			target: target('safeSwap', broken),
			owner: { type: 'role', role: 'nobody such' },
		});
		expect((await failureOf(failing, 'TARGET_FAILED')).message).toContain('nobody such');
		expect(await databaseNames(server)).toEqual(before);
	});

	it.each([
		[target('safeSwap', 'shop'), { confirmation: 'Shop' }],
		[{ type: 'existing', database: 'shop', confirmation: '', before: 'nothing' } as const, {}],
	])('asks for the name once more: %o', async (chosen, change) => {
		const { message } = await failureOf(
			restore(server, backup, { target: { ...chosen, ...change } as RestoreTarget }),
			'NOT_CONFIRMED',
		);
		expect(message).toContain('nothing was changed');
	});

	it('keeps the database before where it has tables that the restored one lacks', async () => {
		const database = await databaseWith(server, 'CREATE TABLE t (id int); CREATE TABLE "Only here" AS SELECT 7 AS x');
		const report = await restore(server, backup, { target: target('replace', database) });
		const kept = report.previousDatabase as string;
		expect(report.warnings).toEqual([
			`The database before has tables that the restored one lacks (public."Only here", public.t), so it was not dropped; it is kept as "${kept}".`,
		]);
		expect(await scalar(server, kept, 'SELECT x FROM "Only here"')).toBe('7');
		await expectShop(database);
	});

	it('refuses to replace a database that is not there, or to replace one by a part of a backup', async () => {
		await failureOf(restore(server, backup, { target: target('safeSwap', 'no such') }), 'INVALID_INPUT');
		const part = restore(server, backup, { target: target('replace', shop), selection: { tables: ['sales.orders'] } });
		expect((await failureOf(part, 'INVALID_INPUT')).message).toContain('would lose all others');
		await expectShop(shop);
	});
});

/** A database `old` to be replaced, and a backup of another one that can be told from it. */
async function oldAndNew(name = newName()): Promise<{ database: string; stored: Backup }> {
	await server.createDatabase(name);
	await server.query(name, `CREATE TABLE t AS SELECT 'old' AS v`);
	const stored = await backUp(server, await databaseWith(server, `CREATE TABLE t AS SELECT 'new' AS v`));
	return { database: name, stored };
}

const valueIn = (database: string) => scalar(server, database, 'SELECT v FROM t');
const beside = async (database: string) =>
	(await databaseNames(server)).filter((name) => name.startsWith(`${database}_`));

describe('a database in use', () => {
	/** A role that may create databases and owns the given one, and nothing more. */
	const owner = async (database: string) => {
		const role = `owner_of_${database}`;
		await server.query('postgres', `CREATE ROLE ${role} LOGIN CREATEDB PASSWORD 'p'`);
		await server.query('postgres', `ALTER DATABASE "${database}" OWNER TO ${role}`);
		return { ...connectionTo(server, 'postgres'), user: role, password: 'p' };
	};
	const asDumpedByNobody = { owner: { type: 'none' as const }, privileges: false };

	it('by a session that the user may not end stays as it was, and the error names who is connected', async () => {
		const { database, stored } = await oldAndNew();
		const connection = await owner(database);
		await anotherSession(server, database);
		const own = await anotherSession(server, database);
		await own.query(`SET application_name = 'psql'`);
		const run = restore(server, stored, { connection, target: target('safeSwap', database), ...asDumpedByNobody });
		const { message, hint } = await failureOf(run, 'TARGET_FAILED');
		expect(message).toMatch(new RegExp(`"${database}" is still in use by postgres.*could not be disconnected`));
		expect(message).toContain('postgres (psql)');
		expect(hint).toContain('pg_signal_backend');
		expect(await valueIn(database)).toBe('old');
		expect(await beside(database)).toEqual([]);
		expect((await own.query('SELECT 1')).rowCount).toBe(1);
	});

	it('by sessions of its owner alone is swapped by the owner', async () => {
		const { database, stored } = await oldAndNew();
		const connection = await owner(database);
		const busy = await connect(connection, 'target', { database });
		const ended = new Promise((resolve) => busy.once('end', resolve));
		const report = await restore(server, stored, {
			connection,
			target: target('replace', database),
			...asDumpedByNobody,
		});
		expect(report).toMatchObject({ database, previousDatabase: undefined });
		expect(await valueIn(database)).toBe('new');
		await ended;
	});

	it('is not dropped while somebody stays connected, and the error says who', async () => {
		const { database } = await oldAndNew();
		const busy = await anotherSession(server, database);
		const client = await connect(await owner(database), 'target');
		onTestFinished(() => disconnect(client));
		const { message } = await failureOf(dropDatabase(client, database, 180_000), 'TARGET_FAILED');
		expect(message).toContain(`"${database}" is still in use by postgres`);
		expect(await valueIn(database)).toBe('old');
		await busy.end();
		await dropDatabase(client, database, 180_000);
		expect(await databaseNames(server)).not.toContain(database);
	});

	it('that another role owns is refused before anything is loaded', async () => {
		const { database, stored } = await oldAndNew();
		const other = await oldAndNew();
		const connection = await owner(other.database);
		const run = restore(server, stored, { connection, target: target('safeSwap', database), ...asDumpedByNobody });
		const { message } = await failureOf(run, 'ACCESS_DENIED');
		expect(message).toContain('belongs to "postgres"; nothing was changed');
		expect(await valueIn(database)).toBe('old');
	});

	it('cannot be made by a role without that right, which is told what it needs', async () => {
		const { stored } = await oldAndNew();
		await server.query('postgres', `CREATE ROLE reading LOGIN PASSWORD 'p'`);
		const connection = { ...connectionTo(server, 'postgres'), user: 'reading', password: 'p' };
		const before = await databaseNames(server);
		const failure = await failureOf(restore(server, stored, { connection, ...asDumpedByNobody }), 'ACCESS_DENIED');
		expect(failure.message).toBe('"reading" may not create databases; nothing was changed.');
		expect(failure.hint).toContain('CREATEDB');
		expect(await databaseNames(server)).toEqual(before);
	});
});

describe('the name of a database', () => {
	it.each([`100% "Ünï"; 'x' --`, ' blanks ', 'pöstgres.v1/2'])('may be %s in a swap', async (name) => {
		const { database, stored } = await oldAndNew(name);
		const report = await restore(server, stored, { target: target('safeSwap', database) });
		expect(await valueIn(name)).toBe('new');
		expect(await valueIn(report.previousDatabase as string)).toBe('old');
	});

	it.each([`${'long '.repeat(12)}ends`, 'ü'.repeat(32), '', 'zero\0byte'])(
		'of more than 63 bytes or of none is refused before anything is done: %j',
		async (database) => {
			const before = await databaseNames(server);
			const targets: RestoreTarget[] = [
				{ type: 'newDatabase', database },
				target('safeSwap', database),
				{ type: 'existing', database, confirmation: database, before: 'nothing' },
			];
			for (const chosen of targets) {
				const { message } = await failureOf(restore(server, backup, { target: chosen }), 'INVALID_INPUT');
				expect(message).toContain('nothing was changed');
			}
			expect(await databaseNames(server)).toEqual(before);
		},
	);

	it('that somebody takes while the restore runs is refused, and what was restored is dropped', async () => {
		const { stored } = await oldAndNew();
		const database = newName();
		const archive = await stored.source();
		const source: RestoreSource = {
			inspect: (inspection) => archive.inspect(inspection),
			async *steps(selection, signal) {
				yield* archive.steps(selection, signal);
				await server.createDatabase(database);
			},
		};
		const connection = connectionTo(server, 'postgres');
		const run = restoreDatabase({ connection, source, target: { type: 'newDatabase', database } });
		await failureOf(run, 'TARGET_EXISTS');
		expect(await beside(database)).toEqual([]);
		expect(await scalar(server, database, 'SELECT count(*) FROM pg_stat_user_tables')).toBe('0');
	});

	it('may be that of the credential itself, there or not', async () => {
		const { database, stored } = await oldAndNew();
		const connection = connectionTo(server, database);
		await restore(server, stored, { connection, target: target('replace', database) });
		expect(await valueIn(database)).toBe('new');
		const missing = newName();
		await restore(server, stored, {
			connection: connectionTo(server, missing),
			target: { type: 'newDatabase', database: missing },
		});
		expect(await valueIn(missing)).toBe('new');
	});

	it('is given to a second database in the same second', async () => {
		const { database, stored } = await oldAndNew();
		const kept: unknown[] = [];
		for (let round = 0; round < 3; round++)
			kept.push((await restore(server, stored, { target: target('safeSwap', database) })).previousDatabase);
		expect(new Set(kept).size).toBe(3);
	});
});

describe('a database of a special sort', () => {
	it('is not swapped where others are made from it', async () => {
		const { database, stored } = await oldAndNew();
		await server.query('postgres', `ALTER DATABASE ${database} IS_TEMPLATE true`);
		const run = restore(server, stored, { target: target('replace', database) });
		expect((await failureOf(run, 'INVALID_INPUT')).message).toContain('is a template');
		expect(await valueIn(database)).toBe('old');
	});

	it('is swapped where it allows no connections, and kept as it is', async () => {
		const { database, stored } = await oldAndNew();
		await server.query('postgres', `ALTER DATABASE ${database} ALLOW_CONNECTIONS false`);
		const { previousDatabase } = await restore(server, stored, { target: target('safeSwap', database) });
		expect(await valueIn(database)).toBe('new');
		await server.query('postgres', `ALTER DATABASE ${previousDatabase} ALLOW_CONNECTIONS true`);
		expect(await valueIn(previousDatabase as string)).toBe('old');
	});

	it('that is named postgres is swapped by way of template1', async () => {
		const { stored } = await oldAndNew();
		const report = await restore(server, stored, { target: target('safeSwap', 'postgres') });
		expect(await valueIn('postgres')).toBe('new');
		await server.query('template1', `ALTER DATABASE postgres RENAME TO spare`);
		await server.query('template1', `ALTER DATABASE ${report.previousDatabase} RENAME TO postgres`);
	});
});
