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
import type { Operation } from '../../shared/operation';
import { withPostgres } from '../../shared/postgresConnection';
import { restoreFields } from '../descriptions/restore';
import { checkOwnDatabase } from '../ownDatabase';
import { describeGlobals, describeRestore } from '../restoreItem';
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

async function intoDatabase(context: IExecuteFunctions, item: number): Promise<IDataObject> {
	const target = restoreTarget(context, item);
	const selection = restoreSelection(context, item, target);
	const { connectTimeout, folder, overOwnDatabase, ...options } = restoreOptionsOf(context, item);
	return await withArchive(context, item, { kinds: ['postgres'], folder, hint: OTHER_KIND }, async (place) => {
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
		const warnings = [...remarks(place), ...report.warnings];
		return { ...describeRestore(context, { ...report, warnings }), backup: describeRestored(reader.manifest) };
	});
}

async function rolesAndGlobals(context: IExecuteFunctions, item: number): Promise<IDataObject> {
	const startedAt = Date.now();
	const { connectTimeout, folder, existingRoles } = restoreOptionsOf(context, item);
	return await withArchive(context, item, { kinds: ['postgres-globals'], folder, hint: OTHER_KIND }, async (place) => {
		const reader = await readerOf(place);
		const report = await withPostgres(context, item, { connectTimeout }, async (connection) => {
			const signal = context.getExecutionCancelSignal();
			return await restoreGlobals(connection, reader, { existing: existingRoles, signal });
		});
		const warnings = [...remarks(place), ...report.warnings];
		return {
			...describeGlobals(context, { ...report, warnings }, startedAt),
			backup: describeRestored(reader.manifest),
		};
	});
}

/** Restores a backup of ours: one item with the report. */
export const restore: Operation = {
	description: restoreFields,
	async execute(context, item) {
		const kind = context.getNodeParameter('restoreKind', item) as 'database' | 'globals';
		const json = kind === 'globals' ? await rolesAndGlobals(context, item) : await intoDatabase(context, item);
		return [{ json }];
	},
};
