import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import {
	backUp,
	type Backup,
	databaseNames,
	databaseWith,
	failureOf,
	newName,
	restore,
	scalar,
	untilNoEngineSession,
} from '../../integration/postgres/engine/support';
import { temporaryFolder } from '../../services/guard';
import { type PostgresServer, startPostgres } from '../../services/postgres';

let server: PostgresServer;
let disk: string;
let original: string;
let backup: Backup;

/** The disk of a tablespace, which holds so many megabytes from now on. */
const resize = (megabytes: number) => execFileSync('mount', ['-o', `remount,size=${megabytes}m`, disk]);

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	disk = join(temporaryFolder('full-disk'), 'disk');
	mkdirSync(disk);
	execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', disk]);
	const space = join(disk, 'space');
	mkdirSync(space);
	const { uid, gid } = statSync(server.dataDir);
	chownSync(space, uid, gid);
	await server.query('postgres', `CREATE TABLESPACE small LOCATION '${space}'`);
	original = await databaseWith(
		server,
		'CREATE TABLE a AS SELECT i FROM generate_series(1, 100) i',
		`CREATE TABLE large TABLESPACE small AS SELECT i, repeat(md5(i::text), 10) AS text FROM generate_series(1, 30000) i`,
	);
	backup = await backUp(server, original);
	// It has some 12 MB there.
	resize(16);
});

afterAll(async () => {
	await server?.stop();
	if (disk) execFileSync('umount', ['--lazy', disk]);
});

it('of the server: a restore says so, and leaves neither a database nor a session', async () => {
	const before = await databaseNames(server);
	const database = newName();
	const failure = await failureOf(
		restore(server, backup, { target: { type: 'newDatabase', database } }),
		'TARGET_FAILED',
	);
	expect(failure.message).toContain('No space left on device');
	expect(failure.hint).toContain('disk of the database server is full');
	await untilNoEngineSession(server);
	expect(await databaseNames(server)).toEqual(before);
});

it('of the server: a safe swap leaves the database as it was', async () => {
	const before = await databaseNames(server);
	const target = { type: 'safeSwap', database: original, confirmation: original } as const;
	const failure = await failureOf(restore(server, backup, { target }), 'TARGET_FAILED');
	expect(failure.hint).toContain('disk of the database server is full');
	expect(await databaseNames(server)).toEqual(before);
	expect(await scalar(server, original, 'SELECT count(*) FROM large')).toBe('30000');
});

it('that has room again takes the restore', async () => {
	resize(64);
	const { database, warnings } = await restore(server, backup);
	expect(warnings).toEqual([]);
	expect(await scalar(server, database, 'SELECT count(*) FROM large')).toBe('30000');
});
