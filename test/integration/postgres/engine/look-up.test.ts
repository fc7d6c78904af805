import { afterAll, beforeAll, expect, it } from 'vitest';

import { listDatabases } from '../../../../engine/postgres';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { connectionTo } from './support';

let server: PostgresServer;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
});

afterAll(async () => {
	await server?.stop();
});

it('the databases of a server are all but templates and what a restore has not completed', async () => {
	for (const name of [
		'shop',
		'shop_before_20260101_120000',
		'shop_restoring_20260101_120000_0a1b2c',
		'shop_restoring_x',
	])
		await server.createDatabase(name);
	const names = await listDatabases(connectionTo(server, 'postgres'));
	expect(names).toEqual(['postgres', 'shop', 'shop_before_20260101_120000', 'shop_restoring_x']);
});
