import { BackupError, cancelled } from '../../errors';
import { translateError } from '../connection';

import { shortTables } from './checks';
import { Maintenance } from './databases';
import { load } from './load';
import type { RestoreDatabaseOptions } from './options';
import { checkChoice, checkRequest, checkRequirements, checkTargetDatabase, partialWarnings } from './preconditions';
import type { RestoreReport } from './report';
import type { SourceFacts } from './source';
import { type Outcome, restoreAndSwap, restoreAsNew } from './staging';

async function restoreInto(
	options: RestoreDatabaseOptions,
	maintenance: Maintenance,
	facts: SourceFacts,
): Promise<Outcome> {
	const { type, database } = options.target;
	if (type === 'newDatabase') return await restoreAsNew(options, maintenance, facts);
	if (type !== 'existing') return await restoreAndSwap(options, maintenance, facts);
	options.log?.(`loading into "${database}"`);
	const loaded = await load(options, database, facts);
	const warnings = [...loaded.warnings, ...shortTables(loaded.tables)];
	return { ...loaded, warnings, database, previousDatabase: undefined };
}

/**
 * Restores a dump, in four stages. The request, the server and the database are checked. The source is inspected: its
 * definitions are read and checked, and, for a database that exists, its rows as well. What the definitions need is checked on
 * the server (see ./preconditions). Then the target is filled: a staging database (./staging), whose rows are checked while they
 * are loaded and which gets its name at the end, or the database as it stands (./load, ./existing).
 * @throws BackupError NOT_CONFIRMED, UNSUPPORTED_VERSION, TARGET_EXISTS, TARGET_UNREACHABLE, TARGET_FAILED, ACCESS_DENIED,
 * INVALID_INPUT, those of the source, CANCELLED. New databases that were not completed are dropped again.
 */
export async function restoreDatabase(options: RestoreDatabaseOptions): Promise<RestoreReport> {
	const startedAt = Date.now();
	const { connection, target, signal, log } = options;
	checkRequest(options);
	await checkTargetDatabase(connection, target, signal);
	log?.('reading the dump');
	const facts = await options.source.inspect({
		selection: options.selection,
		check: target.type === 'existing' ? 'first' : 'whileLoading',
		signal,
	});
	checkChoice(facts, options);
	// To be created, renamed or dropped, a database must not be logged in to.
	const maintenance = await Maintenance.open(
		connection,
		target.type === 'existing' ? undefined : target.database,
		signal,
	);
	try {
		await checkRequirements(maintenance.client, facts, options);
		// The database of the credential may be the one that is missing or about to be renamed.
		const outcome = await restoreInto({ ...options, connection: maintenance.connection }, maintenance, facts);
		return {
			...outcome,
			warnings: [...new Set([...(facts.remarks ?? []), ...partialWarnings(facts, options), ...outcome.warnings])],
			rows: outcome.tables.reduce((sum, { rows }) => sum + rows, 0),
			duration: Date.now() - startedAt,
		};
	} catch (error) {
		if (signal?.aborted && !(error instanceof BackupError && error.code === 'CANCELLED')) throw cancelled();
		throw translateError(error, 'target', `Could not restore ${facts.name}`);
	} finally {
		await maintenance.close();
	}
}
