import type { INodeProperties } from 'n8n-workflow';

import { bandwidthOption } from '../../shared/descriptions/bandwidth';
import { asRunOption, dryRunOption } from '../../shared/descriptions/dryRun';
import { requestedByOption } from '../../shared/descriptions/requestedBy';
import { simplifyField } from '../../shared/descriptions/simplify';
import { backupIdOption, latestBeforeOption } from '../../shared/descriptions/whichOfItsName';
import {
	backupField,
	connectTimeoutOption,
	folderOption,
	manifestField,
	requireEncryptionOption,
	sourceFields,
} from '../../shared/descriptions/source';
import { shownFor } from '../../shared/operation';
import { OWN_FOLDER } from '../backupContent';

import { restoreOptions, targetFields } from './target';

const database = { restoreKind: ['database'] };

/** Tables that are emptied have their definitions, tables that are dropped need them: there is a choice only otherwise. */
const intoExisting = { show: { '/target': ['existing'], '/before': ['nothing'] } };

/** A whole database is replaced by a whole database, never by a part of one: no Selection there. */
const TARGETS_OF_PARTS = ['newDatabase', 'existing'];

/** What to do with roles that the server has. */
export const existingRolesOption: INodeProperties = {
	displayName: 'Existing Roles',
	name: 'existingRoles',
	type: 'options',
	options: [
		{
			name: 'Update',
			value: 'update',
			description: 'Give them attributes, passwords and memberships of the backup',
		},
		{ name: 'Skip', value: 'skip', description: 'Leave them exactly as they are' },
	],
	default: 'update',
	description: 'What to do with roles and tablespaces that the server has already; none is ever dropped',
};

/** What becomes of the roles that a server has. */
export function rolesNotice(
	source: 'backup' | 'dump',
	displayOptions: INodeProperties['displayOptions'],
): INodeProperties {
	return {
		displayName: `Roles that the server has already get the attributes, passwords and memberships that the ${source} holds, unless Existing Roles in the Options is set to Skip. None is dropped, and those that the ${source} does not name stay as they are. The role of the Postgres credential keeps its attributes and its password.`,
		name: 'rolesNotice',
		type: 'notice',
		default: '',
		displayOptions,
	};
}

const fromBackup = (what: string) =>
	`${what}. Choose from the list, or give names by an <a href="https://docs.n8n.io/code/expressions/">expression</a>.`;

const dataOnly: INodeProperties = {
	displayName: 'Data Only',
	name: 'dataOnly',
	type: 'boolean',
	default: false,
	description: 'Whether to restore rows only, into tables that exist',
	displayOptions: intoExisting,
};

const schemaNames: INodeProperties = {
	displayName: 'Schemas by Name',
	name: 'schemaNames',
	type: 'string',
	default: '',
	placeholder: 'e.g. public, sales',
	description: 'Restore only these schemas; names separated by commas',
};

const tableNames: INodeProperties = {
	displayName: 'Tables by Name',
	name: 'tableNames',
	type: 'string',
	default: '',
	placeholder: 'e.g. public.users, public."Order Lines"',
	description:
		'Restore only these tables, separated by commas; a name without a schema means that of any. Names with capital letters or blanks go in double quotes.',
};

/** The Selection collection without drop-downs, for what has no manifest to fill them from. */
export function selectionByName(operations: string[], more: Record<string, string[]> = {}): INodeProperties {
	return {
		displayName: 'Selection',
		name: 'selection',
		type: 'collection',
		placeholder: 'Add Selection',
		default: {},
		displayOptions: shownFor(operations, { ...more, target: TARGETS_OF_PARTS }),
		options: [dataOnly, schemaNames, tableNames],
	};
}

const selection: INodeProperties = {
	displayName: 'Selection',
	name: 'selection',
	type: 'collection',
	placeholder: 'Add Selection',
	default: {},
	displayOptions: shownFor(['restore'], { ...database, target: TARGETS_OF_PARTS }),
	options: [
		dataOnly,
		{
			displayName: 'Schemas',
			name: 'schemas',
			type: 'multiOptions',
			typeOptions: { loadOptionsMethod: 'getBackupSchemas', loadOptionsDependsOn: ['backup.value'] },
			default: [],
			description: fromBackup('Restore only these schemas, as the backup holds them'),
		},
		schemaNames,
		{
			displayName: 'Tables',
			name: 'tables',
			type: 'multiOptions',
			typeOptions: { loadOptionsMethod: 'getBackupTables', loadOptionsDependsOn: ['backup.value'] },
			default: [],
			description: fromBackup('Restore only these tables, as the backup holds them'),
		},
		tableNames,
	],
};

export const restoreFields: INodeProperties[] = [
	{
		displayName: 'What to Restore',
		name: 'restoreKind',
		type: 'options',
		noDataExpression: true,
		options: [
			{ name: 'Database', value: 'database' },
			{ name: 'Roles and Globals', value: 'globals', description: 'Roles, memberships, tablespaces of the server' },
		],
		default: 'database',
		displayOptions: shownFor(['restore']),
	},
	...sourceFields(['restore'], {
		storage: 'A backup in a folder or an S3 bucket',
		binary: 'An archive that another node put out, such as a download',
	}),
	backupField(['restore'], {
		latest: 'shop',
		latestHint: 'The name of the database: its newest whole backup. For roles and globals: globals.',
		file: 'postgres/shop_20260131_020000.sql.zst',
	}),
	manifestField(
		['restore'],
		'With it the archive is checked before anything is changed and read in parallel; without it the file is read as a plain dump.',
	),
	rolesNotice('backup', shownFor(['restore'], { restoreKind: ['globals'] })),
	...targetFields(['restore'], database),
	selection,
	simplifyField(shownFor(['restore'])),
	{
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add Option',
		default: {},
		displayOptions: shownFor(['restore'], database),
		options: [
			backupIdOption,
			bandwidthOption,
			connectTimeoutOption,
			dryRunOption,
			folderOption(OWN_FOLDER),
			latestBeforeOption,
			...restoreOptions,
			asRunOption,
			requestedByOption,
			requireEncryptionOption,
		],
	},
	{
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add Option',
		default: {},
		displayOptions: shownFor(['restore'], { restoreKind: ['globals'] }),
		options: [
			backupIdOption,
			bandwidthOption,
			connectTimeoutOption,
			dryRunOption,
			existingRolesOption,
			folderOption(OWN_FOLDER),
			latestBeforeOption,
			asRunOption,
			requestedByOption,
			requireEncryptionOption,
		],
	},
];
