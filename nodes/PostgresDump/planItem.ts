import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import {
	ArchiveSource,
	type BackupError,
	planDatabaseRestore,
	planGlobalsRestore,
	type PostgresConnection,
	type RestoreTarget,
	type TargetDatabase,
} from '../../engine';
import { refusesAsRun } from '../shared/descriptions/dryRun';
import { readableSize } from '../shared/listSearch/size';
import { withPostgres } from '../shared/postgresConnection';
import { planItem, type PlannedBackup } from '../shared/restorePlan';

import { checkOwnDatabase } from './ownDatabase';
import type { restoreOptionsOf, restoreSelection } from './restoreSettings';

interface DatabaseRestore {
	target: RestoreTarget;
	selection: ReturnType<typeof restoreSelection>;
	options: ReturnType<typeof restoreOptionsOf>;
}

/** Whoever only asks need not confirm anything. */
function asked(context: IExecuteFunctions, item: number, target: RestoreTarget): RestoreTarget {
	if (target.type === 'newDatabase' || refusesAsRun(context, item)) return target;
	return { ...target, confirmation: target.database };
}

/** What the restore of a database would do. */
export async function planOfDatabase(
	context: IExecuteFunctions,
	item: number,
	backup: PlannedBackup,
	{ target: given, selection, options }: DatabaseRestore,
	isSimple: boolean,
): Promise<IDataObject> {
	const { connectTimeout, folder: _, overOwnDatabase, existingRoles: __, ...others } = options;
	const target = asked(context, item, given);
	const plan = await withPostgres(context, item, { connectTimeout }, async (connection) => {
		const planned = await planDatabaseRestore({
			...others,
			connection,
			open: async () => new ArchiveSource(await backup.open()),
			target,
			selection,
			signal: context.getExecutionCancelSignal(),
		});
		const problems = [...planned.problems, ...(await ownDatabase(context, connection, target, overOwnDatabase))];
		return { ...planned, problems };
	});
	const { problems, warnings } = plan;
	const planned = {
		into: `database ${target.database}`,
		replaces: replacedBy(target, plan.target),
		target: plan.target ? { database: target.database, ...plan.target } : null,
		problems,
		warnings,
	};
	return await planItem(context, item, backup, planned, isSimple);
}

async function ownDatabase(
	context: IExecuteFunctions,
	connection: PostgresConnection,
	target: RestoreTarget,
	isAllowed: boolean,
): Promise<BackupError[]> {
	const refused = await checkOwnDatabase(context, connection, target, isAllowed).catch((error: unknown) => error);
	return refused === undefined ? [] : [refused as BackupError];
}

function replacedBy({ type }: RestoreTarget, found: TargetDatabase | undefined): string {
	if (!found) return 'unknown';
	if (!found.exists) return 'nothing: it does not exist';
	const { tables, rows, bytes } = found;
	const counted = tables === undefined ? [] : [`${tables} tables with about ${rows} rows`];
	const sized = bytes === undefined ? [] : [readableSize(bytes)];
	const holds = [...counted, ...sized].join(', ') || 'what it holds';
	return type === 'existing' ? `into ${holds}` : holds;
}

/** What the restore of roles and globals would do. */
export async function planOfGlobals(
	context: IExecuteFunctions,
	item: number,
	backup: PlannedBackup,
	{ connectTimeout, existingRoles }: ReturnType<typeof restoreOptionsOf>,
	isSimple: boolean,
): Promise<IDataObject> {
	const plan = await withPostgres(context, item, { connectTimeout }, async (connection) => {
		return await planGlobalsRestore(connection, backup.open, context.getExecutionCancelSignal());
	});
	const { target = null, problems } = plan;
	const kept = existingRoles === 'skip' ? 'they stay as they are' : 'those of the same names are updated';
	const planned = {
		into: 'roles and globals',
		replaces: target ? `nothing: of ${target.roles} roles, ${kept}` : 'unknown',
		target,
		problems,
		warnings: [],
	};
	return await planItem(context, item, backup, planned, isSimple);
}
