import { openForeignDump, restoreDatabase } from '../../../engine';
import { connectTimeoutOption, sourceFields } from '../../shared/descriptions/source';
import { type Operation, shownFor } from '../../shared/operation';
import { withPostgres } from '../../shared/postgresConnection';
import { dumpFileField } from '../descriptions/dumpFile';
import { selectionByName } from '../descriptions/restore';
import { restoreOptions, targetFields } from '../descriptions/target';
import { withForeignDump } from '../foreignDump';
import { describeRestore } from '../restoreItem';
import { restoreOptionsOf, restoreSelection, restoreTarget } from '../restoreSettings';

const SHOWN = ['import'];

/** Restores a dump that was made by pg_dump or pg_dumpall itself: one item with the report. */
export const importDump: Operation = {
	description: [
		...sourceFields(SHOWN, {
			storage: 'A file in a folder or an S3 bucket',
			binary: 'A file that another node put out, such as an upload',
		}),
		dumpFileField(SHOWN),
		...targetFields(SHOWN),
		selectionByName(SHOWN),
		{
			displayName: 'Options',
			name: 'options',
			type: 'collection',
			placeholder: 'Add Option',
			default: {},
			displayOptions: shownFor(SHOWN),
			options: [connectTimeoutOption, ...restoreOptions],
		},
	],
	async execute(context, item) {
		const target = restoreTarget(context, item);
		const selection = restoreSelection(context, item, target);
		const { connectTimeout, owner, privileges, collectErrors, parallel } = restoreOptionsOf(context, item);
		const signal = context.getExecutionCancelSignal();
		return await withForeignDump(context, item, async (dump) => {
			const source = await openForeignDump(dump, signal);
			const options = { source, target, selection, owner, privileges, collectErrors, parallel, signal };
			const log = (message: string) => context.logger.debug(`Postgres Dump: ${target.database}: ${message}`);
			const report = await withPostgres(context, item, { connectTimeout }, async (connection) => {
				return await restoreDatabase({ ...options, connection, log });
			});
			context.logger.info(`Postgres Dump: imported ${dump.name}`, { database: report.database });
			return [{ json: { ...describeRestore(context, report), file: dump.name } }];
		});
	},
};
