import type { Client } from 'pg';

import { connect, disconnect, type PostgresConnection } from '../connection';
import { encodeMessage, encodeQuery, MessageType, parseErrorResponse, splitMessages } from '../protocol';
import type { RowConsumer } from '../copyOut';
import { RawSocket } from '../rawSocket';
import { quoteIdentifier } from '../quoting';

/** SQLSTATE of a LOCK ... NOWAIT that would have to wait. */
const LOCK_NOT_AVAILABLE = '55P03';

/** Statements as one query. */
const joined = (statements: Buffer[]): Buffer =>
	Buffer.concat(statements.flatMap((sql, index) => (index > 0 ? [Buffer.from('; '), sql] : [sql])));

/** What a dump has to know of the server and the database before it begins. */
export interface ServerFacts {
	/** As server_version_num: 150018. */
	version: number;
	/** As the server writes it: `15.18 (Debian 15.18-0+deb12u1)`. */
	versionText: string;
	encoding: string;
}

/** Choices of a dump that hold for every connection. */
export interface SessionChoices {
	/** Read only the rows that policies let the user see, instead of failing on such tables. */
	rowSecurity: boolean;
	/** SET ROLE first. */
	role: string | undefined;
}

/**
 * What pg_dump sets on its connection (setup_connection in its source), so that rows read on ours look the same; and
 * synchronized scans off, for without that a scan may begin in the middle of a table.
 */
export function sessionSettings(facts: ServerFacts, { rowSecurity, role }: SessionChoices): string[] {
	return [
		`SET client_encoding = '${dumpEncoding(facts)}'`,
		"SET datestyle = 'ISO'",
		'SET intervalstyle = postgres',
		`SET extra_float_digits = ${facts.version >= 120_000 ? 3 : 2}`,
		'SET synchronize_seqscans = off',
		'SET statement_timeout = 0',
		'SET lock_timeout = 0',
		'SET idle_in_transaction_session_timeout = 0',
		...(facts.version >= 170_000 ? ['SET transaction_timeout = 0'] : []),
		`SET row_security = ${rowSecurity ? 'on' : 'off'}`,
		...(role === undefined ? [] : [`SET ROLE ${quoteIdentifier(role)}`]),
		"SELECT pg_catalog.set_config('search_path', '', false)",
	];
}

/** UTF-8, whatever the database uses; but bytes of no known encoding are left as they are. */
export function dumpEncoding(facts: ServerFacts): string {
	return facts.encoding === 'SQL_ASCII' ? 'SQL_ASCII' : 'UTF8';
}

/** A connection that sees the database as of one snapshot. */
export class SnapshotSession {
	readonly #parameters = new Map<string, string>();
	#socket: RawSocket | undefined;

	private constructor(readonly client: Client) {
		client.connection.on('parameterStatus', ({ parameterName, parameterValue }: Record<string, string>) =>
			this.#parameters.set(parameterName as string, parameterValue as string),
		);
	}

	/** Logs in. Nothing else has been sent yet. */
	static async open(connection: PostgresConnection, signal?: AbortSignal): Promise<SnapshotSession> {
		const session: { value?: SnapshotSession } = {};
		await connect(connection, 'source', { signal, prepare: (client) => (session.value = new SnapshotSession(client)) });
		return session.value as SnapshotSession;
	}

	/** What the server said of itself at login. */
	get parameters(): ReadonlyMap<string, string> {
		return this.#parameters;
	}

	get processId(): number {
		return this.client.processID;
	}

	/** The connection in bytes. From the first use on, `client` is no longer to be used, but by way of `withClient`. */
	get socket(): RawSocket {
		if (!this.#socket && this.client.connection.stream.destroyed) {
			throw Object.assign(new Error('The server closed the connection'), { code: 'ECONNRESET' });
		}
		this.#socket ??= new RawSocket(this.client);
		return this.#socket;
	}

	/** Hands the connection back to `pg` for some queries. */
	async withClient<T>(use: (client: Client) => Promise<T>): Promise<T> {
		this.#socket?.release();
		this.#socket = undefined;
		return await use(this.client);
	}

	async serverFacts(): Promise<ServerFacts> {
		const { rows } = await this.client.query<{ version: string; text: string; encoding: string }>(
			`SELECT pg_catalog.current_setting('server_version_num') AS version, pg_catalog.current_setting('server_version') AS text,
				pg_catalog.current_setting('server_encoding') AS encoding`,
		);
		const row = rows[0] as (typeof rows)[number];
		return { version: Number(row.version), versionText: row.text, encoding: row.encoding };
	}

	/**
	 * The settings that decide how values are written and that pg_dump leaves as they are: what compares rows with those of
	 * a backup has to know them.
	 */
	async writingSettings(): Promise<Record<string, string>> {
		const { rows } = await this.client.query<{ name: string; setting: string }>(
			"SELECT name, setting FROM pg_catalog.pg_settings WHERE name IN ('TimeZone', 'bytea_output', 'lc_monetary') ORDER BY name",
		);
		return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
	}

	/** Begins the transaction whose snapshot all others share, and returns that snapshot's name. */
	async exportSnapshot(facts: ServerFacts, deferrable: boolean, choices: SessionChoices): Promise<string> {
		const isolation = deferrable ? 'SERIALIZABLE, READ ONLY, DEFERRABLE' : 'REPEATABLE READ, READ ONLY';
		await this.#set(facts, choices);
		await this.client.query(`BEGIN ISOLATION LEVEL ${isolation}`);
		const { rows } = await this.client.query<{ snapshot: string }>(
			'SELECT pg_catalog.pg_export_snapshot() AS snapshot',
		);
		return (rows[0] as { snapshot: string }).snapshot;
	}

	/** Begins a transaction on somebody else's snapshot. */
	async importSnapshot(facts: ServerFacts, snapshot: string, choices: SessionChoices): Promise<void> {
		await this.#set(facts, choices);
		await this.client.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY');
		await this.client.query(`SET TRANSACTION SNAPSHOT '${snapshot}'`);
	}

	/**
	 * Runs `COPY ... TO STDOUT` statements, all in one query.
	 * @throws the server's own error, or that of the connection
	 */
	async copyOut(statements: Buffer[], rows: RowConsumer): Promise<void> {
		await this.socket.copyOut(joined(statements), rows, statements.length);
	}

	/**
	 * As copyOut, and in the same query locks tables first against changes of their definition, without waiting: a session that
	 * waits for a stronger lock, and so for us, would let us wait for ever. False where somebody else has one of them, and
	 * nothing was read.
	 */
	async tryCopyOut(
		tables: string[],
		statements: Buffer[],
		rows: RowConsumer & { copiesBegun: number },
	): Promise<boolean> {
		const lock = `SAVEPOINT before_lock; LOCK TABLE ${tables.join(', ')} IN ACCESS SHARE MODE NOWAIT; RELEASE SAVEPOINT before_lock`;
		const query = joined([Buffer.from(lock), ...statements]);
		try {
			await this.socket.copyOut(query, rows, statements.length);
			return true;
		} catch (error) {
			if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE || rows.copiesBegun > 0) throw error;
		}
		const rollback = await this.#simpleQuery('ROLLBACK TO SAVEPOINT before_lock');
		if (rollback) throw rollback;
		return false;
	}

	/** Says goodbye where the server still listens, and hangs up soon where it does not. */
	async close(): Promise<void> {
		if (!this.#socket) return await disconnect(this.client);
		const { stream } = this.client.connection;
		if (stream.destroyed) return;
		const closed = new Promise((resolve) => stream.once('close', resolve));
		const patience = setTimeout(() => stream.destroy(), 500);
		stream.end(encodeMessage(MessageType.terminate, Buffer.alloc(0)));
		stream.resume();
		await closed;
		clearTimeout(patience);
	}

	/** In two queries, for each takes as long as the way to the server: the second one is read in the encoding that the first one sets. */
	async #set(facts: ServerFacts, choices: SessionChoices): Promise<void> {
		await this.client.query(`SET client_encoding = '${dumpEncoding(facts)}'`);
		await this.client.query(sessionSettings(facts, choices).join('; '));
	}

	async #simpleQuery(sql: string): Promise<ReturnType<typeof parseErrorResponse> | undefined> {
		const { messages } = splitMessages(await this.socket.exchange(encodeQuery(Buffer.from(sql))));
		const failure = messages.find(({ type }) => type === MessageType.errorResponse);
		return failure && parseErrorResponse(failure.body);
	}
}
