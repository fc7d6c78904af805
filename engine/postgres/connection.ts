import type { Duplex } from 'node:stream';
import type { ConnectionOptions as TlsOptions } from 'node:tls';

import { Client, type ClientConfig } from 'pg';

import { BackupError, cancelled, type ErrorCode, messageOf } from '../errors';
import { LONGEST_TIMEOUT, wholeNumber } from '../archive';

import { BulkSocket } from './bulkSocket';
import { grantHint } from './grants';
import { serverCause, serverMessage } from './serverMessage';
import { isNotConvertible } from './sharedText';

/** How to reach a PostgreSQL server. */
export interface PostgresConnection {
	host: string;
	port: number;
	database: string;
	user: string;
	password?: string;
	ssl?: boolean | TlsOptions;
	/** Makes the byte stream to the server where it is not a plain TCP connection (an SSH tunnel). */
	openStream?: () => Duplex;
	/** Milliseconds; 30,000 by default. */
	connectTimeout?: number;
}

/** Which end of a backup or restore a server is: decides the code and the wording of its errors. */
export type ServerRole = 'source' | 'target';

/** PostgreSQL's SQLSTATE codes that deserve an answer of their own (Appendix A of its documentation). */
const HINTS: Record<string, { code?: ErrorCode; hint: string }> = {
	'28P01': { code: 'ACCESS_DENIED', hint: 'Check the user name and password in the Postgres credential.' },
	'28000': {
		code: 'ACCESS_DENIED',
		hint: 'The server refuses this user, database or host; check pg_hba.conf and whether SSL is required.',
	},
	'3D000': {
		code: 'INVALID_INPUT',
		hint: 'Check the spelling of the database name; the drop-down lists those that exist.',
	},
	'42501': {
		code: 'ACCESS_DENIED',
		hint: 'Grant the user the missing privilege, or use a credential that has it (the owner or a superuser).',
	},
	'53300': { hint: 'The server has no free connections: lower Parallel Connections or raise max_connections.' },
	'53100': { hint: 'The disk of the database server is full: free some space there.' },
	'55P03': {
		hint: 'Another session holds a lock on it: run this at a quieter time, or end that session.',
	},
	'57P01': { hint: 'An administrator or a restart of the server ended the connection; run it again.' },
	'57P02': { hint: 'The server crashed or restarted; run it again, and look into its log.' },
	'57P03': { hint: 'The server is starting up or shutting down: try again in a moment.' },
	'53400': {
		hint: 'A limit of the server’s for this user was reached: raise temp_file_limit for it (ALTER ROLE ... SET temp_file_limit), which a superuser may do.',
	},
	'57014': { hint: 'The server cancelled the query (statement timeout or an administrator).' },
};

const UNREACHABLE = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH']);
const BROKEN = new Set(['ECONNRESET', 'EPIPE']);

const REACH =
	'Check host, port and SSL in the Postgres credential, and that the server runs and can be reached from n8n.';
const BROKE =
	'The connection broke: look into the server’s log, and at what stands between it and n8n (tunnel, proxy, firewall); then run it again.';

const SEES_SOME = 'or add the argument --enable-row-security to back up only the rows that the user may see.';

/** Policies hide rows of a table from the user; a backup would be incomplete. */
export const HIDDEN_ROWS = `Use a superuser or a role with BYPASSRLS, or the table’s owner unless the policies are in force for the owner too (FORCE ROW LEVEL SECURITY), ${SEES_SOME}`;

/** The user is the owner: of that the server gives a hint, in whatever language. */
const HIDDEN_FROM_OWNER = `The user owns the table, and its policies are in force for the owner too (FORCE ROW LEVEL SECURITY): use a superuser or a role with BYPASSRLS, switch that off (ALTER TABLE ... NO FORCE ROW LEVEL SECURITY), ${SEES_SOME}`;

/** SQLSTATE serialization_failure: of a transaction that only reads, nothing but a standby's replay ends one so. */
const SERIALIZATION = '40001';
const REPLAY =
	'The server is a standby, and what it had to replay was in the way of the backup. On the standby, switch hot_standby_feedback on and raise max_standby_streaming_delay and max_standby_archive_delay (-1 waits as long as it takes); or back up the primary.';

/** SQLSTATE feature_not_supported: a standby has no serializable transactions. */
const NOT_SUPPORTED = '0A000';
const SERIALIZABLE_ON_STANDBY =
	'A standby has no serializable transactions: switch Serializable Snapshot off, or back up the primary. Where the user’s or the database’s default_transaction_isolation is serializable, set it to repeatable read for this user.';

/** What `pg` says in its own words when a server wants a password and there is none. */
const NO_PASSWORD = /client password must be/;

const ROW_SECURITY = /row-level security/;

const SERIALIZABLE = /serializable/i;

const NOT_CONVERTIBLE =
	'A name or a value holds bytes that are no text in the encoding of the database, or that have no place in the other one: mend it there (a role’s name by ALTER ROLE ... RENAME TO, from a database in whose encoding it can be written).';

const UNTRUSTED =
	'The server’s TLS certificate is not trusted: add its authority to the credential, or allow unauthorized certificates there.';
const CERTIFICATE = /self.signed certificate|unable to verify|certificate has expired|altnames|CERT_/i;

/** Puts anything that `pg`, a socket or TLS throws into a BackupError that says what was being done. */
export function translateError(error: unknown, role: ServerRole, doing: string): BackupError {
	if (error instanceof BackupError) return error;
	const { code = '', hint: serverHint } = error as { code?: string; hint?: string };
	const said = messageOf(error);
	const failure = (errorCode: ErrorCode, hint?: string, what = serverMessage(error)) =>
		new BackupError(errorCode, `${doing}: ${what}`, { hint, cause: serverCause(error) });
	const failed = role === 'source' ? 'SOURCE_FAILED' : 'TARGET_FAILED';
	const unreachable = role === 'source' ? 'SOURCE_UNREACHABLE' : 'TARGET_UNREACHABLE';
	if (code === '42501' && ROW_SECURITY.test(said))
		return failure('ACCESS_DENIED', serverHint === undefined ? HIDDEN_ROWS : HIDDEN_FROM_OWNER);
	if (code === '42501' && role === 'source') return failure('ACCESS_DENIED', grantHint(said));
	if (role === 'source' && code === SERIALIZATION) return failure(failed, REPLAY);
	if (role === 'source' && code === NOT_SUPPORTED && SERIALIZABLE.test(said))
		return failure(failed, SERIALIZABLE_ON_STANDBY);
	if (isNotConvertible(error)) return failure(failed, NOT_CONVERTIBLE);
	const known = HINTS[code];
	if (known) return failure(known.code ?? failed, known.hint);
	if (NO_PASSWORD.test(said))
		return failure('ACCESS_DENIED', HINTS['28P01']?.hint, 'the server asks for a password, and none was given');
	if (CERTIFICATE.test(`${code} ${said}`)) return failure('ACCESS_DENIED', UNTRUSTED);
	if (BROKEN.has(code) || /terminated unexpectedly|not queryable/i.test(said)) return failure(unreachable, BROKE);
	if (UNREACHABLE.has(code) || /timeout expired|SSL connection/i.test(said)) return failure(unreachable, REACH);
	return failure(failed);
}

function clientConfig(connection: PostgresConnection, database: string, isWalSender: boolean): ClientConfig {
	const { port, connectTimeout = 30_000 } = connection;
	return {
		host: connection.host,
		port: wholeNumber(port, 'Port of the server', { min: 1, max: 65_535 }),
		database,
		user: connection.user,
		// An empty string keeps `pg` from looking for a password in the environment or in ~/.pgpass.
		password: connection.password ?? '',
		ssl: connection.ssl ?? false,
		stream: connection.openStream ?? (connection.ssl ? undefined : () => new BulkSocket().socket),
		application_name: 'n8n-nodes-stack-backup',
		// Zero would mean no limit at all, and more than a timer holds none either.
		connectionTimeoutMillis: wholeNumber(connectTimeout, 'Connection Timeout in milliseconds', {
			min: 1,
			max: LONGEST_TIMEOUT,
		}),
		keepAlive: true,
		...(isWalSender && { replication: 'true' }),
	};
}

/** How a login goes. */
export interface ConnectOptions {
	database?: string;
	signal?: AbortSignal | undefined;
	/** Sees the client before its first byte, to listen to the login. */
	prepare?: (client: Client) => void;
	/** Whether the server is to answer commands of physical replication instead of SQL: see physical/protocol. */
	isWalSender?: boolean;
	/** Puts what a login fails with into words; translateError by default. */
	translate?: (error: unknown, role: ServerRole, doing: string) => BackupError;
}

/**
 * Logs in. The caller ends the client.
 * @throws BackupError with the server's own message, when it can't be reached or refuses; INVALID_INPUT for a port or a
 * timeout that is none.
 */
export async function connect(
	connection: PostgresConnection,
	role: ServerRole,
	options: ConnectOptions = {},
): Promise<Client> {
	const { database = connection.database, isWalSender = false, translate = translateError } = options;
	if (options.signal?.aborted) throw cancelled();
	const client = new Client(clientConfig(connection, database, isWalSender));
	options.prepare?.(client);
	// A connection that breaks while idle must not end the process; whoever uses it next gets the error.
	client.on('error', () => {});
	const stop = () => client.connection.stream.destroy(cancelled());
	options.signal?.addEventListener('abort', stop, { once: true });
	try {
		await client.connect();
	} catch (error) {
		client.connection.stream.destroy();
		if (options.signal?.aborted) throw cancelled();
		const asWhat = isWalSender ? 'PostgreSQL for replication' : `PostgreSQL database "${database}"`;
		throw translate(error, role, `Could not connect to ${asWhat} at ${connection.host}:${connection.port}`);
	} finally {
		options.signal?.removeEventListener('abort', stop);
	}
	return client;
}

/** Closes a connection whatever state it is in, without waiting for a server that does not answer. */
export async function disconnect(client: Client): Promise<void> {
	const closed = client.end().catch(() => {});
	const patience = setTimeout(() => client.connection.stream.destroy(), 1000);
	await closed;
	clearTimeout(patience);
}

/** Runs `use` on a connection of its own and closes it afterwards. */
export async function withClient<T>(
	connection: PostgresConnection,
	role: ServerRole,
	options: { database?: string; signal?: AbortSignal },
	use: (client: Client) => Promise<T>,
): Promise<T> {
	const client = await connect(connection, role, options);
	try {
		return await use(client);
	} finally {
		await disconnect(client);
	}
}
