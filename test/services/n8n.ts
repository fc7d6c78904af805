import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { removeFolder, temporaryFolder } from './guard';
import { N8nClient, type N8nConnection, type N8nDatabase } from './n8n-client';
import { preparedN8nData } from './n8n-data';
import { assertInstalled, keptCode, linkPackage, N8N_MODULES } from './n8n-install';
import { startPostgres } from './postgres';
import { freePort, startProcess, type ServerProcess } from './process';

const PROGRAM = join(N8N_MODULES, 'n8n', 'bin', 'n8n');
/** The home of the user that n8n's image runs as. */
const HOME = '/home/node';
const OWNER = { email: 'owner@example.com', firstName: 'Olive', lastName: 'Owner', password: 'Backup-Demo-1' };

export interface N8nOptions {
	/** A fresh temporary folder unless named; a named one is kept. */
	userFolder?: string;
	/** The folder of the built package whose nodes are wanted (`linkPackage` says how they get in). */
	packageFolder?: string;
	/** More of n8n's environment variables. */
	env?: Record<string, string>;
	/** It serves its editor, and the types of nodes as that wants them (`nodeTypes`). To write both is a third of a start. */
	editor?: boolean;
	port?: number;
	/**
	 * The PostgreSQL database that n8n keeps its data in; a server of its own unless named. `sqlite` needs n8n's driver, which the system tests
	 * build (scripts/setup/sqlite-driver.mjs).
	 */
	database?: N8nDatabase | 'sqlite';
	/** The user folder and database are those of another n8n: its owner logs in, and its encryption key is the one in its folder. */
	restored?: boolean;
	/**
	 * Runs it as n8n's image does: as uid 1000, whose home is /home/node, with this folder mounted there as `.n8n`. Only root can; no container
	 * is needed.
	 */
	volume?: string;
}

export interface N8nServer extends N8nClient {
	/** The end of its log. */
	log(): string;
	stop(): Promise<void>;
}

/**
 * Starts a real n8n, sets its owner up and logs in; about 10 seconds. It keeps its data in PostgreSQL unless told otherwise, so that
 * n8n's install needs no compiler (its SQLite driver would).
 */
export async function startN8n(options: N8nOptions = {}): Promise<N8nServer> {
	assertInstalled();
	const userFolder = options.userFolder ?? temporaryFolder('n8n');
	const filesFolder = join(userFolder, 'files');
	mkdirSync(filesFolder, { recursive: true });
	if (options.packageFolder) linkPackage(options.packageFolder, userFolder);

	const ownDatabase = options.database ? undefined : await startPostgres({ version: 18, prepared: preparedN8nData() });
	const database =
		options.database === 'sqlite' ? undefined : (options.database ?? { ...ownDatabase!, database: 'postgres' });
	const port = options.port ?? (await freePort());
	const env = {
		...(await environment(userFolder, filesFolder, port)),
		...(database && databaseEnvironment(database)),
		...(!options.restored && { N8N_ENCRYPTION_KEY: randomBytes(24).toString('hex') }),
		...(options.volume && { HOME, N8N_USER_FOLDER: HOME }),
		...(!options.editor && { N8N_DISABLE_UI: 'true' }),
		// Our package lies in another folder at each run: its code would be kept under a new name each time.
		...(!options.packageFolder && !options.editor && keptCode()),
		...options.env,
	};
	const [command, ...args] = commandFor(options.volume);
	const hadHome = existsSync(HOME);
	const url = `http://127.0.0.1:${port}`;
	let server: ServerProcess | undefined;
	const stop = async () => {
		await server?.stop();
		await ownDatabase?.stop();
		if (!options.userFolder) removeFolder(userFolder);
		if (options.volume && !hadHome) rmdirSync(HOME);
	};
	try {
		server = await startProcess({
			name: 'n8n',
			command,
			args,
			env,
			cwd: userFolder,
			ready: async () => (await fetch(`${url}/healthz/readiness`)).ok,
			readyWithinMs: 180_000,
		});
		const at = database && {
			host: database.host,
			port: database.port,
			user: database.user,
			password: database.password,
			database: database.database,
		};
		const connection = await logIn({ url, userFolder, filesFolder, database: at }, options.restored);
		const { output } = server;
		return Object.assign(new N8nClient(connection), { log: output, stop });
	} catch (error) {
		await stop();
		throw error;
	}
}

/** What starts n8n; with a volume, in a namespace of its own, so that nobody else sees what is mounted. */
function commandFor(volume: string | undefined): [string, ...string[]] {
	if (volume === undefined) return [process.execPath, PROGRAM, 'start'];
	const script = [
		`mkdir -p ${HOME} && mount -t tmpfs tmpfs ${HOME} && mkdir ${HOME}/.n8n && chown 1000:1000 ${HOME}`,
		`mount --bind "$0" ${HOME}/.n8n && cd ${HOME}`,
		`exec setpriv --reuid=1000 --regid=1000 --clear-groups "$@"`,
	].join('\n');
	return ['unshare', '--mount', 'bash', '-ec', script, volume, process.execPath, PROGRAM, 'start'];
}

export interface N8nWorkerOptions {
	packageFolder: string;
	/** The folder that nodes may use: that of the main process. */
	filesFolder: string;
	/** Where its queue and its database are, and its key. */
	env: Record<string, string>;
}

/** Starts a worker of an n8n in queue mode, with a user folder of its own, which goes with it. */
export async function startN8nWorker({ packageFolder, filesFolder, env }: N8nWorkerOptions): Promise<ServerProcess> {
	const userFolder = temporaryFolder('n8n-worker');
	linkPackage(packageFolder, userFolder);
	const worker = await startProcess({
		name: 'n8n worker',
		command: process.execPath,
		args: [PROGRAM, 'worker'],
		env: { ...(await environment(userFolder, filesFolder, await freePort())), ...env },
		cwd: userFolder,
		ready: (output) => output.includes('n8n worker is now ready'),
		readyWithinMs: 180_000,
	});
	const stop = async () => {
		await worker.stop();
		removeFolder(userFolder);
	};
	return { ...worker, stop };
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

/** Makes the owner of a fresh n8n, or logs in as that of a restored one, and makes an API key with every scope. */
async function logIn(
	server: Pick<N8nConnection, 'url' | 'userFolder' | 'filesFolder' | 'database'>,
	restored = false,
): Promise<N8nConnection> {
	const login = { emailOrLdapLoginId: OWNER.email, password: OWNER.password };
	const response = await fetch(`${server.url}/rest/${restored ? 'login' : 'owner/setup'}`, {
		method: 'POST',
		headers: { 'content-type': 'application/json' },
		body: JSON.stringify(restored ? login : OWNER),
	});
	if (!response.ok) throw new Error(`n8n refused its owner: ${await response.text()}`);
	const cookie = response.headers
		.getSetCookie()
		.map((value) => value.split(';')[0])
		.join('; ');
	const { email, password } = OWNER;
	const connection = { ...server, email, password, cookie, apiKey: '' };
	const client = new N8nClient(connection);
	const scopes = await client.rest<string[]>('GET', '/api-keys/scopes');
	const key = await client.rest<{ rawApiKey: string }>('POST', '/api-keys', {
		label: restored ? 'tests of the restored n8n' : 'tests',
		scopes,
		expiresAt: null,
	});
	return { ...connection, apiKey: key.rawApiKey };
}
