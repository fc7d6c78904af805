import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

import { backUpCluster } from '../../../../engine/postgres/physical/base';
import { archiveWal } from '../../../../engine/postgres/physical/wal';
import { FolderStorage } from '../../../../engine/storage';
import { recoverInto, startRecovered } from '../../../integration/postgres/physical/recover/recovered-server';
import { removeFolder, temporaryFolder } from '../../../services/guard';
import { startPostgres } from '../../../services/postgres';
import { giveToServer } from '../../../services/postgres-data';

const folder = temporaryFolder('physical-versions');
afterAll(() => removeFolder(folder));

// Those before 15 speak the older form of the protocol, 12 has no manifest of its own, 17 makes increments. The tests of recoveries have 15 and 18.
test.concurrent.each([12, 13, 14, 16, 17] as const)(
	'PostgreSQL %d comes back at a restore point, with its tablespace',
	async (version) => {
		const root = join(folder, String(version));
		mkdirSync(root);
		const config = { synchronous_commit: 'on', full_page_writes: 'on', ...(version >= 17 && { summarize_wal: 'on' }) };
		const server = await startPostgres({ version, config });
		const { host, port, user, password } = server;
		const connection = { host, port, user, password, database: 'postgres' };
		const storage = new FolderStorage({ root: join(root, 'storage') });
		const choices = { storage, codec: { name: 'zstd', level: 1 }, connection, slot: 'n8n_pitr' } as const;
		const write = async (from: number, to: number) =>
			await server.query('postgres', `INSERT INTO rows SELECT g FROM generate_series(${from}, ${to}) g`);
		try {
			const space = join(root, 'space');
			mkdirSync(space);
			giveToServer(space);
			await server.query('postgres', `CREATE TABLESPACE outside LOCATION '${space}'`);
			await server.query('postgres', 'CREATE TABLE rows (id int PRIMARY KEY) TABLESPACE outside');
			await write(1, 1000);
			await backUpCluster(choices);
			await write(1001, 2000);
			const incremental = version >= 17 ? { incremental: { fullEvery: 7 } } : {};
			const second = await backUpCluster({ ...choices, ...incremental });
			expect(second.source['incremental'] ?? false).toBe(version >= 17);
			await write(2001, 3000);
			await server.query('postgres', "SELECT pg_create_restore_point('here')");
			await write(3001, 4000);
			await archiveWal(choices);

			const recovery = { storage, target: { type: 'restorePoint', name: 'here' }, action: 'promote' } as const;
			const place = await recoverInto(root, 'data', recovery);
			expect(place.recovered).toMatchObject({ serverVersion: String(version) });
			const recovered = await startRecovered(server, place, 'promoted');
			try {
				expect(await recovered.query('SELECT count(*)::int, max(id), sum(id)::int FROM rows')).toEqual([
					{ count: 3000, max: 3000, sum: 4501500 },
				]);
			} finally {
				await recovered.stop();
			}
		} finally {
			await server.stop();
		}
	},
);
