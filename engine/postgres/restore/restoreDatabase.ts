import { BackupError, cancelled } from '../../errors';
import { checkKeptCopies } from '../../keptCopies';
import { PARALLEL, wholeNumber } from '../../wholeNumber';
import { type PostgresConnection, translateError } from '../connection';

import { type Outcome, restoreAndSwap, restoreAsNew } from './staging/stagingDatabase';
import { checkDatabaseName } from './databases/databases';
import { checkDrop } from './existing/dropTables';
import { load } from './load/load';
import { Maintenance } from './databases/maintenance';
import type { OwnerMapping } from './load/ownership';
import { checkTarget } from './preconditions/requirements';
import { rowsElsewhere } from './load/refusals';
import { type RestoreReport, shortTables } from './report';
import { parseTableName, type RestoreSelection, SelectionFilter } from './source/selection';
import type { RestoreSource, SourceFacts } from './source/source';
import { checkTargetDatabase } from './preconditions/targetDatabase';
import { checkWhole, partialWarnings } from './source/completeness';

/** Where a restore goes. All but the first ask for `confirmation`: the name of the database once more. */
export type RestoreTarget =
	/** A database that does not exist yet. */
	| { type: 'newDatabase'; database: string }
	/**
	 * Beside the existing one, checked, then renamed into its place; the old one is kept under another name. `keptCopies`:
	 * how many copies that earlier swaps have kept and this one there may be, 1 or more; any number unless told.
	 */
	| { type: 'safeSwap'; database: string; confirmation: string; keptCopies?: number }
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
	/** Connections that load at once, 1 to 32; 2 unless told. */
	parallel?: number;
	signal?: AbortSignal;
	/** Told of each stage as it begins. */
	log?: (message: string) => void;
}

function checkConfirmation(target: RestoreTarget): void {
	if (target.type === 'newDatabase' || target.confirmation === target.database) return;
	throw new BackupError(
		'NOT_CONFIRMED',
		`Restoring over the database "${target.database}" is not confirmed; nothing was changed.`,
		{
			hint: `Type ${target.database} into Confirm Database Name.`,
		},
	);
}

/** Refuses what would lose data or cannot work, before anything is read. */
function checkChoices({ target, selection = {} }: RestoreDatabaseOptions): void {
	if (target.type === 'existing') {
		if (target.before === 'drop') checkDrop(selection);
		if (target.before === 'truncate' && !selection.dataOnly) {
			throw new BackupError(
				'INVALID_INPUT',
				'Emptying the tables first needs Data Only: their definitions are there already; nothing was changed.',
				{
					hint: 'Switch Data Only on, or choose the tables to restore and have them dropped first.',
				},
			);
		}
		if (target.before !== 'drop' || !selection.dataOnly) return;
		throw new BackupError(
			'INVALID_INPUT',
			'Data Only cannot be combined with dropping the tables first: nothing would create them again.',
			{
				hint: 'Empty the tables first instead.',
			},
		);
	}
	if (selection.dataOnly) {
		throw new BackupError(
			'INVALID_INPUT',
			'Data Only needs an existing database whose tables are there already; nothing was changed.',
			{
				hint: 'Choose the existing database as target, or restore definitions as well.',
			},
		);
	}
	const filter = new SelectionFilter(selection);
	if (target.type === 'newDatabase' || filter.all) return;
	throw new BackupError(
		'INVALID_INPUT',
		`Replacing the database "${target.database}" by some schemas or tables would lose all others; nothing was changed.`,
		{
			hint: 'Restore the selection into a new database, or into the existing one.',
		},
	);
}

/** @throws BackupError INVALID_INPUT for a schema or table that the source does not hold. */
function checkSelection({ name, schemas, relations, expectedRows }: SourceFacts, selection: RestoreSelection): void {
	const tables = [...relations, ...(expectedRows?.keys() ?? [])].map((key) => key.split('\0'));
	const absent = [
		...(selection.schemas ?? [])
			.filter((schema) => !schemas.has(schema) && !tables.some(([of]) => of === schema))
			.map((schema) => `schema "${schema}"`),
		...(selection.tables ?? [])
			.filter((text) => {
				const parts = parseTableName(text);
				return !tables.some((table) =>
					parts.length === 2 ? table[0] === parts[0] && table[1] === parts[1] : table[1] === parts[0],
				);
			})
			.map((table) => `table ${table}`),
	];
	if (absent.length === 0) return;
	throw new BackupError('INVALID_INPUT', `${name} holds no ${absent.join(', no ')}; nothing was changed.`, {
		hint: 'Names are written as in SQL: capital letters and blanks need double quotes around a table’s name. The manifest lists what the backup holds.',
	});
}

/** @throws BackupError INVALID_INPUT where rows of a chosen partition stand among those of a table that is not chosen. */
function checkPartitions({ name, filter, expectedRows }: SourceFacts, selection: RestoreSelection): void {
	const [astray] = filter(selection).rowsElsewhere(new Set(expectedRows?.keys()));
	if (!astray) return;
	throw rowsElsewhere(name, astray, '; nothing was changed');
}

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
 * Restores a dump. First the server has to let us in; then the source is read to its end and the target asked for what it
 * will need, before anything is changed.
 * @throws BackupError NOT_CONFIRMED, UNSUPPORTED_VERSION, TARGET_EXISTS, TARGET_UNREACHABLE, TARGET_FAILED, ACCESS_DENIED, those of the source,
 * CANCELLED. New databases that were not completed are dropped again.
 */
export async function restoreDatabase(options: RestoreDatabaseOptions): Promise<RestoreReport> {
	const startedAt = Date.now();
	const { connection, target, signal, log, parallel = 2 } = options;
	checkDatabaseName(target.database);
	wholeNumber(parallel, 'Parallel Connections', PARALLEL);
	checkConfirmation(target);
	checkChoices(options);
	if (target.type === 'safeSwap') checkKeptCopies(target.keptCopies);
	await checkTargetDatabase(connection, target, signal);
	log?.('reading the dump');
	const facts = await options.source.inspect(signal);
	checkSelection(facts, options.selection ?? {});
	checkPartitions(facts, options.selection ?? {});
	checkWhole(facts, target);
	// To be created, renamed or dropped, a database must not be logged in to.
	const maintenance = await Maintenance.open(
		connection,
		target.type === 'existing' ? undefined : target.database,
		signal,
	);
	try {
		await checkTarget(maintenance.client, facts, options);
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
