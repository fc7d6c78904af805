import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { backUpDatabase, backUpGlobals, restoreDatabase } from '../../../../engine/postgres';
import type { PostgresConnection, RestoreSource, RestoreTarget } from '../../../../engine/postgres';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { connectionTo, databaseWith, failureOf, newName, temporaryStorage, untilNoEngineSession } from './support';

let server: PostgresServer;
let database: string;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	database = await databaseWith(server, 'CREATE TABLE t (id int)');
});

afterAll(async () => {
	await server?.stop();
});

const WRONG: Array<[string, Partial<PostgresConnection>, string]> = [
	['a wrong password', { password: 'sesame' }, 'ACCESS_DENIED'],
	['a port nobody listens to', { port: 1 }, 'UNREACHABLE'],
	['an unknown host', { host: 'no.such.host.invalid' }, 'UNREACHABLE'],
	['TLS that the server does not offer', { ssl: true }, 'UNREACHABLE'],
];

describe('a backup', () => {
	it.each([...WRONG, ['an unknown database', { database: 'nowhere' }, 'INVALID_INPUT']] as typeof WRONG)(
		'with %s fails before anything is in the storage',
		async (_, change, code) => {
			const { storage, files } = temporaryStorage();
			const options = {
				connection: { ...connectionTo(server, database), ...change },
				storage,
				codec: { name: 'zstd' as const },
			};
			for (const backUp of [backUpDatabase, backUpGlobals]) {
				const { hint } = await failureOf(backUp(options), new RegExp(code));
				expect(hint).toBeTruthy();
			}
			expect(files()).toEqual([]);
		},
	);
});

describe('a restore', () => {
	/** A dump that takes hours to read. */
	const source: RestoreSource = {
		inspect: () => Promise.reject(new Error('The dump was read.')),
		steps: () => {
			throw new Error('The dump was read.');
		},
	};
	const restore = (target: RestoreTarget, change: Partial<PostgresConnection> = {}) =>
		restoreDatabase({ connection: { ...connectionTo(server, 'postgres'), ...change }, source, target });
	const over = (type: 'safeSwap' | 'replace' | 'existing', name: string): RestoreTarget => {
		const common = { database: name, confirmation: name };
		return type === 'existing' ? { type, ...common, before: 'nothing' } : { type, ...common };
	};

	it.each(WRONG)('with %s fails before the dump is read', async (_, change, code) => {
		for (const target of [{ type: 'newDatabase', database: newName() } as const, over('existing', database)]) {
			const failure = await failureOf(restore(target, change), new RegExp(code));
			expect(failure.hint).toBeTruthy();
		}
	});

	it.each(['safeSwap', 'replace', 'existing'] as const)(
		'over a database that is not there (%s) fails before the dump is read',
		async (type) => {
			const failure = await failureOf(restore(over(type, 'nowhere')), 'INVALID_INPUT');
			expect(failure.message).toContain('"nowhere"');
		},
	);

	it('into a new database that exists fails before the dump is read', async () => {
		const failure = await failureOf(restore({ type: 'newDatabase', database }), 'TARGET_EXISTS');
		expect(failure.message).toContain(`"${database}" exists already`);
	});

	it('reads the dump once the server let it in, and keeps no connection meanwhile', async () => {
		await expect(restore({ type: 'newDatabase', database: newName() })).rejects.toThrow('The dump was read.');
		await untilNoEngineSession(server);
	});
});
