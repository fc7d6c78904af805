import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { backUpDatabase, checkConnection } from '../../../../engine/postgres';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { backUp, connectionTo, databaseWith, failureOf, restore, temporaryStorage } from './support';

const HBA = `hostssl all walled all scram-sha-256
host all walled all reject
host all all all scram-sha-256
`;

let server: PostgresServer;

beforeAll(async () => {
	server = await startPostgres({ version: 18, ssl: true, hba: HBA });
});

afterAll(async () => {
	await server?.stop();
});

describe('reaching the server', () => {
	it.each([
		['a wrong password', { password: 'sesame' }, 'ACCESS_DENIED', /password authentication failed/],
		['no password', { password: undefined }, 'ACCESS_DENIED', /asks for a password, and none was given/],
		['a wrong database', { database: 'nowhere' }, 'INVALID_INPUT', /"nowhere" does not exist/],
		['a port nobody listens to', { port: 1 }, 'SOURCE_UNREACHABLE', /ECONNREFUSED/],
		['a host that is not', { host: 'no.such.host.invalid' }, 'SOURCE_UNREACHABLE', /no\.such\.host\.invalid/],
		['TLS without the right to it', { user: 'walled', password: 'w' }, 'ACCESS_DENIED', /pg_hba\.conf/],
		['a certificate of nobody known', { ssl: true }, 'ACCESS_DENIED', /self-signed|unable to (?:verify|get)/],
	] as const)('fails with a message and a hint for %s', async (_, change, code, message) => {
		const failure = await failureOf(checkConnection({ ...connectionTo(server, 'postgres'), ...change }), code);
		expect(failure.message).toMatch(message);
		expect(failure.hint).toBeTruthy();
		expect(`${failure.message} ${failure.hint} ${JSON.stringify(failure.details)}`).not.toMatch(
			new RegExp(`sesame|${server.password}`),
		);
	});

	it('says that a server offers no TLS', async () => {
		const plain = await startPostgres({ version: 18 });
		const failure = await failureOf(
			checkConnection({ ...connectionTo(plain, 'postgres'), ssl: true }),
			'SOURCE_UNREACHABLE',
		);
		await plain.stop();
		expect(failure.message).toContain('does not support SSL');
		expect(failure.hint).toContain('SSL');
	});

	it('backs up and restores over TLS', async () => {
		const database = await databaseWith(server, 'CREATE TABLE t AS SELECT generate_series(1, 100) AS id');
		const connection = { ...connectionTo(server, database), ssl: { ca: server.tls?.ca, servername: 'localhost' } };
		const { storage } = temporaryStorage();
		const manifest = await backUpDatabase({ connection, storage, codec: { name: 'zstd' } });
		expect(manifest.counts['rows']).toBe(100);
		const backup = await backUp(server, database);
		expect((await restore(server, backup, { connection })).rows).toBe(100);
	});
});
