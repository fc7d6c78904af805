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

/** Tells the database and all sessions that a restore is under way. The extension is there already. @throws the server's error */
export async function beginTimescaleRestore(clients: Client[]): Promise<void> {
	const [first, ...others] = clients as [Client, ...Client[]];
	await first.query(`SELECT ${await schemaOf(first)}.timescaledb_pre_restore()`);
	// The setting of the database is for sessions to come.
	for (const client of others) await client.query("SET timescaledb.restoring = 'on'");
}

/** Tells it that the restore is over: its background workers start again. @throws the server's error */
export async function endTimescaleRestore(client: Client): Promise<void> {
	await client.query(`SELECT ${await schemaOf(client)}.timescaledb_post_restore()`);
}

async function schemaOf(client: Client): Promise<string> {
	const { rows } = await client.query<{ schema: string }>(
		`SELECT nspname::text AS schema FROM pg_catalog.pg_extension JOIN pg_catalog.pg_namespace n ON n.oid = extnamespace
			WHERE extname = 'timescaledb'`,
	);
	return quoteIdentifier((rows[0] as { schema: string }).schema);
}
