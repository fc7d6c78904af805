/** What a restore into a database would meet and replace: asked by the very checks of the restore, and changed in nothing. */
import type { Client } from 'pg';

import { RestoreCheck } from '../../archive';
import type { BackupError } from '../../errors';
import { type PostgresConnection, withClient } from '../connection';
import { databaseExists, keptCopies, Maintenance } from './databases';
import type { RestoreRequest } from './options';
import { checkChoice, checkRequest, checkRequirements, checkTargetDatabase, partialWarnings } from './preconditions';
import type { RestoreSource } from './source';

/** The database that a restore goes into, as it is now. */
export interface TargetDatabase {
	exists: boolean;
	/** On the disk; undefined where there is none, or the user may not know. */
	bytes?: number;
	tables?: number;
	/** As the server estimates them. */
	rows?: number;
	/** Connections of others, which a swap ends. */
	sessions?: number;
	/** What earlier safe swaps have kept, newest first. */
	copies: string[];
}

export interface DatabaseRestorePlan {
	/** Undefined where the server could not be asked. */
	target: TargetDatabase | undefined;
	/** Why the restore would be refused, or could not succeed. */
	problems: BackupError[];
	warnings: string[];
}

export interface PlanDatabaseOptions extends RestoreRequest {
	/** Opens what is to be restored, and proves what can be proved in seconds. */
	open: () => Promise<RestoreSource>;
}

/** @throws BackupError CANCELLED; whatever else a restore would end with is among the problems */
export async function planDatabaseRestore({ open, ...options }: PlanDatabaseOptions): Promise<DatabaseRestorePlan> {
	const { connection, target, selection, signal } = options;
	const check = new RestoreCheck();
	const warnings: string[] = [];
	const source = await check.ask(open);
	await check.ask(() => checkRequest(options));
	await check.ask(async () => await checkTargetDatabase(connection, target, signal));
	const found = await check.ask(async () => await describeTarget(connection, target.database, signal));
	// Rows are compared with what the backup promises while they are loaded: to read them here would take as long as the restore.
	const facts =
		source && (await check.ask(async () => await source.inspect({ selection, check: 'whileLoading', signal })));
	if (facts) {
		await check.ask(() => checkChoice(facts, options));
		await check.ask(
			async () => await withMaintenance(connection, signal, (client) => checkRequirements(client, facts, options)),
		);
		warnings.push(...(facts.remarks ?? []), ...partialWarnings(facts, options));
	}
	return { target: found, problems: check.problems, warnings };
}

async function withMaintenance<T>(
	connection: PostgresConnection,
	signal: AbortSignal | undefined,
	use: (client: Client) => Promise<T>,
): Promise<T> {
	const maintenance = await Maintenance.open(connection, undefined, signal);
	try {
		return await use(maintenance.client);
	} finally {
		await maintenance.close();
	}
}

async function describeTarget(
	connection: PostgresConnection,
	database: string,
	signal: AbortSignal | undefined,
): Promise<TargetDatabase> {
	const known = await withMaintenance(connection, signal, async (client) => {
		const copies = await keptCopies(client, database);
		if (!(await databaseExists(client, database))) return { exists: false, copies };
		const { rows } = await client.query<{ bytes: string | null; sessions: number }>(
			`SELECT CASE WHEN pg_catalog.has_database_privilege(oid, 'CONNECT') THEN pg_catalog.pg_database_size(oid) END AS bytes,
				(SELECT count(*)::int FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid AND a.pid <> pg_catalog.pg_backend_pid()) AS sessions
				FROM pg_catalog.pg_database d WHERE datname = $1`,
			[database],
		);
		const { bytes = null, sessions = 0 } = rows[0] ?? {};
		return { exists: true, copies, sessions, ...(bytes !== null && { bytes: Number(bytes) }) };
	});
	if (!known.exists) return known;
	// A user who may replace a database need not be one who may log in to it.
	const inside = await withClient(connection, 'target', { database, signal }, countTables).catch(() => undefined);
	return { ...known, ...inside };
}

/** Tables and their rows as the server estimates them: to count would read all of them. */
async function countTables(client: Client): Promise<{ tables: number; rows: number }> {
	const { rows } = await client.query<{ tables: number; rows: string }>(
		`SELECT count(*)::int AS tables,
			coalesce(sum(greatest(c.reltuples, pg_catalog.pg_stat_get_live_tuples(c.oid))) FILTER (WHERE c.relkind = 'r'), 0)::bigint AS rows
			FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
			WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'`,
	);
	const { tables = 0, rows: estimate = '0' } = rows[0] ?? {};
	return { tables, rows: Math.max(0, Number(estimate)) };
}
