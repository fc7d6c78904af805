import type { INodeProperties } from 'n8n-workflow';

import {
	archiveFolderOption,
	compressionLevelOption,
	destinationFields,
	tagsOption,
	timeZoneOption,
} from '../../shared/descriptions/archive';
import { bandwidthOption } from '../../shared/descriptions/bandwidth';
import { optionsField } from '../../shared/descriptions/options';
import { runningOptions } from '../../shared/descriptions/running';
import { simplifyField } from '../../shared/descriptions/simplify';
import { connectTimeoutOption } from '../../shared/descriptions/source';
import { shownFor } from '../../shared/operation';
import { OWN_FOLDER } from '../backupContent';

import { databaseFields, parallelOption } from './databases';

const shown = shownFor(['backUp']);

/** A drop-down of what the server holds, in the credential's database, and a field for patterns beside it. */
function chosenAndWritten(what: 'Schemas' | 'Tables', name: string, label: string, action: string): INodeProperties[] {
	const one = what.slice(0, -1);
	const pattern = name.replace(/s$/, '');
	return [
		{
			displayName: label,
			name,
			type: 'multiOptions',
			typeOptions: { loadOptionsMethod: `get${what}` },
			default: [],
			description: `${action}. Choose from the list, or give names by an <a href="https://docs.n8n.io/code/expressions/">expression</a>.`,
		},
		{
			displayName: `${label} by Pattern`,
			name: `${pattern}Patterns`,
			type: 'string',
			default: '',
			placeholder: what === 'Schemas' ? 'e.g. sales_*, audit' : 'e.g. public.log_*, users',
			description: `${action}: patterns as pg_dump takes them, separated by commas. * stands for any characters, ? for one; names with capital letters go in double quotes. ${one}s of every database that is backed up are compared.`,
		},
	];
}

const contents: INodeProperties[] = [
	{
		displayName: 'Content',
		name: 'content',
		type: 'options',
		noDataExpression: true,
		options: [
			{ name: 'Schema and Data', value: 'all' },
			{ name: 'Schema Only', value: 'schema', description: 'Definitions without rows' },
			{ name: 'Data Only', value: 'data', description: 'Rows without definitions' },
		],
		default: 'all',
		displayOptions: shown,
	},
];

const selection: INodeProperties = {
	displayName: 'Selection',
	name: 'selection',
	type: 'collection',
	placeholder: 'Add Selection',
	default: {},
	displayOptions: shown,
	options: [
		...chosenAndWritten('Schemas', 'schemas', 'Schemas', 'Back up only these schemas'),
		...chosenAndWritten('Tables', 'tables', 'Tables', 'Back up only these tables'),
		...chosenAndWritten('Schemas', 'excludeSchemas', 'Exclude Schemas', 'Leave out these schemas'),
		...chosenAndWritten('Tables', 'excludeTables', 'Exclude Tables', 'Leave out these tables'),
		...chosenAndWritten(
			'Tables',
			'excludeTableData',
			'Exclude Data of Tables',
			'Back up the definition of these tables without their rows',
		),
	],
};

const options: INodeProperties[] = [
	bandwidthOption,
	...runningOptions,
	{
		displayName: 'Clean',
		name: 'clean',
		type: 'options',
		options: [
			{ name: 'No', value: 'none' },
			{ name: 'DROP First', value: 'drop', description: 'As pg_dump --clean' },
			{ name: 'DROP IF EXISTS First', value: 'dropIfExists', description: 'As pg_dump --clean --if-exists' },
		],
		default: 'none',
		description:
			'Whether the script drops what it creates. Only for archives that are to be loaded by hand; Restore does not need it.',
	},
	compressionLevelOption,
	connectTimeoutOption,
	archiveFolderOption(OWN_FOLDER),
	{
		displayName: 'Further pg_dump Arguments',
		name: 'extraArguments',
		type: 'string',
		default: '',
		placeholder: 'e.g. --no-comments --exclude-extension=timescaledb',
		description:
			'Further arguments of pg_dump. Those that shape the script are allowed; connection, format and output have fields of their own.',
	},
	{
		displayName: 'Include Owners',
		name: 'owner',
		type: 'boolean',
		default: true,
		description: 'Whether to keep who owns what; off is pg_dump --no-owner',
	},
	{
		displayName: 'Include Password Hashes',
		name: 'passwords',
		type: 'boolean',
		default: true,
		description:
			"Whether Roles and Globals keeps the hashes of passwords. Where the user may not read them, they are left out and the item's warnings say so.",
	},
	{
		displayName: 'Include Privileges',
		name: 'privileges',
		type: 'boolean',
		default: true,
		description: 'Whether to keep privileges (GRANT, REVOKE); off is pg_dump --no-acl',
	},
	{
		displayName: 'Large Objects',
		name: 'largeObjects',
		type: 'options',
		options: [
			{ name: 'With All of a Database', value: 'auto', description: 'But not with a selection of it' },
			{ name: 'Always', value: 'include' },
			{ name: 'Never', value: 'exclude' },
		],
		default: 'auto',
	},
	{
		displayName: 'Lock Timeout (Seconds)',
		name: 'lockTimeout',
		type: 'number',
		typeOptions: { minValue: 0, maxValue: 86400 },
		default: 0,
		description:
			'How long to wait for the lock of each table, which a session that alters the table keeps. 0 waits as long as it takes.',
	},
	parallelOption,
	{
		displayName: 'Serializable Snapshot',
		name: 'serializableDeferrable',
		type: 'boolean',
		default: false,
		description:
			'Whether to wait for a moment that is consistent among serializable transactions too, as pg_dump --serializable-deferrable',
	},
	tagsOption,
	timeZoneOption('Time zone of the time in file names'),
];

export const backUpFields: INodeProperties[] = [
	...databaseFields(['backUp', 'checkSetup']),
	...contents,
	...destinationFields(['backUp']),
	selection,
	simplifyField(shown),
	optionsField('backUp', options),
];
