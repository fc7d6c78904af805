import { chmodSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { postgresProgram, serverAccount } from '../../test/services/postgres-binaries.ts';
import { freePort, startProcess } from '../../test/services/process.ts';
import { execute, itemsOf, runNode } from './execute.mjs';

export const pitrScenarios = [
	{ title: 'A base backup of the whole server, and the WAL that it has written since', run: archive },
	{ title: 'All orders are deleted, and a server comes back as it was the moment before', run: recover },
];

const FILE = 'postgres-pitr.json';

async function archive(environment) {
	const [base] = itemsOf(await execute(environment, FILE, 'Every Night'), 'Base Backup');
	const [log] = itemsOf(await execute(environment, FILE, 'Every Five Minutes'), 'Archive WAL');
	if (log.state !== 'recoverable')
		throw new Error(`After the base backup the server is not recoverable: ${log.state}.`);
	return [
		`${base.file}: ${base.size}, ${base.state ?? 'whole'}`,
		`WAL: ${log.size}, to be recovered until ${log.recoverableUntil}`,
	];
}

async function recover(environment) {
	const { account, credentials, n8n, postgres, shop } = environment;
	const count = 'SELECT count(*)::int AS count FROM orders';
	const before = (await postgres.query(shop, count)).rows[0].count;
	const { now } = (await postgres.query(shop, 'SELECT clock_timestamp() AS now')).rows[0];
	await sleep(5);
	await postgres.query(shop, 'DELETE FROM orders');
	const [log] = itemsOf(await execute(environment, FILE, 'Every Five Minutes'), 'Archive WAL');
	const targetFolder = join(n8n.connection.filesFolder, 'recovered-postgres');
	const { backupStorageApi } = credentials;
	const owner = serverAccount();
	const started = Date.now();
	const port = await freePort();
	const plan = await runNode(environment, {
		name: 'Recover the server',
		type: 'n8n-nodes-stack-backup.postgresPitr',
		parameters: {
			operation: 'recover',
			recoverTo: 'time',
			time: now.toISOString(),
			targetFolder,
			options: { port, ...(owner && { owner: `${owner.uid}:${owner.gid}` }) },
		},
		credentials: { backupStorageApi },
	});
	if (owner) letEnter(dirname(targetFolder));
	const server = await startProcess({
		name: 'The recovered server',
		command: postgresProgram(postgres.version, 'postgres'),
		args: ['-D', targetFolder],
		env: { LC_ALL: 'C', TZ: 'UTC', PATH: process.env.PATH },
		cwd: targetFolder,
		...owner,
		ready: (output) => output.includes('archive recovery complete'),
		readyWithinMs: 60_000,
		stopSignal: 'SIGQUIT',
	});
	const client = new Client({ ...postgres.clientConfig(shop), port });
	try {
		await client.connect();
		const after = (await client.query(count)).rows[0].count;
		if (after !== before) throw new Error(`There were ${before} orders, and ${after} came back.`);
		const seconds = ((Date.now() - started) / 1000).toFixed(1);
		account.note('To any second', `a server as it was at ${now.toISOString()}, with ${after} orders, in ${seconds} s`);
		return [
			`${before} orders, then none; WAL archived: ${log.size}`,
			`Recovered from ${plan.file} to ${now.toISOString()}: ${after} orders again, on a server of its own`,
		];
	} finally {
		await client.end();
		await server.stop();
		await postgres.query('postgres', "SELECT pg_drop_replication_slot('n8n_pitr')");
	}
}

/** A server runs as an account of its own where the demo runs as root, and has to get to its data. */
function letEnter(folder) {
	for (let path = folder; path !== dirname(path); path = dirname(path)) {
		const { mode } = statSync(path);
		if ((mode & 0o001) === 0) chmodSync(path, mode | 0o001);
	}
}
