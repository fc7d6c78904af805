import { describe, expect, it } from 'vitest';

import {
	ALLOW_INSTANCE,
	assertInstanceAllowed,
	readSettings,
	type Surroundings,
} from '../../../../engine/n8n/instance/settings';

const HOME = '/home/node';
const CONFIG = '/home/node/.n8n/config';

/** An n8n with these variables and files. */
function around(
	env: Record<string, string>,
	files: Record<string, string> = {},
	folders: Record<string, string[]> = {},
): Surroundings {
	const all: Record<string, string> = { [CONFIG]: '{"encryptionKey":"key"}', ...files };
	return {
		env: { HOME, ...env },
		readText: (file) => all[file],
		namesIn: (folder) => folders[folder],
	};
}

describe('the settings of an n8n', () => {
	it('are those of SQLite in the home folder where nothing is set', () => {
		expect(readSettings(around({}))).toEqual({
			folder: '/home/node/.n8n',
			database: { type: 'sqlite', file: '/home/node/.n8n/database.sqlite' },
			tablePrefix: '',
			config: { encryptionKey: 'key' },
			binaryData: {
				mode: 'filesystem',
				folder: '/home/node/.n8n/storage',
				inFolder: true,
				executions: 'database',
			},
			url: 'http://localhost:5678',
			mode: 'regular',
			variables: [],
		});
	});

	it('name the PostgreSQL database, also where files hold the values', () => {
		const env = {
			DB_TYPE: 'postgresdb',
			DB_POSTGRESDB_HOST: 'db',
			DB_POSTGRESDB_PORT: '5433',
			DB_POSTGRESDB_DATABASE: 'automation',
			DB_POSTGRESDB_USER: '"n8n"',
			DB_POSTGRESDB_PASSWORD_FILE: '/run/secrets/password',
			DB_POSTGRESDB_SCHEMA: 'flows',
			DB_TABLE_PREFIX: 'n8n_',
		};
		const { database, tablePrefix } = readSettings(around(env, { '/run/secrets/password': ' secret\n' }));
		expect(tablePrefix).toBe('n8n_');
		expect(database).toEqual({
			type: 'postgresdb',
			host: 'db',
			port: 5433,
			database: 'automation',
			user: 'n8n',
			password: 'secret',
			schema: 'flows',
			ssl: false,
		});
	});

	it.each([
		[{ DB_POSTGRESDB_SSL_ENABLED: 'true' }, true],
		[{ DB_POSTGRESDB_SSL_REJECT_UNAUTHORIZED: 'false' }, { rejectUnauthorized: false }],
		[{ DB_POSTGRESDB_SSL_CA_FILE: '/ca.pem' }, { ca: 'pem', rejectUnauthorized: true }],
	])('switch TLS on as n8n does: %j', (env, ssl) => {
		const { database } = readSettings(around({ DB_TYPE: 'postgresdb', ...env }, { '/ca.pem': 'pem' }));
		expect(database).toMatchObject({ ssl });
	});

	it('take a variable that is set and empty for set, as n8n does', () => {
		const env = { DB_TYPE: 'postgresdb', DB_POSTGRESDB_PASSWORD: '', DB_POSTGRESDB_PASSWORD_FILE: '/nowhere' };
		expect(readSettings(around(env)).database).toMatchObject({ password: '' });
	});

	it.each(['mysqldb', 'mariadb'])('say that n8n has left %s behind', (type) => {
		expect(() => readSettings(around({ DB_TYPE: type }))).toThrow(/MySQL or MariaDB/);
	});

	it('say which variable names a file that cannot be read', () => {
		expect(() => readSettings(around({ DB_TYPE_FILE: '/nowhere' }))).toThrow('DB_TYPE_FILE names /nowhere');
	});

	it('take the key from the environment, its file, or config, and keep what else config holds', () => {
		const more = { [CONFIG]: '{"encryptionKey":"key","fsStorageMigrated":true,"tunnelSubdomain":"x"}' };
		expect(readSettings(around({}, more)).config).toEqual({
			encryptionKey: 'key',
			fsStorageMigrated: true,
			tunnelSubdomain: 'x',
		});
		const elsewhere = { N8N_USER_FOLDER: '/data' };
		expect(readSettings(around({ ...elsewhere, N8N_ENCRYPTION_KEY: 'other' })).config.encryptionKey).toBe('other');
		const inFile = { ...elsewhere, N8N_ENCRYPTION_KEY_FILE: '/key' };
		expect(readSettings(around(inFile, { '/key': 'third\n' })).config.encryptionKey).toBe('third');
	});

	it('are refused without a key, with two, and with a config that is none, without a word of what it holds', () => {
		expect(() => readSettings(around({ N8N_USER_FOLDER: '/data' }))).toThrow('/data/.n8n/config does not exist');
		expect(() => readSettings(around({ N8N_ENCRYPTION_KEY: 'other' }))).toThrow('hold different keys');
		let message = '';
		try {
			readSettings(around({}, { [CONFIG]: '{"encryptionKey":"secret' }));
		} catch (error) {
			message = (error as Error).message;
		}
		expect(message).toContain('is not what n8n writes');
		expect(message).not.toContain('secret');
	});

	it.each([
		[{ N8N_DEFAULT_BINARY_DATA_MODE: 's3' }, {}, { mode: 's3', inFolder: false }],
		[{ EXECUTIONS_MODE: 'queue' }, {}, { mode: 'database', inFolder: false }],
		[{ EXECUTIONS_MODE: 'queue', N8N_EXECUTION_DATA_STORAGE_MODE: 'filesystem' }, {}, { inFolder: true }],
		[{ N8N_EXECUTION_DATA_STORAGE_MODE: 's3' }, {}, { executions: 's3' }],
		[{ N8N_STORAGE_PATH: '/files' }, {}, { folder: '/files' }],
		[{}, { '/home/node/.n8n/binaryData': [] }, { folder: '/home/node/.n8n/binaryData' }],
		// What lies there of before stays in use: its executions refer to it.
		[{ N8N_DEFAULT_BINARY_DATA_MODE: 'database' }, { '/home/node/.n8n/storage': ['workflows'] }, { inFolder: true }],
		[{ N8N_DEFAULT_BINARY_DATA_MODE: 'database' }, { '/home/node/.n8n/storage': [] }, { inFolder: false }],
	])('find binary data where n8n keeps it: %j %j', (env, folders: Record<string, string[]>, binaryData) => {
		expect(readSettings(around(env, {}, folders)).binaryData).toMatchObject(binaryData);
	});

	it('keep binary data with the executions where n8n is older than 2.0', () => {
		const of = (version: string) => readSettings(around({}), version).binaryData;
		expect(of('1.123.4')).toMatchObject({ mode: 'default', inFolder: false });
		expect(of('2.0.0')).toMatchObject({ mode: 'filesystem', inFolder: true });
	});

	it('hold no password of the address, and of variables the names alone', () => {
		const env = { WEBHOOK_URL: 'https://user:secret@n8n.example.com/flows/', N8N_SMTP_PASS: 'hidden', PATH: '/bin' };
		const settings = readSettings(around(env));
		expect(settings.url).toBe('https://n8n.example.com/flows');
		expect(settings.variables).toEqual(['N8N_SMTP_PASS', 'WEBHOOK_URL']);
		expect(JSON.stringify(settings)).not.toMatch(/secret|hidden/);
	});
});

describe('the permission to back up the instance', () => {
	it.each([undefined, '', 'false', '0', 'yes'])(
		'is not given by %j, and the error says how it is and what it opens',
		(value) => {
			const env = value === undefined ? {} : { [ALLOW_INSTANCE]: value };
			expect(() => assertInstanceAllowed(env)).toThrow(
				expect.objectContaining({
					code: 'ACCESS_DENIED',
					hint: expect.stringMatching(`${ALLOW_INSTANCE}=true.*credentials`),
				}),
			);
		},
	);

	it.each(['true', '1', ' TRUE '])('is given by %j', (value) => {
		expect(() => assertInstanceAllowed({ [ALLOW_INSTANCE]: value })).not.toThrow();
	});
});
