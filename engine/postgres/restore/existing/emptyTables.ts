import type { Client } from 'pg';

import { BackupError } from '../../../errors';
import { findRelations, holdingRows, namesOf, PartitionedTables, type TargetRelation } from '../../relations';
import type { FilledTables, RestoreSelection, SourceFacts } from '../source';

import { checkForeignTables, dependencyError, lockTables } from './clearing';
import { checkColumns } from './columns';

interface Chosen {
	facts: SourceFacts;
	selection: RestoreSelection;
	/** The tables that are to be filled again. */
	filled: FilledTables;
}

/** The plan of what is emptied. */
export interface Emptying {
	tables: TargetRelation[];
	/** Partitioned tables of which every partition is among them: naming them too satisfies their foreign keys. */
	wholes: TargetRelation[];
	warnings: string[];
}

/** The tables chosen by name that the database has and that the backup has no rows of, as they were written. */
async function chosenInVain(client: Client, { facts, selection, filled }: Chosen): Promise<string[]> {
	const vain: string[] = [];
	for (const table of selection.tables ?? []) {
		const filter = facts.filter({ tables: [table] });
		const wanted = (keys: Iterable<string>) => [...keys].filter((key) => filter.wantsTable(key));
		if (wanted(filled.keys()).length > 0) continue;
		const found = await findRelations(client, wanted(facts.relations));
		if (found.some(({ kind }) => 'rp'.includes(kind))) vain.push(table);
	}
	return vain;
}

/** @throws BackupError INVALID_INPUT where the backup holds no rows of a table chosen by name, or of anything chosen. */
async function checkFilled(client: Client, chosen: Chosen): Promise<void> {
	const vain = await chosenInVain(client, chosen);
	if (vain.length === 0 && chosen.filled.size > 0) return;
	const what = vain.length > 0 ? vain.join(', ') : 'what is chosen';
	throw new BackupError('INVALID_INPUT', `${chosen.facts.name} holds no rows of ${what}; nothing was changed.`, {
		hint: 'It was made without them (Schema Only, or Exclude Data of Tables). Choose another backup, or other tables.',
	});
}

/** The partitions below a table whose rows the backup has as the table's own. @throws BackupError INVALID_INPUT */
async function partitionsOf(
	client: Client,
	{ facts, filled }: Chosen,
	table: TargetRelation,
	partitioned: PartitionedTables,
) {
	const leaves = partitioned.leaves(table);
	checkForeignTables(facts, leaves);
	const listed = leaves.some(({ key }) => filled.has(key)) ? filled : facts.relations;
	const others = facts.relations.has(table.key) ? leaves.filter(({ key }) => !listed.has(key)) : [];
	const holding = await holdingRows(client, others);
	if (holding.length === 0) return leaves;
	throw new BackupError(
		'INVALID_INPUT',
		`${namesOf([table])} has partitions with rows that the backup does not have: ${namesOf(holding)}; nothing was changed.`,
		{ hint: 'The backup holds the rows of all its partitions in one. Restore it into a new database.' },
	);
}

/** Tables with rows that are chosen but stay as they are, because the backup has none of them. */
async function leftAlone(
	client: Client,
	{ facts, selection }: Chosen,
	partitioned: PartitionedTables,
	emptied: Set<number>,
) {
	const filter = facts.filter(selection);
	const defined = await findRelations(
		client,
		[...facts.relations].filter((key) => filter.wantsTable(key)),
	);
	const chosen = defined.flatMap((table) => (table.kind === 'p' ? partitioned.leaves(table) : [table]));
	const tables = new Map(chosen.map((table) => [table.oid, table]));
	const others = [...tables.values()].filter(
		({ oid, kind, extension }) => kind === 'r' && extension === undefined && !emptied.has(oid),
	);
	return await holdingRows(client, others);
}

/**
 * Plans what is to be emptied: the tables whose rows the backup holds, each without those that inherit from it, and of a
 * partitioned table its partitions.
 * @param tables those that are to be filled, as the target has them
 * @throws BackupError INVALID_INPUT, TARGET_FAILED, where rows would be lost or could not be loaded.
 */
export async function planEmptying(client: Client, chosen: Chosen, tables: TargetRelation[]): Promise<Emptying> {
	await checkFilled(client, chosen);
	await checkColumns(client, tables, chosen.filled);
	checkForeignTables(chosen.facts, tables);
	const partitioned = await PartitionedTables.of(client);
	const emptied = new Map<number, TargetRelation>();
	for (const table of tables) {
		if (table.extension !== undefined) continue;
		const own = table.kind === 'p' ? await partitionsOf(client, chosen, table, partitioned) : [table];
		for (const leaf of own) emptied.set(leaf.oid, leaf);
	}
	const wholes = partitioned.roots.filter((root) => {
		const leaves = partitioned.leaves(root);
		return leaves.length > 0 && leaves.every(({ oid }) => emptied.has(oid));
	});
	const alone = await leftAlone(client, chosen, partitioned, new Set(emptied.keys()));
	const warning = `The backup holds no rows of ${namesOf(alone)}: what they hold was left as it is.`;
	return { tables: [...emptied.values()], wholes, warnings: alone.length > 0 ? [warning] : [] };
}

/** Makes sure that the user may fill the tables, before they are emptied. @throws BackupError ACCESS_DENIED */
export async function checkFillable(client: Client, tables: TargetRelation[]): Promise<void> {
	const { rows } = await client.query<{ oid: number; hides: boolean }>(
		`SELECT oid, pg_catalog.row_security_active(oid) AS hides FROM pg_catalog.pg_class WHERE oid = ANY ($1::oid[])
			AND (pg_catalog.row_security_active(oid) OR NOT pg_catalog.has_any_column_privilege(oid, 'INSERT'))`,
		[tables.map(({ oid }) => oid)],
	);
	const [refused] = rows;
	if (!refused) return;
	const closed = tables.filter(({ oid }) => rows.some((row) => row.oid === oid && row.hides === refused.hides));
	throw new BackupError(
		'ACCESS_DENIED',
		`The user may not add rows to ${namesOf(closed)}${refused.hides ? ', which has policies that hold for the user' : ''}; nothing was changed.`,
		{
			hint: refused.hides
				? 'COPY goes past no row-level security. Use a superuser or a role with BYPASSRLS; FORCE ROW LEVEL SECURITY holds for the table’s owner as well.'
				: 'Use a credential of the owner of the tables, or grant the user INSERT and TRUNCATE on them.',
		},
	);
}

/** As lockTables. @throws BackupError: see dependencyError. */
export async function lockForEmptying(client: Client, tables: TargetRelation[]): Promise<void> {
	await lockTables(client, tables).catch((error: unknown) => {
		throw dependencyError('empty', error);
	});
}

/**
 * Empties tables, all in one statement. Belongs into the transaction that fills them again.
 * @throws BackupError TARGET_FAILED where a table outside of the choice refers to one of them.
 */
export async function emptyTables(client: Client, { tables, wholes }: Emptying): Promise<void> {
	const names = [...tables.map(({ name }) => `ONLY ${name}`), ...wholes.map(({ name }) => name)];
	if (names.length === 0) return;
	await client.query(`TRUNCATE TABLE ${names.join(', ')}`).catch((error: unknown) => {
		throw dependencyError('empty', error);
	});
}
