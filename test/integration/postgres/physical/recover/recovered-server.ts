import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';

import { recoverCluster, type RecoverOptions } from '../../../../../engine/postgres/physical/recover';
import { postgresProgram, serverAccount } from '../../../../services/postgres-binaries';
import type { PostgresServer } from '../../../../services/postgres';
import { freePort, startProcess } from '../../../../services/process';

/** A server that runs on a recovered data directory. */
export interface RecoveredServer {
	folder: string;
	query(sql: string): Promise<Record<string, unknown>[]>;
	log(): string;
	stop(): Promise<void>;
}

/** Recovers into a new folder below one, for the account that servers run as. */
export async function recoverInto(
	parent: string,
	name: string,
	options: Omit<RecoverOptions, 'into'>,
): Promise<{ folder: string; port: number; recovered: Awaited<ReturnType<typeof recoverCluster>> }> {
	const port = await freePort();
	mkdirSync(parent, { recursive: true });
	const folder = join(parent, name);
	const recovered = await recoverCluster({
		...options,
		into: { type: 'folder', folder },
		port,
		owner: serverAccount(),
	});
	return { folder, port, recovered };
}

/** Starts the server's own program on a recovered data directory, and waits until it is where it was told to stop. */
export async function startRecovered(
	from: PostgresServer,
	{ folder, port }: { folder: string; port: number },
	until: 'promoted' | 'paused',
): Promise<RecoveredServer> {
	const query = async (sql: string) => {
		const client = new Client({ ...from.clientConfig(), port });
		try {
			await client.connect();
			return (await client.query<Record<string, unknown>>(sql)).rows;
		} finally {
			await client.end().catch(() => {});
		}
	};
	const isThere =
		until === 'promoted'
			? 'SELECT NOT pg_is_in_recovery() AS there'
			: "SELECT pg_get_wal_replay_pause_state() = 'paused' AS there";
	const running = await startProcess({
		name: 'recovered PostgreSQL',
		command: postgresProgram(from.version, 'postgres'),
		args: ['-D', folder],
		env: { LC_ALL: 'C', TZ: 'UTC', PATH: process.env['PATH'] },
		cwd: folder,
		...serverAccount(),
		ready: async () => (await query(isThere))[0]?.['there'] === true,
		readyWithinMs: 60_000,
		// Nobody needs its data any more.
		stopSignal: 'SIGQUIT',
	});
	return { folder, query, log: () => running.output(), stop: running.stop };
}
