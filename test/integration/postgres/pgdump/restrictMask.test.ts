import { afterAll, beforeAll, expect, it } from 'vitest';

import { findBackup, openArchive } from '../../../../engine/archive';
import { ArchiveSource, backUpDatabase, restoreDatabase } from '../../../../engine/postgres';
import { FolderStorage } from '../../../../engine/storage';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { removeFolder, temporaryFolder } from '../../../services/guard';

let server: PostgresServer;
let folder: string;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	folder = temporaryFolder('restrict');
});

afterAll(async () => {
	await server.stop();
	removeFolder(folder);
});

/** All after which a line begins for JavaScript's expressions, and so for pgDump. */
const LINE_ENDS = ['\n', '\r', '\r\n', '\u2028', '\u2029'];

const ODD_TABLE = 'odd\n\\restrict name';
const ODD_COLUMN = 'first\r\\Unrestrict';
const ODD_LABEL = 'label\u2028\\restrict';
const ODD_TEXT = ['a line', '\\restrict key', '\\unrestrict key', '\\RESTRICT']
	.flatMap((line) => LINE_ENDS.map((end) => line + end))
	.concat('and another', '\\restrictive \\\\restrict')
	.join('');

/** Where text of a user's stands in a script: bodies, comments, names, labels, defaults, settings, views, policies. */
const DEFINITIONS = [
	`CREATE FUNCTION body() RETURNS text LANGUAGE sql AS $body$SELECT '${ODD_TEXT}'$body$`,
	`CREATE FUNCTION setting() RETURNS text LANGUAGE sql SET my.setting = '${ODD_TEXT}' AS $$ SELECT current_setting('my.setting') $$`,
	`CREATE TYPE label AS ENUM ('${ODD_LABEL}')`,
	`CREATE TABLE "${ODD_TABLE}" ("${ODD_COLUMN}" int, d text DEFAULT '${ODD_TEXT}')`,
	`INSERT INTO "${ODD_TABLE}" VALUES (1), (2)`,
	`COMMENT ON TABLE "${ODD_TABLE}" IS '${ODD_TEXT}'`,
	`CREATE VIEW v AS SELECT '${ODD_TEXT}'::text AS x`,
	`CREATE POLICY p ON "${ODD_TABLE}" USING (d <> '${ODD_TEXT}')`,
];

it('lines that look like the commands which pgDump deletes come back wherever a user’s text stands', async () => {
	const database = await server.createDatabase('restrict');
	for (const sql of DEFINITIONS) await server.query(database, sql);

	const { host, port, user, password } = server;
	const connection = { host, port, user, password, database };
	const storage = new FolderStorage({ root: folder });
	await backUpDatabase({ connection, storage, codec: { name: 'zstd' } });
	const { manifestKey } = await findBackup(storage, { latest: database });
	const source = new ArchiveSource(await openArchive(storage, manifestKey));
	await restoreDatabase({ connection, source, target: { type: 'newDatabase', database: 'restrict_restored' } });

	const look = async (where: string) =>
		(
			await server.query(
				where,
				`SELECT body(), setting(), (SELECT count(*)::int FROM "${ODD_TABLE}" WHERE "${ODD_COLUMN}" > 0 AND d = body()) AS rows,
					obj_description('"${ODD_TABLE}"'::regclass) AS comment, (SELECT x FROM v), enum_range(NULL::label)::text AS labels,
					(SELECT pg_get_expr(polqual, polrelid) FROM pg_policy) AS policy,
					(SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef) AS default`,
			)
		).rows;
	const [restored] = await look('restrict_restored');
	expect(restored).toMatchObject({ body: ODD_TEXT, setting: ODD_TEXT, rows: 2, comment: ODD_TEXT, x: ODD_TEXT });
	expect(restored).toEqual((await look(database))[0]);
});
