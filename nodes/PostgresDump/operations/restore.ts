import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import {
	ArchiveSource,
	BackupError,
	openArchive,
	restoreDatabase,
	restoreGlobals,
	type ArchiveReader,
} from '../../../engine';
import { type ArchivePlace, withArchive } from '../../shared/archiveSource';
import { describeRestored } from '../../shared/backupItem';
import { isDryRun } from '../../shared/descriptions/dryRun';
import { eventOf } from '../../shared/journal';
import type { Operation } from '../../shared/operation';
import { withPostgres } from '../../shared/postgresConnection';
import { withPlannedBackup } from '../../shared/restorePlan';
import { isSimplified } from '../../shared/simplify';
import { restoreFields } from '../descriptions/restore';
import { checkOwnDatabase } from '../ownDatabase';
import { planOfDatabase, planOfGlobals } from '../planItem';
import { globalsItem, restoreItem } from '../restoreItem';
import { restoreOptionsOf, restoreSelection, restoreTarget } from '../restoreSettings';

async function readerOf({ storage, key, folder, manifest, keys }: ArchivePlace): Promise<ArchiveReader> {
	if (manifest) return await openArchive(storage, { manifest, folder }, keys);
	throw new BackupError('MANIFEST_INVALID', `There is no manifest for ${key}.`, {
		hint: 'Give the manifest that Back Up put out beside it, or use the operation Import, which reads dumps without one.',
	});
}

const OTHER_KIND = 'Choose another backup, or set Restore to what this one holds.';

function remarks({ remark }: ArchivePlace): string[] {
	return remark ? [remark] : [];
}

async function intoDatabase(context: IExecuteFunctions, item: number, isSimple: boolean): Promise<IDataObject> {
	const target = restoreTarget(context, item);
	const selection = restoreSelection(context, item, target);
	const allOptions = restoreOptionsOf(context, item);
	const { connectTimeout, folder, overOwnDatabase, ...options } = allOptions;
	const wanted = { kinds: ['postgres'] as ['postgres'], folder, hint: OTHER_KIND };
	if (isDryRun(context, item)) {
		return await withPlannedBackup(context, item, wanted, async (backup) => {
			return await planOfDatabase(context, item, backup, { target, selection, options: allOptions }, isSimple);
		});
	}
	return await withArchive(context, item, wanted, async (place) => {
		const reader = await readerOf(place);
		const report = await withPostgres(context, item, { connectTimeout }, async (connection) => {
			await checkOwnDatabase(context, connection, target, overOwnDatabase);
			return await restoreDatabase({
				...options,
				connection,
				source: new ArchiveSource(reader),
				target,
				selection,
				signal: context.getExecutionCancelSignal(),
				log: (message) => context.logger.debug(`Postgres Dump: ${target.database}: ${message}`),
			});
		});
		context.logger.info(`Postgres Dump: restored ${reader.manifest.file}`, { database: report.database });
		const { rows, tables, previousDatabase: kept } = report;
		const copy = kept === undefined ? '' : `; what was there before is now ${kept}`;
		eventOf(context, item).tell({ summary: `${tables.length} tables, ${rows} rows${copy}` });
		const warnings = [...remarks(place), ...report.warnings];
		const from = describeRestored(reader.manifest);
		return restoreItem(context, { ...report, warnings }, from, isSimple);
	});
}

async function rolesAndGlobals(context: IExecuteFunctions, item: number, isSimple: boolean): Promise<IDataObject> {
	const startedAt = Date.now();
	const options = restoreOptionsOf(context, item);
	const { connectTimeout, folder, existingRoles } = options;
	const wanted = { kinds: ['postgres-globals'] as ['postgres-globals'], folder, hint: OTHER_KIND };
	if (isDryRun(context, item)) {
		return await withPlannedBackup(context, item, wanted, async (backup) => {
			return await planOfGlobals(context, item, backup, options, isSimple);
		});
	}
	return await withArchive(context, item, wanted, async (place) => {
		const reader = await readerOf(place);
		const report = await withPostgres(context, item, { connectTimeout }, async (connection) => {
			const signal = context.getExecutionCancelSignal();
			return await restoreGlobals(connection, reader, { existing: existingRoles, signal });
		});
		const { created, updated, failed } = report;
		const summary = `${created.length} roles and others created, ${updated.length} updated, ${failed.length} failed`;
		eventOf(context, item).tell({ summary });
		const warnings = [...remarks(place), ...report.warnings];
		const from = describeRestored(reader.manifest);
		return globalsItem(context, { ...report, warnings }, { duration: Date.now() - startedAt, from }, isSimple);
	});
}

/** Restores a backup of ours: one item with the report. */
export const restore: Operation = {
	description: restoreFields,
	journal: { action: 'restore', kind: 'postgres', isDryRun },
	async execute(context, item) {
		const kind = context.getNodeParameter('restoreKind', item) as 'database' | 'globals';
		const isSimple = isSimplified(context, item);
		const run = kind === 'globals' ? rolesAndGlobals : intoDatabase;
		return [{ json: await run(context, item, isSimple) }];
	},
};
