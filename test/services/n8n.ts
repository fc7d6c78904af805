import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { removeFolder, temporaryFolder } from './guard';
import { N8nClient, type N8nConnection, type N8nDatabase } from './n8n-client';
import { assertInstalled, linkPackage, N8N_MODULES } from './n8n-install';
import { startPostgres } from './postgres';
import { freePort, startProcess, type ServerProcess } from './process';

const PROGRAM = join(N8N_MODULES, 'n8n', 'bin', 'n8n');
const OWNER = { email: 'owner@example.com', firstName: 'Olive', lastName: 'Owner', password: 'Backup-Demo-1' };

export interface N8nOptions {
	/** A fresh temporary folder unless named; a named one is kept. */
	userFolder?: string;
	/** The folder of the built package whose nodes are wanted (`linkPackage` says how they get in). */
	packageFolder?: string;
	/** More of n8n's environment variables. */
	env?: Record<string, string>;
	port?: number;
	/** The PostgreSQL database that n8n keeps its data in; a server of its own unless named. */
	database?: N8nDatabase;
}

export interface N8nServer extends N8nClient {
	/** The end of its log. */
	log(): string;
	stop(): Promise<void>;
}

/**
 * Starts a real n8n, sets its owner up and logs in; 15 to 20 seconds. It keeps its data in PostgreSQL, so that n8n's
 * install needs no compiler (its SQLite driver would).
 */
export async function startN8n(options: N8nOptions = {}): Promise<N8nServer> {
	assertInstalled();
	const userFolder = options.userFolder ?? temporaryFolder('n8n');
	const filesFolder = join(userFolder, 'files');
	mkdirSync(filesFolder, { recursive: true });
	if (options.packageFolder) linkPackage(options.packageFolder, userFolder);

	const ownDatabase = options.database ? undefined : await startPostgres({ version: 18 });
	const database = options.database ?? { ...ownDatabase!, database: 'postgres' };
	const port = options.port ?? (await freePort());
	const env = {
		...(await environment(userFolder, filesFolder, port)),
		...databaseEnvironment(database),
		...options.env,
	};
	const url = `http://127.0.0.1:${port}`;
	let server: ServerProcess | undefined;
	const stop = async () => {
		await server?.stop();
		await ownDatabase?.stop();
		if (!options.userFolder) removeFolder(userFolder);
	};
	try {
		server = await startProcess({
			name: 'n8n',
			command: process.execPath,
			args: [PROGRAM, 'start'],
			env,
			cwd: userFolder,
			ready: async () => (await fetch(`${url}/healthz/readiness`)).ok,
			readyWithinMs: 180_000,
		});
		const { host, port: databasePort, user, password, database: name } = database;
		const at = { host, port: databasePort, user, password, database: name };
		const connection = await logIn({ url, userFolder, filesFolder, database: at });
		const { output } = server;
		return Object.assign(new N8nClient(connection), { log: output, stop });
	} catch (error) {
		await stop();
		throw error;
	}
}

async function environment(userFolder: string, filesFolder: string, port: number): Promise<Record<string, string>> {
	return {
		PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
		HOME: userFolder,
		TZ: 'UTC',
		GENERIC_TIMEZONE: 'UTC',
		N8N_USER_FOLDER: userFolder,
		N8N_LISTEN_ADDRESS: '127.0.0.1',
		N8N_PORT: String(port),
		WEBHOOK_URL: `http://127.0.0.1:${port}/`,
		N8N_RUNNERS_BROKER_PORT: String(await freePort()),
		N8N_ENCRYPTION_KEY: randomBytes(24).toString('hex'),
		N8N_RESTRICT_FILE_ACCESS_TO: filesFolder,
		N8N_SECURE_COOKIE: 'false',
		N8N_DIAGNOSTICS_ENABLED: 'false',
		N8N_VERSION_NOTIFICATIONS_ENABLED: 'false',
		N8N_TEMPLATES_ENABLED: 'false',
		N8N_PERSONALIZATION_ENABLED: 'false',
		N8N_UNVERIFIED_PACKAGES_ENABLED: 'true',
		N8N_DISABLED_MODULES: 'mcp-registry',
	};
}

function databaseEnvironment(database: N8nDatabase): Record<string, string> {
	return {
		DB_TYPE: 'postgresdb',
		DB_POSTGRESDB_HOST: database.host,
		DB_POSTGRESDB_PORT: String(database.port),
		DB_POSTGRESDB_USER: database.user,
		DB_POSTGRESDB_PASSWORD: database.password,
		DB_POSTGRESDB_DATABASE: database.database,
	};
}

/** Makes the owner of a fresh n8n and an API key with every scope. */
async function logIn(
	server: Pick<N8nConnection, 'url' | 'userFolder' | 'filesFolder' | 'database'>,
): Promise<N8nConnection> {
	const response = await fetch(`${server.url}/rest/owner/setup`, {
		method: 'POST',
		headers: { 'content-type': 'application/json' },
		body: JSON.stringify(OWNER),
	});
	if (!response.ok) throw new Error(`n8n refused to set up its owner: ${await response.text()}`);
	const cookie = response.headers
		.getSetCookie()
		.map((value) => value.split(';')[0])
		.join('; ');
	const { email, password } = OWNER;
	const connection = { ...server, email, password, cookie, apiKey: '' };
	const client = new N8nClient(connection);
	const scopes = await client.rest<string[]>('GET', '/api-keys/scopes');
	const key = await client.rest<{ rawApiKey: string }>('POST', '/api-keys', {
		label: 'tests',
		scopes,
		expiresAt: null,
	});
	return { ...connection, apiKey: key.rawApiKey };
}
