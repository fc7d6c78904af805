import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import { type ForeignDump, importGlobals, importServer, openForeignDump, restoreDatabase } from '../../../engine';
import { bandwidthOption } from '../../shared/descriptions/bandwidth';
import { requestedByOption } from '../../shared/descriptions/requestedBy';
import { simplifyField } from '../../shared/descriptions/simplify';
import { connectTimeoutOption, requireEncryptionOption, sourceFields } from '../../shared/descriptions/source';
import { textOf } from '../../shared/fields';
import { type Operation, shownFor } from '../../shared/operation';
import { withPostgres } from '../../shared/postgresConnection';
import { isSimplified } from '../../shared/simplify';
import { dumpFileField } from '../descriptions/dumpFile';
import { contentsFields, type ImportContents } from '../descriptions/import';
import { existingRolesOption, selectionByName } from '../descriptions/restore';
import { restoreOptions, targetFields } from '../descriptions/target';
import { withForeignDump } from '../foreignDump';
import { checkOwnDatabase } from '../ownDatabase';
import { globalsItem, restoreItem } from '../restoreItem';
import { restoreOptionsOf, restoreSelection, restoreTarget } from '../restoreSettings';

/** What there is to import, for one incoming item. */
interface Run {
	context: IExecuteFunctions;
	item: number;
	dump: ForeignDump;
	isSimple: boolean;
}

const SHOWN = ['import'];
const ONE = { contents: ['database'] };

function optionsFor(contents: ImportContents, options: typeof restoreOptions) {
	return {
		displayName: 'Options',
		name: 'options',
		type: 'collection' as const,
		placeholder: 'Add Option',
		default: {},
		displayOptions: shownFor(SHOWN, { contents: [contents] }),
		options: [bandwidthOption, connectTimeoutOption, ...options, requestedByOption, requireEncryptionOption],
	};
}

async function oneDatabase({ context, item, dump, isSimple }: Run): Promise<IDataObject[]> {
	const target = restoreTarget(context, item);
	const selection = restoreSelection(context, item, target);
	const { connectTimeout, overOwnDatabase, owner, privileges, collectErrors, parallel } = restoreOptionsOf(
		context,
		item,
	);
	const database = textOf(context.getNodeParameter('dumpDatabase', item, ''), 'Database in the Dump');
	const signal = context.getExecutionCancelSignal();
	const source = await openForeignDump(dump, { signal, ...(database !== '' && { database }) });
	const options = { source, target, selection, owner, privileges, collectErrors, parallel, signal };
	const log = (message: string) => context.logger.debug(`Postgres Dump: ${target.database}: ${message}`);
	const report = await withPostgres(context, item, { connectTimeout }, async (connection) => {
		await checkOwnDatabase(context, connection, target, overOwnDatabase);
		return await restoreDatabase({ ...options, connection, log });
	});
	return [restoreItem(context, report, { file: dump.name }, isSimple)];
}

async function allDatabases({ context, item, dump, isSimple }: Run): Promise<IDataObject[]> {
	const startedAt = Date.now();
	const { connectTimeout, existingRoles, owner, privileges, collectErrors, parallel } = restoreOptionsOf(context, item);
	const withGlobals = context.getNodeParameter('withGlobals', item, true) as boolean;
	const report = await withPostgres(context, item, { connectTimeout }, async (connection) => {
		return await importServer({
			connection,
			dump,
			prefix: textOf(context.getNodeParameter('namePrefix', item, ''), 'Name Prefix'),
			...(withGlobals && { existingRoles }),
			owner,
			privileges,
			collectErrors,
			parallel,
			signal: context.getExecutionCancelSignal(),
			log: (message) => context.logger.debug(`Postgres Dump: ${dump.name}: ${message}`),
		});
	});
	const from = { file: dump.name };
	const duration = Date.now() - startedAt;
	return [
		...(report.globals ? [globalsItem(context, report.globals, { duration, from }, isSimple)] : []),
		...report.databases.map((database) => restoreItem(context, database, from, isSimple)),
	];
}

async function globals({ context, item, dump, isSimple }: Run): Promise<IDataObject[]> {
	const startedAt = Date.now();
	const { connectTimeout, existingRoles } = restoreOptionsOf(context, item);
	const signal = context.getExecutionCancelSignal();
	const report = await withPostgres(context, item, { connectTimeout }, async (connection) => {
		return await importGlobals(connection, dump, { existing: existingRoles, signal });
	});
	return [globalsItem(context, report, { duration: Date.now() - startedAt, from: { file: dump.name } }, isSimple)];
}

const RUN: Record<ImportContents, typeof oneDatabase> = { database: oneDatabase, allDatabases, globals };

/** Restores a dump that was made by pg_dump or pg_dumpall itself: an item with the report for each database, and one for the roles. */
export const importDump: Operation = {
	journal: { action: 'import', kind: 'postgres' },
	description: [
		...sourceFields(SHOWN, {
			storage: 'A file in a folder or an S3 bucket',
			binary: 'A file that another node put out, such as an upload',
		}),
		dumpFileField(SHOWN),
		...contentsFields,
		...targetFields(SHOWN, ONE),
		selectionByName(SHOWN, ONE),
		simplifyField(shownFor(SHOWN)),
		optionsFor('database', restoreOptions),
		optionsFor('allDatabases', [existingRolesOption, ...restoreOptions]),
		optionsFor('globals', [existingRolesOption]),
	],
	async execute(context, item) {
		const contents = context.getNodeParameter('contents', item, 'database') as ImportContents;
		const isSimple = isSimplified(context, item);
		return await withForeignDump(context, item, async (dump) => {
			const mustBeEncrypted = dump.keys?.requireEncryption ?? false;
			const items = await RUN[contents]({ context, item, dump: { ...dump, mustBeEncrypted }, isSimple });
			context.logger.info(`Postgres Dump: imported ${dump.name}`, { contents });
			return items.map((json) => ({ json }));
		});
	},
};
