import type { Client } from 'pg';

import { throwIfCancelled } from '../../errors';
import { quoteIdentifier } from '../quoting';
import { copyIn, type RestoreSource } from '../restore';
import { readDataCopy } from '../statements/dataCopy';
import { digestQuery, digestRows, type RestoredRows, rowsOf } from './restoredRows';
import { copiedTable } from './tappedSource';

/** A table whose rows are as many as in the source, but do not look the same. */
export interface UnlikeTable extends RestoredRows {
	columns: string[] | undefined;
}

const OPTIONS = /\sFROM\s+stdin(\s+WITH\s[^]*?)?\s*;?\s*$/i;

/**
 * Compares tables by value rather than by text. The same value is written in several ways, by the time zone and the locale of the
 * source's session, which older backups do not record, and by servers of other versions. So the source's rows are loaded once more,
 * into a temporary table without triggers, rules and constraints, and both tables are read in this session: equal values look the
 * same then. This reads the frames of these tables from the archive again.
 * @returns the tables whose rows differ from the source's
 */
export async function unlikeByValue(
	client: Client,
	source: RestoreSource,
	tables: UnlikeTable[],
	signal?: AbortSignal,
): Promise<UnlikeTable[]> {
	if (tables.length === 0) return [];
	const shadows = new Map<string, string>();
	for (const [index, { relation, columns }] of tables.entries()) {
		const name = `stack_backup_verify_${index}`;
		await client.query(`CREATE TEMPORARY TABLE ${name} AS ${rowsOf(relation, columns)} WITH NO DATA`);
		shadows.set(relation.key, `pg_temp.${name}`);
	}
	await fill(client, source, shadows, signal);
	const unlike: UnlikeTable[] = [];
	for (const table of tables) {
		const shadow = shadows.get(table.relation.key) as string;
		const columns = table.columns?.map(quoteIdentifier).join(', ') ?? '*';
		const loaded = await digestQuery(client, `SELECT ${columns} FROM ${shadow}`);
		const restored = await digestRows(client, table, table.columns);
		if (!loaded.equals(restored)) unlike.push(table);
		await client.query(`DROP TABLE ${shadow}`);
	}
	return unlike;
}

async function fill(
	client: Client,
	source: RestoreSource,
	shadows: ReadonlyMap<string, string>,
	signal?: AbortSignal,
): Promise<void> {
	const tables = [...shadows.keys()].map((key) => key.split('\0').map(quoteIdentifier).join('.'));
	for await (const step of source.steps({ tables, dataOnly: true }, signal)) {
		throwIfCancelled(signal);
		if (step.type !== 'copy') continue;
		const shadow = shadows.get(copiedTable(step.statement) ?? step.table ?? '');
		// The source itself skips rows that come as a stream and are not read.
		if (shadow === undefined) continue;
		const columns = readDataCopy(step.statement)?.columns?.map(quoteIdentifier).join(', ');
		const options = OPTIONS.exec(step.statement)?.[1] ?? '';
		const statement = `COPY ${shadow}${columns === undefined ? '' : ` (${columns})`} FROM STDIN${options}`;
		await copyIn(client, { ...step, statement });
	}
}
