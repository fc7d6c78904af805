import { randomBytes } from 'node:crypto';

import { timestamp } from '../../archive';
import { BackupError, messageOf, throwIfCancelled } from '../../errors';
import { withClient } from '../connection';
import { type DatabaseProperties, databaseProperties } from '../dump/databaseProperties';

import type { ApplyResult } from './apply';
import { compareRows } from './apply';
import { createDatabase, databaseExists, dropDatabase, renameDatabase, suffixedName } from './databases';
import { load } from './load';
import type { Maintenance } from './maintenance';
import { applyOwner, applyProperties } from './properties';
import type { RestoredTable } from './report';
import type { RestoreDatabaseOptions } from './restoreDatabase';
import type { RestoreSelection } from './selection';
import type { SourceFacts } from './source';

/** How a restore ended. */
export interface Outcome {
	result: ApplyResult;
	tables: RestoredTable[];
	database: string;
	previousDatabase: string | undefined;
}

function hasSelection({ schemas = [], tables = [], dataOnly }: RestoreSelection): boolean {
	return schemas.length > 0 || tables.length > 0 || dataOnly === true;
}

/** What was loaded, against what the source promised; a selection is promised nothing. */
export function loadedTables(
	{ selection = {} }: RestoreDatabaseOptions,
	facts: SourceFacts,
	{ rows }: ApplyResult,
): RestoredTable[] {
	return compareRows(rows, hasSelection(selection) ? undefined : facts.expectedRows);
}

function missingRows(tables: RestoredTable[]): string[] {
	return tables
		.filter(({ rows, expected }) => expected !== undefined && rows !== expected)
		.map(({ schema, name, rows, expected }) => `${schema}.${name}: ${rows} of ${expected} rows`);
}

async function fill(
	options: RestoreDatabaseOptions,
	maintenance: Maintenance,
	database: string,
	facts: SourceFacts,
	properties?: DatabaseProperties,
) {
	const result = await load(options, database, facts);
	const tables = loadedTables(options, facts, result);
	const short = missingRows(tables);
	if (short.length > 0 && !options.collectErrors) {
		throw new BackupError(
			'TARGET_FAILED',
			`The restored database does not hold what the backup promised: ${short.slice(0, 5).join(', ')}.`,
			{
				hint: 'Something in the target takes rows away (a rule, a trigger, an extension). Nothing was changed.',
			},
		);
	}
	result.warnings.push(...short);
	if (properties)
		result.warnings.push(
			...(await applyProperties(maintenance.client, database, properties, options.privileges ?? true)),
		);
	return { result, tables };
}

/**
 * Restores into a database under a name that says it is unfinished, and has `finish` give it its own. Whatever fails,
 * it is dropped again, so that nobody ever takes it for whole.
 */
async function restoreBeside(
	options: RestoreDatabaseOptions,
	maintenance: Maintenance,
	facts: SourceFacts,
	properties: DatabaseProperties | undefined,
	finish: (unfinished: string, result: ApplyResult) => Promise<{ database: string; previousDatabase?: string }>,
): Promise<Outcome> {
	const { client, version } = maintenance;
	const unfinished = suffixedName(
		options.target.database,
		`_restoring_${timestamp(new Date())}_${randomBytes(3).toString('hex')}`,
	);
	try {
		await createDatabase(client, unfinished, options.target.database, version, properties);
		const { result, tables } = await fill(options, maintenance, unfinished, facts, properties);
		throwIfCancelled(options.signal);
		maintenance.pastCancelling();
		const { database, previousDatabase } = await finish(unfinished, result);
		if (properties) {
			const warnings = await applyOwner(client, database, properties, options.owner ?? { type: 'asDumped' }).catch(
				(error: unknown) => [`The database is restored, but its owner could not be set: ${messageOf(error)}`],
			);
			result.warnings.push(...warnings);
		}
		return { result, tables, database, previousDatabase };
	} catch (error) {
		throw await maintenance.dropUnfinished(unfinished, error);
	}
}

/** @throws BackupError TARGET_EXISTS, and as restoreDatabase does. */
export async function restoreAsNew(
	options: RestoreDatabaseOptions,
	maintenance: Maintenance,
	facts: SourceFacts,
): Promise<Outcome> {
	const { database } = options.target;
	const taken = () =>
		new BackupError('TARGET_EXISTS', `The database "${database}" exists already; nothing was changed.`, {
			hint: 'Choose another name, or restore with Safe Swap, which replaces the database once the restore is complete.',
		});
	if (await databaseExists(maintenance.client, database)) throw taken();
	return await restoreBeside(options, maintenance, facts, facts.properties, async (unfinished) => {
		if (await databaseExists(maintenance.client, database)) throw taken();
		await renameDatabase(maintenance.client, unfinished, database);
		return { database };
	});
}

/** A dump of others says nothing of its database: the new one is made like the one that it replaces. */
async function propertiesOf(
	{ connection, target, signal }: RestoreDatabaseOptions,
	version: number,
): Promise<DatabaseProperties> {
	return await withClient(
		connection,
		'target',
		{ database: target.database, signal },
		async (client) => await databaseProperties(client, version),
	);
}

/** Puts the restored database in the place of the existing one; if the second rename fails, the first is taken back. */
async function swap({ client }: Maintenance, database: string, restored: string, kept: string): Promise<void> {
	await renameDatabase(client, database, kept);
	try {
		await renameDatabase(client, restored, database);
	} catch (error) {
		await renameDatabase(client, kept, database);
		throw error;
	}
}

/** @throws BackupError INVALID_INPUT where there is nothing to be replaced, and as restoreDatabase does. */
export async function restoreAndSwap(
	options: RestoreDatabaseOptions,
	maintenance: Maintenance,
	facts: SourceFacts,
): Promise<Outcome> {
	const { database, type } = options.target;
	const { client, version } = maintenance;
	if (!(await databaseExists(client, database))) {
		throw new BackupError('INVALID_INPUT', `There is no database "${database}" to be replaced; nothing was changed.`, {
			hint: 'Restore into a new database instead.',
		});
	}
	const properties = facts.properties ?? (await propertiesOf(options, version));
	const kept = suffixedName(database, `_before_${timestamp(new Date())}`);
	const outcome = await restoreBeside(
		options,
		maintenance,
		facts,
		properties,
		async (unfinished, { failures, warnings }) => {
			if (failures.length > 0) {
				warnings.push(
					`${failures.length} objects failed, so "${database}" was left as it was; what could be restored is in "${unfinished}".`,
				);
				return { database: unfinished };
			}
			await swap(maintenance, database, unfinished, kept);
			return { database, previousDatabase: kept };
		},
	);
	if (type === 'safeSwap' || !outcome.previousDatabase) return outcome;
	try {
		await dropDatabase(client, kept, version);
		return { ...outcome, previousDatabase: undefined };
	} catch (error) {
		outcome.result.warnings.push(
			`The database is replaced, but the one before could not be dropped; it is kept as "${kept}": ${messageOf(error)}`,
		);
		return outcome;
	}
}
