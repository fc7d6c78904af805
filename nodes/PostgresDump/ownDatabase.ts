/** Keeps a restore from replacing the database that the n8n which runs it keeps its data in. */
import type { IExecuteFunctions } from 'n8n-workflow';

import { BackupError, type PostgresConnection, queryDatabase, type RestoreTarget } from '../../engine';

/**
 * Refuses a restore over the database of this n8n itself, unless it was asked for. Told by what n8n writes when it begins to
 * run a workflow: the execution that this node runs in stands in the target, as a running one. Where nobody can read that,
 * nobody is refused: n8n's environment names its database, but not as the node's credential would.
 * @throws BackupError NOT_CONFIRMED
 */
export async function checkOwnDatabase(
	context: IExecuteFunctions,
	connection: PostgresConnection,
	{ type, database }: RestoreTarget,
	isAllowed: boolean,
): Promise<void> {
	if (type === 'newDatabase' || isAllowed || !(await holdsExecution(context, connection, database))) return;
	throw new BackupError(
		'NOT_CONFIRMED',
		`"${database}" is the database in which this n8n keeps its workflows, credentials and executions; nothing was changed.`,
		{
			hint: 'Restore into a new database, stop n8n, and let it start with that one. If you mean to replace it while n8n runs, switch on Over n8n’s Own Database.',
		},
	);
}

/** n8n's table of executions; DB_TABLE_PREFIX and DB_POSTGRESDB_SCHEMA may put anything before its name. */
const EXECUTION_TABLES = String.raw`SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name FROM pg_catalog.pg_class c
	JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relname LIKE '%execution\_entity' AND c.relkind = 'r'
		AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT')`;

async function holdsExecution(
	context: IExecuteFunctions,
	connection: PostgresConnection,
	database: string,
): Promise<boolean> {
	const execution = context.getExecutionId();
	const workflow = context.getWorkflow().id;
	const ask = async (sql: string, values: unknown[] = []) =>
		await queryDatabase(connection, database, sql, values, context.getExecutionCancelSignal());
	// A run that was stopped ends with the restore. That says better what is wrong with the server or the name.
	const tables = await ask(EXECUTION_TABLES).catch(() => []);
	for (const { name } of tables) {
		const sql = `SELECT FROM ${String(name)} WHERE id::text = $1 AND "workflowId"::text = $2 AND "stoppedAt" IS NULL AND status IN ('new', 'running')`;
		// A table of another shape is not n8n's; the next one may be.
		if ((await ask(sql, [execution, workflow]).catch(() => [])).length > 0) return true;
	}
	return false;
}
