import { setTimeout as pause } from 'node:timers/promises';

import type { Client } from 'pg';

import { BackupError, cancelled, messageOf, throwIfCancelled } from '../../../errors';
import { connectToAny } from '../../anyDatabase';
import { connect, disconnect, type PostgresConnection, withClient } from '../../connection';
import { terminateSessions } from '../../sessions';

import { databaseExists, dropDatabase } from './databases';

/** Milliseconds that a cancelled restore waits for the server to clean up: a busy one takes some seconds to drop a large database. */
const CLEAN_UP_PATIENCE = 5000;

/** Tries to log in again after a lost connection, and milliseconds before the second; the server may be restarting. */
const RENEWALS = 8;
const RENEWAL_PAUSE = 250;

/** Milliseconds in which a connection that is alive answers. */
const ANSWER_PATIENCE = 10_000;

async function serverVersion(client: Client): Promise<number> {
	const { rows } = await client.query<{ version: number }>(
		"SELECT pg_catalog.current_setting('server_version_num')::int AS version",
	);
	return rows[0]?.version ?? 0;
}

/**
 * The connection that creates, renames and drops databases. The signal closes it and terminates its session, whatever the server
 * is doing, until `pastCancelling` is called: a swap that has begun is brought to its end.
 */
export class Maintenance {
	readonly #abort: () => void;
	#client: Client;

	private constructor(
		client: Client,
		/** server_version_num */
		readonly version: number,
		readonly connection: PostgresConnection,
		readonly signal: AbortSignal | undefined,
	) {
		this.#client = client;
		this.#abort = () => {
			void terminateSessions(connection, [this.#client.processID]);
			this.#client.connection.stream.destroy(cancelled());
		};
		signal?.addEventListener('abort', this.#abort, { once: true });
	}

	get client(): Client {
		return this.#client;
	}

	static async open(
		connection: PostgresConnection,
		avoid: string | undefined,
		signal?: AbortSignal,
	): Promise<Maintenance> {
		const client = await connectToAny(connection, 'target', { avoid, signal });
		const abort = () => client.connection.stream.destroy(cancelled());
		signal?.addEventListener('abort', abort, { once: true });
		try {
			const version = await serverVersion(client);
			return new Maintenance(
				client,
				version,
				{ ...connection, database: client.database ?? connection.database },
				signal,
			);
		} catch (error) {
			await disconnect(client);
			throw error;
		} finally {
			signal?.removeEventListener('abort', abort);
		}
	}

	/** Stops listening to the signal. */
	pastCancelling(): void {
		this.signal?.removeEventListener('abort', this.#abort);
	}

	async close(): Promise<void> {
		this.pastCancelling();
		await disconnect(this.client);
	}

	/**
	 * Replaces the connection by a new one, and waits until the session of the old one has ended on the server.
	 * @throws BackupError where the server cannot be reached again.
	 */
	async renew(): Promise<void> {
		const old = this.#client;
		old.connection.stream.destroy();
		for (let attempt = 1; ; attempt++) {
			try {
				this.#client = await connect(this.connection, 'target');
				break;
			} catch (error) {
				if (attempt === RENEWALS) throw error;
				await pause(RENEWAL_PAUSE * attempt);
			}
		}
		await ended(this.#client, old.processID, 'at once');
	}

	/** Renews the connection if it was lost: it is idle while rows are loaded, and networks drop idle connections. */
	async ensure(): Promise<void> {
		const answer = this.#client.query('SELECT').then(
			() => true,
			() => false,
		);
		const silent = pause(ANSWER_PATIENCE, false, { ref: false });
		if (await Promise.race([answer, silent])) return;
		throwIfCancelled(this.signal);
		await this.renew();
	}

	/**
	 * Drops a database that was not completed, on a connection of its own, and returns the error to end with: the reason,
	 * or one that also names the database where it could not be dropped. A cancelled restore does not wait for long.
	 * `other`: a database that has to be there, or the staging database is all that is left.
	 */
	async dropStaging(database: string, reason: unknown, other?: string): Promise<unknown> {
		const connection = this.signal?.aborted
			? { ...this.connection, connectTimeout: CLEAN_UP_PATIENCE }
			: this.connection;
		const dropped = withClient(connection, 'target', {}, async (client) => {
			// What was sent over a connection that is gone may not have reached its session yet, which then shows as idle and would
			// create the database after it was dropped.
			const isGone = this.client.connection.stream.destroyed;
			await ended(client, this.client.processID, isGone ? 'at once' : 'if at work');
			if (other !== undefined && !(await databaseExists(client, other)))
				throw new Error(`there is no database "${other}", so the restored one is kept`);
			await dropDatabase(client, database, this.version);
		}).then(
			() => undefined,
			(error: unknown) => ({ error }),
		);
		const patience = this.signal?.aborted ? [tooLong()] : [];
		const failure = await Promise.race([dropped, ...patience]);
		if (!failure) return this.signal?.aborted ? cancelled() : reason;
		const first = this.signal?.aborted ? new BackupError('CANCELLED', 'The run was cancelled.') : reason;
		const { code, details } =
			first instanceof BackupError ? first : { code: 'TARGET_FAILED' as const, details: undefined };
		const message = `${messageOf(first)} The staging database "${database}" could not be dropped: ${messageOf(failure.error)}`;
		return new BackupError(code, message, {
			hint: `Drop "${database}" by hand if it is still there.`,
			details,
			cause: reason,
		});
	}
}

/** Terminates a session, so that it changes nothing after it was given up, and waits for its end. */
async function ended(client: Client, processId: number, when: 'if at work' | 'at once'): Promise<void> {
	const busy = `FROM pg_catalog.pg_stat_activity WHERE pid = ${processId} AND usename = current_user
		AND pid <> pg_catalog.pg_backend_pid()${when === 'at once' ? '' : ` AND state <> 'idle'`}`;
	for (;;) {
		const { rowCount } = await client.query(`SELECT pg_catalog.pg_terminate_backend(pid) ${busy}`);
		if (rowCount === 0) return;
		await pause(20);
	}
}

async function tooLong(): Promise<{ error: Error }> {
	return await new Promise((resolve) => {
		setTimeout(() => resolve({ error: new Error('the server did not answer in time') }), CLEAN_UP_PATIENCE).unref();
	});
}
