import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { giveToServer } from './postgres-data';
import { serverAccount } from './postgres-binaries';
import { removeFolder, temporaryFolder } from './guard';
import { type PostgresServer } from './postgres';
import { freePort, startProcess } from './process';

export interface PgBouncer {
	port: number;
	stop(): Promise<void>;
}

/** Debian's PgBouncer before a server, whose superuser logs in by it with the same password. */
export async function startPgBouncer(
	server: PostgresServer,
	mode: 'session' | 'transaction' | 'statement',
): Promise<PgBouncer> {
	const folder = temporaryFolder('pgbouncer');
	const port = await freePort();
	const users = join(folder, 'users.txt');
	const config = join(folder, 'pgbouncer.ini');
	writeFileSync(users, `"${server.user}" "${server.password}"\n`);
	writeFileSync(
		config,
		[
			'[databases]',
			`* = host=127.0.0.1 port=${server.port}`,
			'[pgbouncer]',
			`pool_mode = ${mode}`,
			'listen_addr = 127.0.0.1',
			`listen_port = ${port}`,
			'unix_socket_dir =',
			'auth_type = scram-sha-256',
			`auth_file = ${users}`,
			'',
		].join('\n'),
	);
	giveToServer(folder, users, config);
	const program = await startProcess({
		name: 'PgBouncer',
		command: '/usr/sbin/pgbouncer',
		args: [config],
		env: { PATH: process.env['PATH'] },
		cwd: folder,
		...serverAccount(),
		ready: (output) => output.includes('process up'),
		readyWithinMs: 30_000,
		stopSignal: 'SIGINT',
	});
	return {
		port,
		async stop() {
			await program.stop();
			removeFolder(folder);
		},
	};
}
