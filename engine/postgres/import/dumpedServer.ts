/** Scripts of pg_dumpall as a whole: every database that holds something, and the roles and globals of the server. */
import { BackupError, messageOf, throwIfCancelled } from '../../errors';
import { withAnyDatabase } from '../anyDatabase';
import { type PostgresConnection, translateError } from '../connection';
import { applyGlobals, type ApplyGlobalsOptions, type ApplyGlobalsReport } from '../globals';
import { globalStatements } from '../globals/read';
import { assertOwnSession } from '../pooler';
import {
	checkDatabaseName,
	checkTargetDatabase,
	restoreDatabase,
	type RestoreDatabaseOptions,
	type RestoreReport,
} from '../restore';

import { holdsSomething } from './chooseDatabase';
import { type ForeignDump, openForeignScript } from './openDump';
import type { ScriptDatabase } from './plainScript';
import { PlainSource } from './plainSource';

export type ImportServerOptions = Pick<
	RestoreDatabaseOptions,
	'connection' | 'owner' | 'privileges' | 'collectErrors' | 'parallel' | 'signal' | 'log'
> & {
	dump: ForeignDump;
	/** Stands before the name that each database has in the dump. */
	prefix?: string;
	/** What to do with roles that are there already; undefined: roles and globals are left out. */
	existingRoles?: ApplyGlobalsOptions['existing'];
};

export interface ImportServerReport {
	globals: ApplyGlobalsReport | undefined;
	/** In the order of the dump. */
	databases: RestoreReport[];
	/** Names of databases in the dump that hold nothing, and were not created. */
	empty: string[];
}

/**
 * Creates every database of a dump that holds something, each under its own name behind the prefix, after the roles. None
 * of these databases may exist: this is asked before anything is changed.
 * @throws BackupError INVALID_INPUT (not a dump of a whole server), TARGET_EXISTS, and as restoreDatabase does. Databases
 * that were complete by then stay, and the error's `details.imported` names them.
 */
export async function importServer(options: ImportServerOptions): Promise<ImportServerReport> {
	const { connection, dump, prefix = '', existingRoles, signal, ...restore } = options;
	const script = await openForeignScript(dump, signal);
	const { databases, globals } = await script.inspect(signal);
	const named = databases.filter((database): database is NamedDatabase => database.name !== undefined);
	const filled = named.filter(holdsSomething);
	if (filled.length === 0) {
		throw new BackupError('INVALID_INPUT', `${dump.name} names no database that holds something.`, {
			hint: 'All Databases is for dumps of a whole server (pg_dumpall). Set Contents to One Database.',
		});
	}
	for (const { name } of filled) checkDatabaseName(prefix + name);
	for (const { name } of filled) {
		await checkTargetDatabase(connection, { type: 'newDatabase', database: prefix + name }, signal);
	}
	const report: ImportServerReport = {
		globals: globals && existingRoles && (await apply(connection, globals, { existing: existingRoles, signal })),
		databases: [],
		empty: named.filter((database) => !holdsSomething(database)).map(({ name }) => name),
	};
	for (const { name } of filled) {
		const source = new PlainSource(script, name);
		const target = { type: 'newDatabase', database: prefix + name } as const;
		try {
			throwIfCancelled(signal);
			report.databases.push(await restoreDatabase({ ...restore, connection, source, target, signal }));
		} catch (error) {
			throw withImported(error, report.databases);
		}
	}
	return report;
}

type NamedDatabase = ScriptDatabase & { name: string };

/** The error, which also says what stays. */
function withImported(error: unknown, databases: RestoreReport[]): unknown {
	if (databases.length === 0) return error;
	const imported = databases.map(({ database }) => database);
	const { code, hint, details } =
		error instanceof BackupError ? error : { code: 'TARGET_FAILED' as const, hint: undefined, details: undefined };
	return new BackupError(code, `${messageOf(error)} Imported before that, and complete: ${imported.join(', ')}.`, {
		...(hint === undefined ? {} : { hint }),
		details: { ...details, imported },
		cause: error,
	});
}

/**
 * Restores the roles and globals of a dump that pg_dumpall made; its databases are left out.
 * @throws BackupError INVALID_INPUT where it holds none, and as applyGlobals does
 */
export async function importGlobals(
	connection: PostgresConnection,
	dump: ForeignDump,
	options: ApplyGlobalsOptions,
): Promise<ApplyGlobalsReport> {
	const { globals } = await (await openForeignScript(dump, options.signal)).inspect(options.signal);
	if (globals) return await apply(connection, globals, options);
	throw new BackupError('INVALID_INPUT', `${dump.name} holds no roles and globals; nothing was changed.`, {
		hint: 'Only dumps made by pg_dumpall do. Set Contents to One Database.',
	});
}

/** A dump made with --clean drops what it makes: nothing is dropped here, which is what `existing` is for. */
const DROPS = /^DROP\s/i;

async function apply(
	connection: PostgresConnection,
	globals: string[],
	options: ApplyGlobalsOptions,
): Promise<ApplyGlobalsReport> {
	const drops = globals.filter((sql) => DROPS.test(sql)).length;
	const script = globals
		.filter((sql) => !DROPS.test(sql))
		.map((sql) => `${sql};\n`)
		.join('');
	// A script that cannot be read to its end fails before a role is touched.
	for await (const statement of globalStatements(script, options.signal)) void statement;
	const report = await withAnyDatabase(connection, 'target', { signal: options.signal }, async (client) => {
		await assertOwnSession(client, connection, 'target', { signal: options.signal });
		return await applyGlobals(client, script, options);
	}).catch((error: unknown) => {
		throw translateError(error, 'target', 'Could not restore roles and globals');
	});
	if (drops === 0) return report;
	return {
		...report,
		warnings: [...report.warnings, 'None of the roles and databases that the dump would drop was dropped.'],
	};
}
