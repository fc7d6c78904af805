import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { findBackup, openArchive } from '../../../../engine/archive';
import { ArchiveSource, backUpDatabase, restoreDatabase } from '../../../../engine/postgres';
import { FolderStorage } from '../../../../engine/storage';
import { type PostgresServer, startPostgres } from '../../../services/postgres';

let server: PostgresServer;
let folder: string;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	folder = mkdtempSync(join(tmpdir(), 'restrict-'));
});

afterAll(async () => {
	await server.stop();
	rmSync(folder, { recursive: true, force: true });
});

const ODD_TABLE = 'odd\n\\restrict name';
const ODD_COLUMN = 'first\n\\Unrestrict';
const ODD_TEXT = 'a line\n\\restrict key\n\\unrestrict key\n\\RESTRICT\nand another';

it('lines that look like the commands which pgDump deletes come back from a function, a comment and names', async () => {
	const database = await server.createDatabase('restrict');
	await server.query(database, `CREATE FUNCTION body() RETURNS text LANGUAGE sql AS $body$SELECT '${ODD_TEXT}'$body$`);
	await server.query(database, `CREATE TABLE "${ODD_TABLE}" ("${ODD_COLUMN}" int)`);
	await server.query(database, `INSERT INTO "${ODD_TABLE}" VALUES (1), (2)`);
	await server.query(database, `COMMENT ON TABLE "${ODD_TABLE}" IS '${ODD_TEXT}'`);

	const { host, port, user, password } = server;
	const connection = { host, port, user, password, database };
	const storage = new FolderStorage({ root: folder });
	await backUpDatabase({ connection, storage, codec: { name: 'zstd' } });
	const { manifestKey } = await findBackup(storage, { latest: database });
	const source = new ArchiveSource(await openArchive(storage, manifestKey));
	await restoreDatabase({ connection, source, target: { type: 'newDatabase', database: 'restrict_restored' } });

	const { rows } = await server.query(
		'restrict_restored',
		`SELECT body(), (SELECT count(*)::int FROM "${ODD_TABLE}" WHERE "${ODD_COLUMN}" > 0) AS rows, obj_description('"${ODD_TABLE}"'::regclass) AS comment`,
	);
	expect(rows).toEqual([{ body: ODD_TEXT, rows: 2, comment: ODD_TEXT }]);
});
