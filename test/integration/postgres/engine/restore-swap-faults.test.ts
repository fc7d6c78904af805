import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { RestoreTarget } from '../../../../engine/postgres';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { type Break, breakingStream } from './breakingStream';
import {
	backUp,
	type Backup,
	connectionTo,
	databaseNames,
	databaseWith,
	failureOf,
	newName,
	restore,
	scalar,
	untilNoEngineSession,
} from './support';

let server: PostgresServer;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
});

afterAll(async () => {
	await server?.stop();
});

const target = (type: 'safeSwap' | 'replace', database: string): RestoreTarget => ({
	type,
	database,
	confirmation: database,
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

describe('a swap whose connection breaks', () => {
	const swapWith = async (fault: Break, type: 'safeSwap' | 'replace' = 'safeSwap') => {
		const { database, stored } = await oldAndNew();
		const connection = { ...connectionTo(server, 'postgres'), openStream: breakingStream(fault) };
		return { database, run: restore(server, stored, { connection, target: target(type, database) }) };
	};

	it('when the answer to COMMIT is lost is a success, for it took place', async () => {
		const { database, run } = await swapWith({ text: 'COMMIT', loses: 'answer' });
		const { previousDatabase, warnings } = await run;
		expect(warnings).toEqual([]);
		expect(await valueIn(database)).toBe('new');
		expect(await valueIn(previousDatabase as string)).toBe('old');
		expect(await beside(database)).toEqual([previousDatabase]);
	});

	it('when the answer to COMMIT is lost goes on to drop the database before, where that was asked for', async () => {
		const { database, run } = await swapWith({ text: 'COMMIT', loses: 'answer' }, 'replace');
		expect(await run).toMatchObject({ warnings: [], previousDatabase: undefined });
		expect(await valueIn(database)).toBe('new');
		expect(await beside(database)).toEqual([]);
	});

	it.each([
		{ text: 'COMMIT', loses: 'request' },
		{ text: 'RENAME TO "made', loses: 'answer' },
		{ text: 'RENAME TO "made', loses: 'request' },
	] as const)(
		'before the end ($loses of $text) leaves the database as it was, and nothing beside it',
		async (fault) => {
			const { database, run } = await swapWith(fault);
			const { message } = await failureOf(run, /TARGET_/);
			expect(message).toContain(`"${database}_before_`);
			expect(await valueIn(database)).toBe('old');
			expect(await beside(database)).toEqual([]);
			await untilNoEngineSession(server);
		},
	);

	it('drops nothing and names all three databases where the server cannot be asked any more', async () => {
		const { database, run } = await swapWith({ text: 'COMMIT', loses: 'answer', forGood: true });
		const { message, hint, details } = await failureOf(run, 'TARGET_UNREACHABLE');
		expect(message).toContain(`"${database}"`);
		expect(hint).toContain(`"${database}_before_`);
		expect(hint).toContain(`"${database}_restoring_`);
		expect(await valueIn(database)).toBe('new');
		expect(await valueIn(details?.['previousDatabase'] as string)).toBe('old');
	});

	it('goes for new databases as well: one whose renaming took place is complete', async () => {
		const { stored } = await oldAndNew();
		const database = newName();
		const openStream = breakingStream({ text: 'COMMIT', loses: 'answer' });
		const connection = { ...connectionTo(server, 'postgres'), openStream };
		await restore(server, stored, { connection, target: { type: 'newDatabase', database } });
		expect(await valueIn(database)).toBe('new');
	});
});
