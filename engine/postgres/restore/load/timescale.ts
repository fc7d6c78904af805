/**
 * TimescaleDB keeps its own tables for its hypertables, and fills them itself when tables and indexes are made. A dump holds both, so
 * a restore has to tell it first that one is under way, and afterwards that it is over.
 * https://docs.tigerdata.com/api/latest/administration/#timescaledb_pre_restore
 */
import type { Client } from 'pg';

import { quoteIdentifier } from '../../quoting';

/** Whether a dump makes the extension. */
export function bringsTimescale(extensions: readonly string[]): boolean {
	return extensions.includes('timescaledb');
}

/**
 * Tells all sessions that a restore is under way, once the extension is there. A database that nobody else uses is told as such as well,
 * which keeps its background workers off. One that is in use is not: that would hold for the sessions of applications, and stay
 * where a restore is killed.
 * @throws the server's error
 */
export async function beginTimescaleRestore(clients: Client[], { isInUse }: { isInUse: boolean }): Promise<void> {
	const [first] = clients as [Client];
	const schema = await schemaOf(first);
	if (schema === undefined) return;
	if (!isInUse) await first.query(`SELECT ${schema}.timescaledb_pre_restore()`);
	for (const client of clients) await client.query("SET timescaledb.restoring = 'on'");
}

/** Tells it that the restore is over: its background workers start again. @throws the server's error */
export async function endTimescaleRestore(client: Client): Promise<void> {
	const schema = await schemaOf(client);
	if (schema !== undefined) await client.query(`SELECT ${schema}.timescaledb_post_restore()`);
}

/** Undefined where the extension is not there: where errors are collected, a restore goes on without it. */
async function schemaOf(client: Client): Promise<string | undefined> {
	const { rows } = await client.query<{ schema: string }>(
		`SELECT nspname::text AS schema FROM pg_catalog.pg_extension JOIN pg_catalog.pg_namespace n ON n.oid = extnamespace
			WHERE extname = 'timescaledb'`,
	);
	return rows[0] && quoteIdentifier(rows[0].schema);
}
