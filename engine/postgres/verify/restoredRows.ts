import type { Client } from 'pg';

import type { RowConsumer } from '../copyOut';
import { sessionSettings } from '../dump/snapshotSession';
import { quoteIdentifier } from '../quoting';
import { RawSocket } from '../rawSocket';
import type { TargetRelation } from '../relations';
import { RowDigest } from './digest';

/** Settings of the session that a backup was read in, which decide how values are written. */
export type SourceSession = Readonly<Record<string, string>>;

/** Digests rows as COPY TO STDOUT sends them: one message for each row, which ends with a line feed. */
class DigestingConsumer implements RowConsumer {
	#left = 0;

	constructor(readonly digest: RowDigest) {}

	begin(length: number): undefined {
		this.#left = length;
	}

	bytes(chunk: Buffer, start: number, end: number): undefined {
		this.#left -= end - start;
		// The last byte is the line feed.
		this.digest.add(chunk, start, this.#left === 0 ? end - 1 : end);
		if (this.#left === 0) this.digest.endRow();
	}
}

/**
 * Sets a session up to read rows as a backup reads them, so that they look the same. It may also create temporary tables, whatever
 * the database's settings are.
 */
export async function prepareReading(client: Client, session: SourceSession): Promise<void> {
	const { rows } = await client.query<{ version: number; text: string; encoding: string }>(
		`SELECT pg_catalog.current_setting('server_version_num')::int AS version, pg_catalog.current_setting('server_version') AS text,
			pg_catalog.current_setting('server_encoding') AS encoding`,
	);
	const { version, text, encoding } = rows[0] as (typeof rows)[number];
	const settings = sessionSettings({ version, versionText: text, encoding }, { rowSecurity: false, role: undefined });
	for (const sql of ['SET default_transaction_read_only = off', ...settings]) await client.query(sql);
	for (const [name, value] of Object.entries(session)) {
		// This server may lack the locale or the time zone. Values then look different, and are compared by value: see shadows.ts.
		await client.query('SELECT pg_catalog.set_config($1, $2, false)', [name, value]).catch(throwUnlessServers);
	}
}

function throwUnlessServers(error: unknown): void {
	if ((error as { severity?: string }).severity !== 'ERROR') throw error;
}

/** A query for the rows of a table itself, without those of tables that inherit from it and of its partitions. */
export function rowsOf(table: TargetRelation, columns: readonly string[] | undefined, filter = ''): string {
	const list = columns?.map(quoteIdentifier).join(', ') ?? '*';
	return `SELECT ${list} FROM ONLY ${table.name} ${filter}`.trim();
}

/** The rows of a restored database that are compared with one table of the source. */
export interface RestoredRows {
	relation: TargetRelation;
	/** The tables that hold the rows: the relation itself, or its partitions. */
	holders: TargetRelation[];
	/** A WHERE clause for the rows that the source has; undefined for all of them. */
	filter: string | undefined;
}

/**
 * Digests rows by these columns; by default, by all columns.
 * @throws the server's errors, and those of the connection
 */
export async function digestRows(
	client: Client,
	{ holders, filter }: RestoredRows,
	columns: readonly string[] | undefined,
): Promise<RowDigest> {
	const digest = new RowDigest();
	for (const holder of holders) await digestQuery(client, rowsOf(holder, columns, filter), digest);
	return digest;
}

/**
 * Adds the rows of a query to a digest.
 * @throws the server's errors, and those of the connection
 */
export async function digestQuery(client: Client, query: string, digest = new RowDigest()): Promise<RowDigest> {
	const consumer = new DigestingConsumer(digest);
	const socket = new RawSocket(client);
	try {
		await socket.copyOut(Buffer.from(`COPY (${query}) TO STDOUT`), consumer);
	} finally {
		socket.release();
	}
	return consumer.digest;
}
