/**
 * How a database is replaced. The dump is restored into a staging database, whose name says what it is:
 * `<database>_restoring_<time>_<random>`. Its rows are checked against what the dump promises, its settings and privileges are
 * applied, and only then it gets the name that was asked for: for a new database by one rename; for a swap by two in one
 * transaction, so that the name is never without a database. Until then nobody sees anything of the restore, and a restore
 * that fails, is cancelled or is killed leaves nothing with the final name: the staging database is dropped, or, after a kill,
 * recognised by its name: the next restore of that database names it in a warning. It does not drop it, for nobody can tell for
 * certain whether another n8n is still at work on it.
 */
import { timestamp } from '../../../archive';
import { BackupError, listed, messageOf, throwIfCancelled } from '../../../errors';
import { withClient } from '../../connection';
import { type DatabaseLocale, type DatabaseProperties, databaseProperties } from '../../dump/databaseProperties';
import { lostTables, shortTables } from '../checks';
import {
	applyEarlySettings,
	applyOwner,
	applyProperties,
	createDatabase,
	createDatabaseAsStated,
	dropDatabase,
	freeName,
	localeClauses,
	type Maintenance,
	stagingName,
	staleStagingDatabases,
	takeName,
} from '../databases';
import { load, type Loaded } from '../load';
import type { RestoreDatabaseOptions } from '../options';
import { checkNew, checkReplaceable } from '../preconditions';
import type { SourceFacts } from '../source';

/** How a restore ended. */
export interface Outcome extends Loaded {
	database: string;
	previousDatabase: string | undefined;
}

/** A staging database that is complete and does not have its name yet. */
interface Staged extends Loaded {
	staging: string;
}

function checkRows({ tables, warnings }: Loaded, { collectErrors }: RestoreDatabaseOptions): void {
	const short = shortTables(tables);
	if (short.length > 0 && !collectErrors) {
		throw new BackupError(
			'TARGET_FAILED',
			`The restored database does not hold what the backup promised: ${short.slice(0, 5).join(', ')}.`,
			{
				hint: 'Something in the target takes rows away (a rule, a trigger, an extension). Nothing was changed.',
				details: { shortTables: short },
			},
		);
	}
	warnings.push(...short);
}

async function fill(
	options: RestoreDatabaseOptions,
	maintenance: Maintenance,
	database: string,
	facts: SourceFacts,
	properties: DatabaseProperties | undefined,
): Promise<Loaded> {
	const early = properties ? await applyEarlySettings(maintenance.client, database, properties) : [];
	options.log?.(`loading into "${database}"`);
	const loaded = await load(options, database, facts);
	checkRows(loaded, options);
	await maintenance.ensure();
	const late = properties
		? await applyProperties(maintenance.client, database, properties, options.privileges ?? true)
		: [];
	return { ...loaded, warnings: [...early, ...loaded.warnings, ...late] };
}

/** True where the server refused to create the database, so there is nothing to drop; a lost connection leaves that open. */
function wasRefused(error: unknown): boolean {
	const { severity } = ((error as Error).cause ?? {}) as { severity?: string };
	return severity === 'ERROR';
}

function staleWarnings(databases: string[]): string[] {
	if (databases.length === 0) return [];
	const names = listed(databases.map((name) => `"${name}"`));
	return [
		`Earlier restores that were broken off, or that could not be completed, have left ${names}. Nobody is connected there: drop what you do not need.`,
	];
}

/**
 * Creates and fills the staging database. Whatever fails, it is dropped again. When it is complete, all that is left to do is to
 * give it its name; from then on nothing is cancelled.
 */
async function restoreIntoStaging(
	options: RestoreDatabaseOptions,
	maintenance: Maintenance,
	facts: SourceFacts,
	properties: DatabaseProperties | undefined,
): Promise<Staged> {
	const { client, version } = maintenance;
	const { database } = options.target;
	const stale = await staleStagingDatabases(client, database);
	const staging = stagingName(database, timestamp(new Date()));
	let made: string[];
	try {
		made = properties
			? await createDatabase(client, staging, database, version, properties)
			: await createDatabaseAsStated(client, staging, database, version, facts.statedLocale);
	} catch (error) {
		throw wasRefused(error) ? error : await maintenance.dropStaging(staging, error);
	}
	try {
		const loaded = await fill(options, maintenance, staging, facts, properties);
		throwIfCancelled(options.signal);
		maintenance.pastCancelling();
		return { ...loaded, warnings: [...made, ...loaded.warnings, ...staleWarnings(stale)], staging };
	} catch (error) {
		throw await maintenance.dropStaging(staging, error);
	}
}

/** Sets the owner of the restored database, which is complete by then: a failure becomes a warning. */
async function handOver(
	{ client }: Maintenance,
	database: string,
	properties: DatabaseProperties | undefined,
	{ owner = { type: 'asDumped' }, privileges = true }: RestoreDatabaseOptions,
): Promise<string[]> {
	if (!properties) return [];
	return await applyOwner(client, database, properties, owner, privileges).catch((error: unknown) => [
		`The database is restored, but its owner could not be set: ${messageOf(error)}`,
	]);
}

/** @throws BackupError TARGET_EXISTS, and as restoreDatabase does. */
export async function restoreAsNew(
	options: RestoreDatabaseOptions,
	maintenance: Maintenance,
	facts: SourceFacts,
): Promise<Outcome> {
	const { database } = options.target;
	await checkNew(maintenance.client, database);
	const { staging, ...loaded } = await restoreIntoStaging(options, maintenance, facts, facts.properties);
	await takeName(maintenance, { restored: staging, database });
	const warnings = await handOver(maintenance, database, facts.properties, options);
	return { ...loaded, warnings: [...loaded.warnings, ...warnings], database, previousDatabase: undefined };
}

/** A dump of another tool says nothing of its database: the new one is created like the one that it replaces. */
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

/** Warns where the dump was of a database with another encoding or locale than the one that it replaces. */
function otherLocale(stated: DatabaseLocale | undefined, kept: DatabaseLocale, version: number): string[] {
	// `en_US.utf8` and `en_US.UTF-8` are the same.
	const told = (locale: DatabaseLocale) => localeClauses(locale, version).join(' ');
	const plain = (locale: DatabaseLocale) => told(locale).toLowerCase().replaceAll('-', '');
	if (!stated || plain(stated) === plain(kept)) return [];
	return [
		`The dump is of a database with ${told(stated)}; the restored one has what the database before had: ${told(kept)}.`,
	];
}

/** Puts the staging database in the place of the existing one, unless objects or rows of it are missing. */
async function swap(
	options: RestoreDatabaseOptions,
	maintenance: Maintenance,
	{ staging, ...loaded }: Staged,
): Promise<Outcome> {
	const { database } = options.target;
	const { failures, tables, warnings } = loaded;
	const short = shortTables(tables);
	if (failures.length > 0 || short.length > 0) {
		const reasons = [
			...(failures.length > 0 ? [`${failures.length} objects failed`] : []),
			...(short.length > 0 ? [`${short.length} tables lack rows`] : []),
		];
		const warning = `${reasons.join(' and ')}, so "${database}" was left as it was; what could be restored is in "${staging}".`;
		return { ...loaded, warnings: [...warnings, warning], database: staging, previousDatabase: undefined };
	}
	const kept = await freeName(maintenance.client, database, `_before_${timestamp(new Date())}`).catch(
		async (error: unknown) => {
			throw await maintenance.dropStaging(staging, error, database);
		},
	);
	options.log?.(`renaming "${staging}" to "${database}", and that to "${kept}"`);
	await takeName(maintenance, { restored: staging, database, kept });
	return { ...loaded, database, previousDatabase: kept };
}

/** @throws BackupError INVALID_INPUT where there is nothing to be replaced, ACCESS_DENIED, and as restoreDatabase does. */
export async function restoreAndSwap(
	options: RestoreDatabaseOptions,
	maintenance: Maintenance,
	facts: SourceFacts,
): Promise<Outcome> {
	await checkReplaceable(maintenance.client, options.target.database);
	const properties = facts.properties ?? (await propertiesOf(options, maintenance.version));
	const staged = await restoreIntoStaging(options, maintenance, facts, properties);
	const outcome = await swap(options, maintenance, staged);
	const warnings = [
		...otherLocale(facts.statedLocale, properties, maintenance.version),
		...outcome.warnings,
		...(await handOver(maintenance, outcome.database, properties, options)),
	];
	const kept = outcome.previousDatabase;
	if (options.target.type === 'safeSwap' || kept === undefined) return { ...outcome, warnings };
	try {
		const lost = await lostTables(options.connection, kept, outcome.database);
		if (lost.length > 0) {
			const warning = `The database before has tables that the restored one lacks (${listed(lost)}), so it was not dropped; it is kept as "${kept}".`;
			return { ...outcome, warnings: [...warnings, warning] };
		}
		await dropDatabase(maintenance.client, kept, maintenance.version);
		return { ...outcome, warnings, previousDatabase: undefined };
	} catch (error) {
		const warning = `The database is replaced, but the one before could not be dropped; it is kept as "${kept}": ${messageOf(error)}`;
		return { ...outcome, warnings: [...warnings, warning] };
	}
}
