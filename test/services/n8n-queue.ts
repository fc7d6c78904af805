import { randomBytes } from 'node:crypto';

import { startN8n, startN8nWorker, type N8nServer } from './n8n';
import { startPostgres, type PostgresServer } from './postgres';
import type { ServerProcess } from './process';
import { startRedis } from './redis';

export interface N8nQueueOptions {
	packageFolder: string;
	/** More environment variables, of the main process and of the workers. */
	env?: Record<string, string>;
}

/** An n8n in queue mode: Redis, PostgreSQL, and the main process; workers are started one by one. */
export interface N8nQueue {
	main: N8nServer;
	/** It has n8n's own database, and room for others. */
	postgres: PostgresServer;
	/** What a worker needs to know of queue, database and key. */
	env: Record<string, string>;
	/** @param env more of it for this worker */
	startWorker(env?: Record<string, string>): Promise<ServerProcess>;
	/** Ends everything but the workers. */
	stop(): Promise<void>;
}

export async function startN8nQueue(options: N8nQueueOptions): Promise<N8nQueue> {
	const { packageFolder } = options;
	const redis = await startRedis();
	const postgres = await startPostgres({ version: 18 });
	const { host, port, user, password } = postgres;
	const database = { host, port, user, password, database: await postgres.createDatabase('n8n_queue') };
	const shared = {
		EXECUTIONS_MODE: 'queue',
		QUEUE_BULL_REDIS_HOST: redis.host,
		QUEUE_BULL_REDIS_PORT: String(redis.port),
		N8N_ENCRYPTION_KEY: randomBytes(24).toString('hex'),
		// n8n waits for ever for a job that has ended, and is gone from Redis, before it began to wait for it: short executions one after another
		// meet that within seconds, with a back up or without one (n8n-io/n8n#30392, OptimalBits/bull#2504). Jobs that are kept are found.
		N8N_EXECUTIONS_QUEUE_KEEP_LAST_COMPLETED: '10000',
		N8N_EXECUTIONS_QUEUE_KEEP_LAST_FAILED: '10000',
		...options.env,
	};
	const main = await startN8n({ packageFolder, database, env: shared });
	const env = {
		...shared,
		DB_TYPE: 'postgresdb',
		DB_POSTGRESDB_HOST: host,
		DB_POSTGRESDB_PORT: String(port),
		DB_POSTGRESDB_USER: user,
		DB_POSTGRESDB_PASSWORD: password,
		DB_POSTGRESDB_DATABASE: database.database,
		WEBHOOK_URL: `${main.url}/`,
	};
	return {
		main,
		postgres,
		env,
		startWorker: async (more = {}) =>
			await startN8nWorker({ packageFolder, filesFolder: main.connection.filesFolder, env: { ...env, ...more } }),
		stop: async () => {
			await main.stop();
			await postgres.stop();
			await redis.stop();
		},
	};
}
