import type { IExecuteFunctions } from 'n8n-workflow';

import type { DumpSelection } from '../../engine';
import { archiveSettings } from '../shared/archiveSettings';
import { collectionOf, type Fields, numberIn, selectedIn, textOf, yesNoIn } from '../shared/fields';
import { connectTimeoutIn } from '../shared/postgresConnection';

import { OWN_FOLDER } from './backupContent';
import { parallelIn } from './connectionOptions';

interface OptionFields extends Fields {
	clean?: 'none' | 'drop' | 'dropIfExists';
	largeObjects?: 'auto' | 'include' | 'exclude';
}

/** A name as a pattern that matches nothing else: between quotes, pg_dump takes every character as it is. */
function exactly(name: string): string {
	return `"${name.replaceAll('"', '""')}"`;
}

function dumpSelection(context: IExecuteFunctions, item: number, options: OptionFields): DumpSelection {
	const fields = collectionOf(context, 'selection', item, 'Selection');
	const schemas = (name: string, patterns: string, label: string) => [
		...selectedIn(fields, name, label).map(exactly),
		...selectedIn(fields, patterns, `${label} by Pattern`),
	];
	// Drop-downs give tables in SQL's spelling, which is also a pattern that matches nothing else.
	const tables = (name: string, patterns: string, label: string) => [
		...selectedIn(fields, name, label),
		...selectedIn(fields, patterns, `${label} by Pattern`),
	];
	return {
		schemas: schemas('schemas', 'schemaPatterns', 'Schemas'),
		excludeSchemas: schemas('excludeSchemas', 'excludeSchemaPatterns', 'Exclude Schemas'),
		tables: tables('tables', 'tablePatterns', 'Tables'),
		excludeTables: tables('excludeTables', 'excludeTablePatterns', 'Exclude Tables'),
		excludeTableData: tables('excludeTableData', 'excludeTableDataPatterns', 'Exclude Data of Tables'),
		content: context.getNodeParameter('content', item) as DumpSelection['content'],
		noOwner: !yesNoIn(options, 'owner', true, 'Include Owners'),
		noPrivileges: !yesNoIn(options, 'privileges', true, 'Include Privileges'),
		clean: (options.clean ?? 'none') !== 'none',
		ifExists: options.clean === 'dropIfExists',
		largeObjects: options.largeObjects ?? 'auto',
		lockTimeout: numberIn(options, 'lockTimeout', 0, 'Lock Timeout (Seconds)', { min: 0, max: 86_400 }) * 1000,
		extraArguments: textOf(options['extraArguments'], 'Further pg_dump Arguments'),
	};
}

/** The fields of Back Up as the engine wants them, except where to read from and where to write to. */
export function backUpSettings(context: IExecuteFunctions, item: number) {
	const options = collectionOf(context, 'options', item, 'Options') as OptionFields;
	return {
		selection: dumpSelection(context, item, options),
		...archiveSettings(context, item, options, OWN_FOLDER),
		parallel: parallelIn(options),
		serializableDeferrable: yesNoIn(options, 'serializableDeferrable', false, 'Serializable Snapshot'),
		passwords: yesNoIn(options, 'passwords', true, 'Include Password Hashes'),
		connectTimeout: connectTimeoutIn(options),
	};
}

export type BackUpSettings = ReturnType<typeof backUpSettings>;
