import { randomBytes } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, type ClientConfig, type QueryResult, type QueryResultRow } from 'pg';
import { createAuthority, type Certificate } from './certificates';
import { removeFolder, temporaryFolder, temporaryFolderOnDisk } from './guard';
import { postgresProgram, serverAccount, type PostgresVersion } from './postgres-binaries';
import { giveToServer, makeData, SUPERUSER } from './postgres-data';
import { freePort, startProcess, type ServerProcess } from './process';

/** No crash of the machine is simulated here, so nothing has to reach the disk. */
const FAST: Record<string, string> = {
	fsync: 'off',
	synchronous_commit: 'off',
	full_page_writes: 'off',
	autovacuum: 'off',
	unix_socket_directories: '',
	listen_addresses: '127.0.0.1',
};

/** What servers from 16 on have as well: each of thousands of logins computes the hash so many times. */
const FAST_LOGIN: Record<string, string> = { scram_iterations: '1' };

export interface PostgresOptions {
	/** 18 needs nothing; 15 is Debian's, with its client programs. */
	version: PostgresVersion;
	/** Settings for postgresql.conf; they win over the fast, unsafe ones set here. */
	config?: Record<string, string>;
	/** Offers TLS with a certificate of an authority of its own (`server.tls`). Plain connections stay possible. */
	ssl?: boolean;
	/** The whole pg_hba.conf; by default everybody logs in with scram-sha-256. */
	hba?: string;
	/** Its data lies on a disk, whose speed or size matters; otherwise in memory where that has room. */
	onDisk?: boolean;
	/** The folder of kept data (`keepData`) that it starts with; empty ones unless named. */
	prepared?: string;
}

export interface PostgresServer {
	version: PostgresVersion;
	host: '127.0.0.1';
	port: number;
	/** A superuser. */
	user: string;
	password: string;
	dataDir: string;
	/** With `ssl: true`. `clientCertificate` is for pg_hba's `cert` method (clientcert), made for a role's name. */
	tls?: { ca: string; clientCertificate(role: string): Certificate };
	/** A URL with user and password; the database is `postgres` unless named. */
	connectionString(database?: string): string;
	/** The same for a pg client. */
	clientConfig(database?: string): ClientConfig;
	/** Environment for PostgreSQL's own programs (PGHOST, PGPASSWORD, ...). */
	environment(database?: string): NodeJS.ProcessEnv;
	/** Creates an empty database and returns its name. */
	createDatabase(name?: string): Promise<string>;
	query<R extends QueryResultRow>(database: string, sql: string, values?: unknown[]): Promise<QueryResult<R>>;
	/** Path of a client program of this version (only 15 has any). */
	bin(program: string): string;
	/** The end of the server's log. */
	log(): string;
	/** Signals the postmaster: SIGKILL is a crash, SIGINT closes all connections and shuts down. Resolves once it has ended. */
	kill(signal: NodeJS.Signals): Promise<void>;
	/** Starts it again after `kill`, on the same port with the same data. */
	start(): Promise<void>;
	/** Ends it and removes its data. */
	stop(): Promise<void>;
}

/** Starts a PostgreSQL server with empty data on a free port of 127.0.0.1, in about a second. */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
	const { version } = options;
	const folder = (options.onDisk ? temporaryFolderOnDisk : temporaryFolder)(`postgres-${version}`);
	const account = serverAccount();
	const dataDir = join(folder, 'data');
	const port = await freePort();
	const password = await makeData(version, folder, options.prepared);

	const authority = options.ssl ? createAuthority() : undefined;
	const settings = { ...FAST, ...(version >= 16 && FAST_LOGIN), port: String(port), ...options.config };
	if (authority) {
		const { cert, key } = authority.issue('localhost');
		writeFileSync(join(dataDir, 'server.crt'), cert);
		writeFileSync(join(dataDir, 'server.key'), key, { mode: 0o600 });
		writeFileSync(join(dataDir, 'ca.crt'), authority.ca);
		Object.assign(settings, { ssl: 'on', ssl_ca_file: 'ca.crt' });
	}
	writeFileSync(join(dataDir, 'postgresql.auto.conf'), configuration(settings));
	if (options.hba !== undefined) writeFileSync(join(dataDir, 'pg_hba.conf'), options.hba);
	giveToServer(...readdirSync(dataDir).map((file) => join(dataDir, file)));

	const clientConfig = (database = 'postgres') => ({ host: '127.0.0.1', port, user: SUPERUSER, password, database });
	let server: ServerProcess | undefined;
	const start = async () => {
		server = await startProcess({
			name: `PostgreSQL ${version}`,
			command: postgresProgram(version, 'postgres'),
			args: ['-D', dataDir],
			env: { LC_ALL: 'C', TZ: 'UTC' },
			cwd: folder,
			...account,
			ready: (output) => /database system is ready to accept (?:read-only )?connections/.test(output),
			readyWithinMs: 60_000,
			stopSignal: 'SIGQUIT',
		});
	};
	const query: PostgresServer['query'] = async (database, sql, values) => {
		const client = new Client(clientConfig(database));
		await client.connect();
		try {
			return await client.query(sql, values);
		} finally {
			await client.end();
		}
	};
	await start();
	return {
		version,
		host: '127.0.0.1',
		port,
		user: SUPERUSER,
		password,
		dataDir,
		...(authority && { tls: { ca: authority.ca, clientCertificate: authority.issue } }),
		connectionString: (database = 'postgres') =>
			`postgresql://${SUPERUSER}:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`,
		clientConfig,
		environment: (database = 'postgres') => ({
			PATH: process.env['PATH'],
			PGHOST: '127.0.0.1',
			PGPORT: String(port),
			PGUSER: SUPERUSER,
			PGPASSWORD: password,
			PGDATABASE: database,
		}),
		async createDatabase(name = `test_${randomBytes(6).toString('hex')}`) {
			await query('postgres', `CREATE DATABASE "${name.replaceAll('"', '""')}"`);
			return name;
		},
		query,
		bin: (program) => postgresProgram(version, program),
		log: () => server!.output(),
		async kill(signal) {
			server!.kill(signal);
			await server!.exited;
		},
		start,
		async stop() {
			await server!.stop();
			removeFolder(folder);
		},
	};
}

function configuration(settings: Record<string, string>): string {
	return Object.entries(settings)
		.map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`)
		.join('');
}
