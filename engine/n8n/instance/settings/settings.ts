/**
 * What a running n8n keeps its data in, read from its environment as n8n reads it (`@n8n/config` and `n8n-core`, 2.41). A pure function, so
 * that it can be tried with any environment; `ownSettings` of own.ts calls it with that of this process.
 */
import path from 'node:path';

import { z } from 'zod';

import { BackupError } from '../../../errors';
import { isOlder, UNKNOWN_VERSION } from '../version';
import { filled, variable, yesNo, type Surroundings } from './environment';

/** Where n8n's own database is. */
export type DatabaseSettings =
	| { type: 'sqlite'; file: string }
	| {
			type: 'postgresdb';
			host: string;
			port: number;
			database: string;
			user: string;
			password: string;
			schema: string;
			/** As `pg` takes it. */
			ssl: boolean | { ca?: string; cert?: string; key?: string; rejectUnauthorized: boolean };
	  };

/** Where n8n keeps the files of executions: in the file system, in its database, or in a bucket. */
export interface BinaryDataSettings {
	mode: string;
	/** Absolute; used in the mode `filesystem`, and by executions that are stored as files. */
	folder: string;
	/** Whether anything is kept in that folder, or still lies there from when it was. */
	inFolder: boolean;
	/** Where the data of executions is kept: `database` unless it was changed. */
	executions: string;
}

/** n8n's `config` file: the encryption key, and what else n8n writes there. Other members are n8n's own business and go along. */
export const configSchema = z.object({ encryptionKey: z.string().min(1).max(4096) }).passthrough();
export type InstanceConfig = z.infer<typeof configSchema>;

export interface InstanceSettings {
	/** `N8N_USER_FOLDER/.n8n`. */
	folder: string;
	database: DatabaseSettings;
	tablePrefix: string;
	config: InstanceConfig;
	binaryData: BinaryDataSettings;
	/** Where its users reach it, without user and password: `https://n8n.example.com`. */
	url: string;
	/** `regular` or `queue`. */
	mode: string;
	/** Names of the variables that are set and that n8n is run with. */
	variables: string[];
}

/** What `config` may have: it holds a key and two settings. */
const CONFIG_BYTES = 64 * 1024;

/** Beginnings of the names that n8n's documentation lists. */
const OF_N8N =
	/^(N8N|DB|EXECUTIONS|QUEUE|WEBHOOK|CREDENTIALS|EXTERNAL|NODE_FUNCTION|NODES|OFFLOAD|WORKFLOWS|GENERIC)_|^TZ$/;

/**
 * @param version of the n8n; of one that is not known, the newest is thought of
 * @throws BackupError INVALID_INPUT, UNSUPPORTED_VERSION (a database that n8n does not support any more), KEY_MISSING
 */
export function readSettings(surroundings: Surroundings, version: string = UNKNOWN_VERSION): InstanceSettings {
	const { env } = surroundings;
	const folder = instanceFolder(env);
	const config = readConfig(surroundings, folder);
	const mode = filled(surroundings, 'EXECUTIONS_MODE', 'regular');
	return {
		folder,
		database: readDatabase(surroundings),
		tablePrefix: filled(surroundings, 'DB_TABLE_PREFIX', ''),
		config,
		binaryData: readBinaryData(surroundings, { folder, config, mode, version }),
		url: readUrl(surroundings),
		mode,
		variables: Object.keys(env)
			.filter((name) => OF_N8N.test(name))
			.sort(),
	};
}

/** n8n takes the variable as it is, without a `_FILE` form. */
export function instanceFolder(env: Surroundings['env']): string {
	const home = env[process.platform === 'win32' ? 'USERPROFILE' : 'HOME'];
	return path.resolve(env['N8N_USER_FOLDER'] ?? home ?? process.cwd(), '.n8n');
}

/** Where n8n's SQLite database lies; undefined where it has another one. @throws BackupError INVALID_INPUT */
export function databaseFile(surroundings: Surroundings): string | undefined {
	if (filled(surroundings, 'DB_TYPE', 'sqlite') !== 'sqlite') return undefined;
	const folder = instanceFolder(surroundings.env);
	return path.resolve(folder, filled(surroundings, 'DB_SQLITE_DATABASE', 'database.sqlite'));
}

function readDatabase(surroundings: Surroundings): DatabaseSettings {
	const file = databaseFile(surroundings);
	if (file !== undefined) return { type: 'sqlite', file };
	const type = filled(surroundings, 'DB_TYPE', 'sqlite');
	if (type !== 'postgresdb') throw unsupported(type);
	const of = (name: string, usual: string) => filled(surroundings, `DB_POSTGRESDB_${name}`, usual);
	const port = Number(of('PORT', '5432'));
	return {
		type,
		host: of('HOST', 'localhost'),
		port: Number.isInteger(port) ? port : 5432,
		database: of('DATABASE', 'n8n'),
		user: of('USER', 'postgres'),
		password: of('PASSWORD', ''),
		schema: of('SCHEMA', 'public'),
		ssl: readTls(surroundings),
	};
}

/** Certificates, or leave to do without a trusted one, switch TLS on by themselves (`db-connection-options.ts`). */
function readTls(surroundings: Surroundings) {
	const of = (name: string) => variable(surroundings, `DB_POSTGRESDB_SSL_${name}`);
	const [ca, cert, key] = [of('CA'), of('CERT'), of('KEY')];
	const rejectUnauthorized = yesNo(surroundings, 'DB_POSTGRESDB_SSL_REJECT_UNAUTHORIZED', true);
	if (!ca && !cert && !key && rejectUnauthorized) return yesNo(surroundings, 'DB_POSTGRESDB_SSL_ENABLED', false);
	return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }), rejectUnauthorized };
}

function unsupported(type: string): BackupError {
	if (type === 'mysqldb' || type === 'mariadb') {
		return new BackupError('UNSUPPORTED_VERSION', `n8n is set up for MySQL or MariaDB (DB_TYPE is ${type}).`, {
			hint: 'n8n does not support them any more: move its data to PostgreSQL or SQLite, as n8n’s migration guide says, and back that up.',
		});
	}
	return new BackupError('INVALID_INPUT', `DB_TYPE is neither sqlite nor postgresdb: ${type.slice(0, 40)}.`, {
		hint: 'Correct the variable in n8n’s environment.',
	});
}

/** As `binary-data.config.ts` and `storage.config.ts` of n8n-core decide it. */
function readBinaryData(
	surroundings: Surroundings,
	n8n: Pick<InstanceSettings, 'folder' | 'config' | 'mode'> & { version: string },
): BinaryDataSettings {
	const mode = filled(surroundings, 'N8N_DEFAULT_BINARY_DATA_MODE', usualMode(n8n));
	const executions = filled(surroundings, 'N8N_EXECUTION_DATA_STORAGE_MODE', 'database');
	const named = variable(surroundings, 'N8N_BINARY_DATA_STORAGE_PATH') || variable(surroundings, 'N8N_STORAGE_PATH');
	const before = path.join(n8n.folder, 'binaryData');
	const isOld = n8n.config['fsStorageMigrated'] !== true && surroundings.namesIn(before) !== undefined;
	const folder = named ? path.resolve(named) : isOld ? before : path.join(n8n.folder, 'storage');
	const isFilled = (surroundings.namesIn(folder)?.length ?? 0) > 0;
	return { mode, folder, inFolder: mode === 'filesystem' || executions === 'filesystem' || isFilled, executions };
}

/** Before 2.0, n8n kept them with the data of the execution, which it calls `default`. */
function usualMode({ mode, version }: { mode: string; version: string }): string {
	if (isOlder(version, '2.0.0')) return 'default';
	return mode === 'queue' ? 'database' : 'filesystem';
}

function readConfig(surroundings: Surroundings, folder: string): InstanceConfig {
	const file = path.join(folder, 'config');
	const fromVariable = variable(surroundings, 'N8N_ENCRYPTION_KEY') || undefined;
	const text = surroundings.readText(file);
	if (text === undefined) {
		if (fromVariable !== undefined) return { encryptionKey: fromVariable };
		throw new BackupError('KEY_MISSING', `n8n has no encryption key: ${file} does not exist.`, {
			hint: 'Check N8N_USER_FOLDER and N8N_ENCRYPTION_KEY. Without its key, the credentials of a backup could never be read.',
		});
	}
	const config = parseConfig(text, file);
	if (fromVariable !== undefined && fromVariable !== config.encryptionKey) {
		throw new BackupError('INVALID_INPUT', `N8N_ENCRYPTION_KEY and ${file} hold different keys.`, {
			hint: 'n8n does not start like this. Make both the same: the key that opens its credentials.',
		});
	}
	return config;
}

/** @param where for the message @throws BackupError INVALID_INPUT; the message holds nothing of the text */
export function parseConfig(text: string, where: string): InstanceConfig {
	let json: unknown;
	try {
		json = text.length > CONFIG_BYTES ? undefined : JSON.parse(text);
	} catch {
		json = undefined;
	}
	const { success, data } = configSchema.safeParse(json);
	if (success) return data;
	throw new BackupError('INVALID_INPUT', `${where} is not what n8n writes: JSON with an encryptionKey.`, {
		hint: 'It was damaged or edited. Set N8N_ENCRYPTION_KEY to the right key, and mend the file.',
	});
}

function readUrl(surroundings: Surroundings): string {
	const of = (name: string, usual: string) => filled(surroundings, name, usual);
	const bare = `${of('N8N_PROTOCOL', 'http')}://${of('N8N_HOST', 'localhost')}:${of('N8N_PORT', '5678')}/`;
	const named = of('N8N_EDITOR_BASE_URL', '') || of('WEBHOOK_URL', '') || bare;
	try {
		const { origin, pathname } = new URL(named);
		return `${origin}${pathname}`.replace(/\/+$/, '');
	} catch {
		return bare.replace(/\/+$/, '');
	}
}
