import type { Client } from 'pg';

import { BackupError } from '../../../errors';
import { findRelations, holdingRows, namesOf, PartitionedTables, type TargetRelation } from '../../relations';
import { withSavepoint } from '../../runOne';
import type { FilledTables, RestoreSelection, SourceFacts } from '../source';

import { checkForeignTables, dependencyError, lockTables, NEEDED } from './clearing';
import { checkReplication } from './replication';
import { readPositions, restorePositions } from './sequencePositions';

interface Chosen {
	facts: SourceFacts;
	selection: RestoreSelection;
	/** The chosen tables whose rows the backup holds. */
	filled: FilledTables;
}

/** @throws BackupError INVALID_INPUT where something would be lost that the backup does not have. */
async function checkLosses(client: Client, { facts, filled }: Chosen, relations: TargetRelation[]): Promise<void> {
	const partitioned = await PartitionedTables.of(client);
	const dropped = new Set(relations.map(({ oid }) => oid));
	const roots = relations.filter(({ kind }) => kind === 'p');
	const newer = roots.flatMap((root) => partitioned.below(root)).filter(({ oid }) => !dropped.has(oid));
	if (newer.length > 0) {
		throw new BackupError(
			'INVALID_INPUT',
			`Dropping what is chosen would drop partitions that the backup does not have: ${namesOf(newer)}; nothing was changed.`,
			{
				hint: 'Choose the partitions to restore one by one, or detach these first (ALTER TABLE ... DETACH PARTITION).',
			},
		);
	}
	const held = new Set(
		roots.filter(({ key }) => filled.has(key)).flatMap((root) => partitioned.leaves(root).map(({ oid }) => oid)),
	);
	const unfilled = relations.filter(({ oid, key, kind }) => kind === 'r' && !filled.has(key) && !held.has(oid));
	const lost = await holdingRows(client, unfilled);
	if (lost.length > 0) {
		throw new BackupError(
			'INVALID_INPUT',
			`${facts.name} holds no rows of ${namesOf(lost)}, and dropping would lose those that are there; nothing was changed.`,
			{
				hint: 'It was made without them (Schema Only, or Exclude Data of Tables). Choose another backup or other tables, or empty these yourself first.',
			},
		);
	}
}

/** Rows without a definition cannot be dropped and made anew. @throws BackupError INVALID_INPUT */
async function checkDefined(client: Client, { facts, filled }: Chosen): Promise<void> {
	const undefinedHere = await findRelations(
		client,
		[...filled.keys()].filter((key) => !facts.relations.has(key)),
	);
	const tables = undefinedHere.filter(({ extension }) => extension === undefined);
	if (tables.length === 0) return;
	throw new BackupError(
		'INVALID_INPUT',
		`${facts.name} holds rows of ${namesOf(tables)} and no definition, so it could not be made anew; nothing was changed.`,
		{ hint: 'Choose Empty the Tables instead, which restores rows alone.' },
	);
}

/** The relations that were dropped, and the positions of their sequences. */
export interface Dropped {
	relations: TargetRelation[];
	positions: Awaited<ReturnType<typeof readPositions>>;
}

/**
 * Drops the chosen tables, views and sequences of a database, each as what it is and without CASCADE, so that nothing
 * outside of the choice goes with them. Belongs into a transaction: what fails must take back all of it.
 * @throws BackupError TARGET_FAILED naming what else depends on one of them; INVALID_INPUT naming what would be lost.
 */
export async function dropTables(client: Client, chosen: Chosen): Promise<Dropped> {
	const { facts, selection, filled } = chosen;
	const filter = facts.filter(selection);
	await checkDefined(client, chosen);
	const wanted = [...facts.relations].filter((key) => filter.wantsTable(key));
	const relations = (await findRelations(client, wanted)).filter(({ extension }) => extension === undefined);
	checkForeignTables(
		facts,
		relations.filter(({ key }) => filled.has(key)),
	);
	try {
		await lockTables(client, relations);
		await checkLosses(client, chosen, relations);
		await checkReplication(client, relations);
		const positions = await readPositions(client, relations);
		await dropAll(client, relations);
		return { relations, positions };
	} catch (error) {
		throw dependencyError('drop', error);
	}
}

async function dropAll(client: Client, relations: TargetRelation[]): Promise<void> {
	const drop = async (what: string, kinds: string) => {
		const names = relations.filter(({ kind }) => kinds.includes(kind)).map(({ name }) => name);
		if (names.length > 0) await client.query(`DROP ${what} ${names.join(', ')}`);
	};
	await dropViews(
		client,
		relations.filter(({ kind }) => 'vm'.includes(kind)),
	);
	await drop('FOREIGN TABLE', 'f');
	await drop('TABLE', 'rp');
	// Sequences that a table owned were dropped with it.
	await drop('SEQUENCE IF EXISTS', 'S');
}

/**
 * Views depend on views, so in each round those are dropped that nothing depends on any more. The youngest come first, so one
 * round is mostly enough.
 */
async function dropViews(client: Client, views: TargetRelation[]): Promise<void> {
	for (let left = [...views].reverse(); left.length > 0;) {
		const needed: Array<{ view: TargetRelation; error: unknown }> = [];
		for (const view of left) {
			const error = await dropUnneeded(client, view);
			if (error !== undefined) needed.push({ view, error });
		}
		if (needed.length === left.length) throw needed[0]?.error;
		left = needed.map(({ view }) => view);
	}
}

/** Drops a view. Answers the server's error where something still needs it; that may be another view, to be dropped before. */
async function dropUnneeded(client: Client, { name, kind }: TargetRelation): Promise<unknown> {
	try {
		const drop = `DROP ${kind === 'm' ? 'MATERIALIZED VIEW' : 'VIEW'} ${name}`;
		await withSavepoint(client, () => client.query(drop));
		return undefined;
	} catch (error) {
		if ((error as { code?: string }).code !== NEEDED) throw error;
		return error;
	}
}

/**
 * To be called before the commit: makes sure that everything dropped is there again, and sets its sequences where they stood.
 * @throws BackupError TARGET_FAILED where something dropped was not made anew.
 */
export async function checkMadeAnew(client: Client, { relations, positions }: Dropped): Promise<void> {
	const keys = relations.map(({ key }) => key);
	const found = new Set((await findRelations(client, keys)).map(({ key }) => key));
	const gone = relations.filter(({ key }) => !found.has(key));
	if (gone.length > 0) {
		throw new BackupError('TARGET_FAILED', `The backup did not make ${namesOf(gone)} anew; nothing was changed.`, {
			hint: 'Choose other tables, or restore into a new database.',
		});
	}
	await restorePositions(client, positions);
}
