import type { Client } from 'pg';

import { cancelled, throwIfCancelled } from '../../../errors';
import { connect, disconnect, translateError } from '../../connection';
import { quoteIdentifier } from '../../quoting';
import { terminateSessions } from '../../sessions';
import { compareRows, withRowsKept } from '../checks';
import { ExistingTarget, Progress } from '../existing';
import type { RestoreDatabaseOptions } from '../options';
import { checkRequirements, missingRoles } from '../preconditions';
import { type RestoredTable, type RestoreFailure } from '../report';
import type { SelectionFilter, SourceFacts } from '../source';

import { applySteps } from './apply';
import { beginTimescaleRestore, bringsTimescale, endTimescaleRestore } from './timescale';

/** The outcome of loading. */
export interface Loaded {
	objects: number;
	/** The wanted tables, with the rows that were loaded and those that the source promised. */
	tables: RestoredTable[];
	failures: RestoreFailure[];
	warnings: string[];
}

/**
 * Settings for the sessions of a restore, whatever the defaults of the role and the database are. There are no time limits, and
 * no serialization conflicts among the sessions. Strings are read as the lexer reads them until the script says otherwise.
 * Commits need not wait for the disk, for after a crash one has to restore again anyway.
 */
const SESSION = `SELECT pg_catalog.set_config(name, CASE name WHEN 'synchronous_commit' THEN 'off' WHEN 'standard_conforming_strings' THEN 'on'
		WHEN 'default_transaction_isolation' THEN 'read committed' ELSE '0' END, false)
	FROM pg_catalog.pg_settings WHERE name IN ('synchronous_commit', 'standard_conforming_strings', 'default_transaction_isolation',
		'statement_timeout', 'lock_timeout',
		'idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout')`;

/** Sees to it that a server has the roles that a source names. */
type MeetRequirements = (client: Client, facts: SourceFacts, options: RestoreDatabaseOptions) => Promise<void>;

/**
 * Loads the source into a database that exists.
 * @param meetRequirements called where definitions come that name roles which nobody asked for before; by default they have to exist
 */
export async function load(
	options: RestoreDatabaseOptions,
	database: string,
	facts: SourceFacts,
	meetRequirements: MeetRequirements = checkRequirements,
): Promise<Loaded> {
	const { connection, signal } = options;
	const clients: Client[] = [];
	const progress = new Progress(options, facts);
	const terminateAll = () =>
		terminateSessions(
			connection,
			clients.map(({ processID }) => processID),
		);
	const abort = () => {
		void terminateAll();
		for (const client of clients) client.connection.stream.destroy(cancelled());
	};
	signal?.addEventListener('abort', abort, { once: true });
	try {
		const connections = runsAlone(options, facts) ? 1 : (options.parallel ?? 2);
		for (let opened = 0; opened < connections; opened++)
			clients.push(await connect(connection, 'target', { database, signal }));
		for (const client of clients) await client.query(SESSION);
		return await loadOver(clients, options, facts, { progress, meetRequirements });
	} catch (error) {
		if (signal?.aborted) throw progress.cancelled();
		// Statements of other connections would go on for as long as they take.
		await terminateAll();
		throw progress.failed(translateError(error, 'target', `Could not restore into "${database}"`));
	} finally {
		signal?.removeEventListener('abort', abort);
		await Promise.all(clients.map(disconnect));
	}
}

async function loadOver(
	clients: Client[],
	options: RestoreDatabaseOptions,
	facts: SourceFacts,
	{ progress, meetRequirements }: { progress: Progress; meetRequirements: MeetRequirements },
): Promise<Loaded> {
	const { source, selection = {}, signal, target } = options;
	const [first] = clients as [Client];
	const filter = facts.filter(selection);
	const rowsAlone = selection.dataOnly === true || facts.ordered;
	const isReplica = rowsAlone && (await becomeReplica(clients));
	const warnings: string[] = [];
	const makeSchemas = async () => {
		if (!selection.dataOnly) warnings.push(...(await createMissingSchemas(first, facts, filter)));
	};
	// An extension may bring a schema, and fails where that is there already.
	const bringsExtensions = facts.extensions.length > 0;
	const isTimescale = bringsTimescale(facts.extensions) && filter.all;
	const beforeTables = async () => {
		await makeSchemas();
		if (isTimescale) await beginTimescaleRestore(clients, { isInUse: target.type === 'existing' });
	};
	const prepare = async () => {
		if (!bringsExtensions) await makeSchemas();
	};
	const steps = source.steps(selection, signal);
	const existing =
		target.type === 'existing'
			? new ExistingTarget(first, { target, selection, facts, progress, prepare, isReplica, signal })
			: undefined;
	if (!existing) await prepare();
	const { privileges = true } = options;
	const absentRoles = new Set<string>();
	const noteAbsentRoles = async () => {
		// With privileges all of them have been asked for already.
		if (privileges) return;
		for (const role of await missingRoles(first, facts.roles(selection, ['named']))) absentRoles.add(role);
	};
	await noteAbsentRoles();
	const result = await applySteps(existing?.steps(steps) ?? steps, clients, {
		owner: options.owner ?? { type: 'asDumped' },
		privileges,
		isWhole: filter.all,
		absentRoles,
		onRequirements: async () => {
			await meetRequirements(first, facts, options);
			await noteAbsentRoles();
		},
		...(bringsExtensions && { beforeTables }),
		collectErrors: options.collectErrors ?? false,
		loaded: progress.rows,
		signal,
	});
	if (isTimescale) await endTimescaleRestore(first);
	if (rowsAlone && !isReplica && (existing?.wereEnforced ?? true)) warnings.push(ENFORCED);
	const around = (await existing?.afterwards()) ?? [];
	throwIfCancelled(signal);
	const { objects, failures, rows } = result;
	const tables = await withRowsKept(first, compareRows(rows, promised(facts, filter)));
	return { objects, failures, tables, warnings: [...warnings, ...result.warnings, ...around] };
}

/** Rows by table key, of the tables that are wanted. */
export function promised({ expectedRows }: SourceFacts, filter: SelectionFilter): ReadonlyMap<string, number> {
	return new Map([...(expectedRows ?? [])].filter(([table]) => filter.wantsTable(table)));
}

/**
 * True where one connection does everything. Where tables are emptied or dropped, all is one transaction, which no other session
 * sees before its end. Tables whose foreign keys are in force are filled one after the other.
 */
function runsAlone({ selection, target }: RestoreDatabaseOptions, { ordered }: SourceFacts): boolean {
	return (target.type === 'existing' && target.before !== 'nothing') || (ordered && !selection?.dataOnly);
}

const ENFORCED =
	'The user may not switch triggers off (session_replication_role), and does not own all tables: foreign keys and triggers were in force while rows were loaded.';

/**
 * Sets session_replication_role, for rows alone go into tables whose foreign keys and triggers are in force already. It disables
 * most of them, as pg_restore --disable-triggers does. Returns false where the user may not do that.
 */
async function becomeReplica(clients: Client[]): Promise<boolean> {
	try {
		for (const client of clients) await client.query('SET session_replication_role = replica');
		return true;
	} catch (error) {
		if ((error as { code?: string }).code !== '42501') throw error;
		return false;
	}
}

/** A dump of some tables does not make their schemas; in a database that lacks them it would be of no use. */
async function createMissingSchemas(client: Client, facts: SourceFacts, filter: SelectionFilter): Promise<string[]> {
	const wanted = [...facts.relations].filter((key) => filter.wantsTable(key)).map((key) => key.split('\0')[0] ?? '');
	const schemas = [...new Set(wanted)].filter((schema) => schema !== '' && !facts.createdSchemas.has(schema));
	if (schemas.length === 0) return [];
	const { rows } = await client.query<{ name: string }>(
		'SELECT nspname::text AS name FROM pg_catalog.pg_namespace WHERE nspname = ANY ($1)',
		[schemas],
	);
	const missing = schemas.filter((schema) => !rows.some(({ name }) => name === schema));
	for (const schema of missing) await client.query(`CREATE SCHEMA ${quoteIdentifier(schema)}`);
	return missing.map(
		(schema) => `The dump does not hold the schema "${schema}" itself: it was made without its owner and privileges.`,
	);
}
