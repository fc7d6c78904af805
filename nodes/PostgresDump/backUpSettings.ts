import type { IExecuteFunctions } from 'n8n-workflow';

import type { DumpSelection } from '../../engine';
import { type ArchiveOptionFields, archiveSettings } from '../shared/archiveSettings';
import { splitList } from '../shared/lists';

import { OWN_FOLDER } from './backupContent';

/** What a Selection drop-down gave and what was written beside it. */
interface SelectionFields {
	schemas?: string[];
	schemaPatterns?: string;
	excludeSchemas?: string[];
	excludeSchemaPatterns?: string;
	tables?: string[];
	tablePatterns?: string;
	excludeTables?: string[];
	excludeTablePatterns?: string;
	excludeTableData?: string[];
	excludeTableDataPatterns?: string;
}

interface OptionFields extends ArchiveOptionFields {
	owner?: boolean;
	privileges?: boolean;
	clean?: 'none' | 'drop' | 'dropIfExists';
	largeObjects?: 'auto' | 'include' | 'exclude';
	lockTimeout?: number;
	parallel?: number;
	serializableDeferrable?: boolean;
	passwords?: boolean;
	extraArguments?: string;
	connectTimeout?: number;
}

/** A name as a pattern that matches nothing else: between quotes, pg_dump takes every character as it is. */
function exactly(name: string): string {
	return `"${name.replaceAll('"', '""')}"`;
}

function dumpSelection(context: IExecuteFunctions, item: number, options: OptionFields): DumpSelection {
	const fields = context.getNodeParameter('selection', item, {}) as SelectionFields;
	const schemas = (chosen?: string[], written?: string) => [...splitList(chosen).map(exactly), ...splitList(written)];
	// Drop-downs give tables in SQL's spelling, which is also a pattern that matches nothing else.
	const tables = (chosen?: string[], written?: string) => [...splitList(chosen), ...splitList(written)];
	return {
		schemas: schemas(fields.schemas, fields.schemaPatterns),
		excludeSchemas: schemas(fields.excludeSchemas, fields.excludeSchemaPatterns),
		tables: tables(fields.tables, fields.tablePatterns),
		excludeTables: tables(fields.excludeTables, fields.excludeTablePatterns),
		excludeTableData: tables(fields.excludeTableData, fields.excludeTableDataPatterns),
		content: context.getNodeParameter('content', item) as DumpSelection['content'],
		noOwner: options.owner === false,
		noPrivileges: options.privileges === false,
		clean: (options.clean ?? 'none') !== 'none',
		ifExists: options.clean === 'dropIfExists',
		largeObjects: options.largeObjects ?? 'auto',
		lockTimeout: (options.lockTimeout ?? 0) * 1000,
		extraArguments: options.extraArguments,
	};
}

/** The fields of Back Up as the engine wants them, except where to read from and where to write to. */
export function backUpSettings(context: IExecuteFunctions, item: number) {
	const options = context.getNodeParameter('options', item, {}) as OptionFields;
	return {
		selection: dumpSelection(context, item, options),
		...archiveSettings(context, item, options, OWN_FOLDER),
		parallel: options.parallel ?? 2,
		serializableDeferrable: options.serializableDeferrable ?? false,
		passwords: options.passwords ?? true,
		connectTimeout: (options.connectTimeout ?? 30) * 1000,
	};
}

export type BackUpSettings = ReturnType<typeof backUpSettings>;
