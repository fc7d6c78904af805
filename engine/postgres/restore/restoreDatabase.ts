import type { Client } from 'pg';

import { timestamp } from '../../archive';
import { BackupError, cancelled, messageOf } from '../../errors';
import { connect, disconnect, type PostgresConnection, translateError } from '../connection';
import { endSessions } from '../sessions';

import { applySteps, compareRows } from './apply';
import { applyProperties, createDatabase, databaseExists, dropDatabase, renameDatabase, suffixedName } from './databases';
import type { OwnerMapping } from './ownership';
import { checkTarget } from './preflight';
import type { RestoredTable, RestoreReport } from './report';
import type { RestoreSelection } from './selection';
import type { RestoreSource, SourceFacts } from './source';
import { emptyTables } from './emptyTables';

/** Where a restore goes. All but the first ask for `confirmation`: the name of the database once more. */
export type RestoreTarget =
	/** A database that does not exist yet. */
	| { type: 'newDatabase'; database: string }
	/** Beside the existing one, checked, then renamed into its place; the old one is kept under another name. */
	| { type: 'safeSwap'; database: string; confirmation: string }
	/** As safeSwap, and the old one is dropped at the very end. */
	| { type: 'replace'; database: string; confirmation: string }
	/** Into the database as it stands. */
	| { type: 'existing'; database: string; confirmation: string; before: 'nothing' | 'truncate' | 'drop' };

export interface RestoreDatabaseOptions {
	/** Server and user; its `database` is only where to log in for creating others. */
	connection: PostgresConnection;
	source: RestoreSource;
	target: RestoreTarget;
	selection?: RestoreSelection;
	owner?: OwnerMapping;
	privileges?: boolean;
	/** Report failed objects and go on, instead of stopping at the first. A swap needs a restore without failures. */
	collectErrors?: boolean;
	/** Connections that load at once; 2 unless told. */
	parallel?: number;
	signal?: AbortSignal;
	log?: (message: string) => void;
}

function checkConfirmation(target: RestoreTarget): void {
	if (target.type === 'newDatabase' || target.confirmation === target.database) return;
	throw new BackupError('NOT_CONFIRMED', `Restoring over the database "${target.database}" is not confirmed; nothing was changed.`, {
		hint: `Type ${target.database} into Confirm Database Name.`,
	});
}

/** Databases to log in to for creating and renaming others: never the one to be renamed. */
async function connectForMaintenance({ connection, target, signal }: RestoreDatabaseOptions): Promise<Client> {
	const candidates = [connection.database, 'postgres', 'template1'].filter((name) => target.type === 'existing' || name !== target.database);
	let failure: unknown;
	for (const database of candidates) {
		try {
			return await connect(connection, 'target', { database, signal });
		} catch (error) {
			if (signal?.aborted) throw error;
			failure ??= error;
		}
	}
	throw failure;
}

async function serverVersion(client: Client): Promise<number> {
	const { rows } = await client.query<{ version: number }>("SELECT pg_catalog.current_setting('server_version_num')::int AS version");
	return rows[0]?.version ?? 0;
}

/** Settings for the restoring sessions: a crash would mean to restore again anyway, so commits need not wait for the disk. */
const SESSION = ['SET synchronous_commit = off', 'SET statement_timeout = 0', 'SET lock_timeout = 0', 'SET idle_in_transaction_session_timeout = 0'];

/** Loads the source into a database that exists. */
async function load(options: RestoreDatabaseOptions, database: string, facts: SourceFacts) {
	const { connection, selection = {}, signal } = options;
	const clients: Client[] = [];
	const hangUp = () => {
		void endSessions(connection, clients.map(({ processID }) => processID));
		for (const client of clients) client.connection.stream.destroy(cancelled());
	};
	signal?.addEventListener('abort', hangUp, { once: true });
	try {
		const lanes = facts.ordered && !selection.dataOnly ? 1 : (options.parallel ?? 2);
		for (let lane = 0; lane < lanes; lane++) clients.push(await connect(connection, 'target', { database, signal }));
		for (const client of clients) for (const sql of SESSION) await client.query(sql);
		const warnings = selection.dataOnly || facts.ordered ? await switchTriggersOff(clients) : [];
		const { target } = options;
		if (target.type === 'existing' && target.before !== 'nothing') {
			await emptyTables(clients[0] as Client, facts, selection, target.before);
		}
		const result = await applySteps(options.source.steps(selection, signal), clients, {
			owner: options.owner ?? { type: 'asDumped' },
			privileges: options.privileges ?? true,
			collectErrors: options.collectErrors ?? false,
			signal,
		});
		return { result, warnings };
	} catch (error) {
		if (signal?.aborted) throw cancelled();
		throw translateError(error, 'target', `Could not restore into "${database}"`);
	} finally {
		signal?.removeEventListener('abort', hangUp);
		await Promise.all(clients.map(disconnect));
	}
}

/** Rows alone go into tables whose foreign keys and triggers are in force already: as pg_restore --disable-triggers. */
async function switchTriggersOff(clients: Client[]): Promise<string[]> {
	try {
		for (const client of clients) await client.query('SET session_replication_role = replica');
		return [];
	} catch {
		return ['The user may not switch triggers off (session_replication_role): foreign keys and triggers were in force while rows were loaded.'];
	}
}

function missingRows(tables: RestoredTable[]): string[] {
	return tables
		.filter(({ rows, expected }) => expected !== undefined && rows !== expected)
		.map(({ schema, name, rows, expected }) => `${schema}.${name}: ${rows} of ${expected} rows`);
}

/** Restores into a database of its own, that is dropped again if anything fails. */
async function restoreBeside(options: RestoreDatabaseOptions, maintenance: Client, database: string, facts: SourceFacts) {
	const version = await serverVersion(maintenance);
	await createDatabase(maintenance, database, version, facts.properties);
	try {
		const { result, warnings } = await load(options, database, facts);
		const tables = compareRows(result.rows, options.selection && hasSelection(options.selection) ? undefined : facts.expectedRows);
		const short = missingRows(tables);
		if (short.length > 0 && !options.collectErrors) {
			throw new BackupError('TARGET_FAILED', `The restored database does not hold what the backup promised: ${short.slice(0, 5).join(', ')}.`);
		}
		if (facts.properties) warnings.push(...(await applyProperties(maintenance, database, facts.properties, options.owner ?? { type: 'asDumped' })));
		return { result, warnings: [...warnings, ...short], tables };
	} catch (error) {
		await dropDatabase(maintenance, database, version).catch((failure: unknown) => options.log?.(`Could not drop ${database}: ${messageOf(failure)}`));
		throw error;
	}
}

function hasSelection({ schemas = [], tables = [], dataOnly }: RestoreSelection): boolean {
	return schemas.length > 0 || tables.length > 0 || dataOnly === true;
}

/** Puts the restored database in the place of the existing one; if the second rename fails, the first is taken back. */
async function swap(maintenance: Client, database: string, restored: string, kept: string): Promise<void> {
	await renameDatabase(maintenance, database, kept);
	try {
		await renameDatabase(maintenance, restored, database);
	} catch (error) {
		await renameDatabase(maintenance, kept, database);
		throw error;
	}
}

async function restoreAndSwap(options: RestoreDatabaseOptions, maintenance: Client, facts: SourceFacts) {
	const { database, type } = options.target;
	if (!(await databaseExists(maintenance, database))) {
		throw new BackupError('INVALID_INPUT', `There is no database "${database}" to be replaced; nothing was changed.`, { hint: 'Restore into a new database instead.' });
	}
	const stamp = timestamp(new Date());
	const beside = suffixedName(database, `_restoring_${stamp}`);
	const kept = suffixedName(database, `_before_${stamp}`);
	const outcome = await restoreBeside(options, maintenance, beside, facts);
	if (outcome.result.failures.length > 0) {
		outcome.warnings.push(`${outcome.result.failures.length} objects failed, so "${database}" was left as it was; what could be restored is in "${beside}".`);
		return { ...outcome, database: beside, previousDatabase: undefined };
	}
	await swap(maintenance, database, beside, kept);
	if (type === 'safeSwap') return { ...outcome, database, previousDatabase: kept };
	await dropDatabase(maintenance, kept, await serverVersion(maintenance));
	return { ...outcome, database, previousDatabase: undefined };
}

async function restoreInto(options: RestoreDatabaseOptions, maintenance: Client, facts: SourceFacts) {
	const { target } = options;
	if (target.type === 'safeSwap' || target.type === 'replace') return await restoreAndSwap(options, maintenance, facts);
	if (target.type === 'newDatabase') {
		return { ...(await restoreBeside(options, maintenance, target.database, facts)), database: target.database, previousDatabase: undefined };
	}
	const { result, warnings } = await load(options, target.database, facts);
	const expected = options.selection && hasSelection(options.selection) ? undefined : facts.expectedRows;
	return { result, warnings, tables: compareRows(result.rows, expected), database: target.database, previousDatabase: undefined };
}

/**
 * Restores a dump. The source is read to its end and the target asked for what it will need before anything is changed.
 * @throws BackupError NOT_CONFIRMED, TARGET_EXISTS, TARGET_UNREACHABLE, TARGET_FAILED, ACCESS_DENIED, those of the source,
 * CANCELLED. New databases that were not completed are dropped again.
 */
export async function restoreDatabase(options: RestoreDatabaseOptions): Promise<RestoreReport> {
	const startedAt = Date.now();
	checkConfirmation(options.target);
	const facts = await options.source.inspect(options.signal);
	const maintenance = await connectForMaintenance(options);
	try {
		await checkTarget(maintenance, facts, options.owner ?? { type: 'asDumped' }, options.privileges ?? true);
		const { result, warnings, tables, database, previousDatabase } = await restoreInto(options, maintenance, facts);
		return {
			database,
			previousDatabase,
			objects: result.objects,
			rows: tables.reduce((sum, { rows }) => sum + rows, 0),
			tables,
			failures: result.failures,
			warnings,
			duration: Date.now() - startedAt,
		};
	} catch (error) {
		if (options.signal?.aborted) throw cancelled();
		throw translateError(error, 'target', `Could not restore ${facts.name}`);
	} finally {
		await disconnect(maintenance);
	}
}
