import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { holdRestores, isHeld } from '../../../services/postgres-held';
import {
	backUp,
	connectionTo,
	databaseNames,
	databaseWith,
	newName,
	restore,
	scalar,
	until,
	untilNoEngineSession,
} from './support';

let server: PostgresServer;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
});

afterAll(async () => {
	await server?.stop();
});

it('a restore that is killed half way leaves nothing under the name, and the next one names what is left', async () => {
	const original = await databaseWith(server, 'CREATE TABLE a AS SELECT i FROM generate_series(1, 1000) i');
	const { release } = await holdRestores(server, original, 'held_for_a_kill');
	const backup = await backUp(server, original);
	const target = newName();
	const child = spawn(
		process.execPath,
		[
			'--import',
			'./scripts/typescript-hooks.mjs',
			'test/integration/postgres/engine/restoring.ts',
			JSON.stringify(connectionTo(server, 'postgres')),
			backup.root,
			original,
			target,
		],
		{ stdio: 'inherit' },
	);
	const exited = once(child, 'exit');
	await until(() => isHeld(server));
	child.kill('SIGKILL');
	expect(await exited).toEqual([null, 'SIGKILL']);
	await release();
	// The server finds out when it has taken the row that it was at.
	await untilNoEngineSession(server);

	const left = (await databaseNames(server)).filter((name) => name.startsWith(target));
	expect(left).toEqual([expect.stringMatching(/_restoring_\d{8}_\d{6}_[0-9a-f]{6}$/)]);
	const { warnings } = await restore(server, backup, { target: { type: 'newDatabase', database: target } });
	expect(warnings).toEqual([expect.stringContaining(`"${left[0]}"`)]);
	expect(await scalar(server, target, 'SELECT count(*) FROM a')).toBe('1000');
	await server.query('postgres', `DROP DATABASE "${left[0]}"`);
	const again = { type: 'newDatabase', database: newName() } as const;
	expect((await restore(server, backup, { target: again })).warnings).toEqual([]);
});
