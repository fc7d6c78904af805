import type { INodeProperties } from 'n8n-workflow';

import { bandwidthOption } from '../../shared/descriptions/bandwidth';
import { asRunOption, dryRunOption } from '../../shared/descriptions/dryRun';
import { optionsField } from '../../shared/descriptions/options';
import { requestedByOption } from '../../shared/descriptions/requestedBy';
import { simplifyField } from '../../shared/descriptions/simplify';
import { requireEncryptionOption } from '../../shared/descriptions/source';
import { shownFor } from '../../shared/operation';
import { clusterField } from './cluster';

const OPERATION = 'recover';
const shown = shownFor([OPERATION]);
const shownTo = (recoverTo: string) => shownFor([OPERATION], { recoverTo: [recoverTo] });

const recoverOptions: INodeProperties[] = [
	{
		displayName: 'Base Backup',
		name: 'baseBackup',
		type: 'resourceLocator',
		default: { mode: 'list', value: '' },
		description: 'The one to begin from. Without this option, the newest one that ends before the moment.',
		modes: [
			{
				displayName: 'From List',
				name: 'list',
				type: 'list',
				placeholder: 'Select a base backup...',
				typeOptions: { searchListMethod: 'searchBaseBackups', searchable: true },
			},
			{
				displayName: 'By ID',
				name: 'id',
				type: 'string',
				placeholder: 'e.g. 7f6b1f0e-4c0f-4f4b-9a55-1d7c3d9b2a10',
				hint: 'The id in the item of the base backup, or of List Backups',
			},
		],
	},
	{
		displayName: 'Inclusive',
		name: 'inclusive',
		type: 'boolean',
		default: true,
		description:
			'Whether what happened at just the time, LSN or transaction comes back, too. Switch it off to stop right before a transaction that must not come back.',
	},
	{
		displayName: 'Keep Archiving',
		name: 'keepArchiving',
		type: 'boolean',
		default: false,
		description:
			'Whether the recovered server goes on with archive_command as the one that was backed up. Only where it takes its place: otherwise the WAL of two servers is mixed.',
	},
	{
		displayName: 'Owner',
		name: 'owner',
		type: 'string',
		default: '',
		placeholder: 'e.g. 999:999',
		description:
			'User and group, by number, that the data directory is given to; into a folder only where n8n runs as root, into a tar always. PostgreSQL starts from none that belongs to another user than it runs as.',
	},
	{
		displayName: 'Port',
		name: 'port',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: 65535 },
		default: 5433,
		description: 'That the recovered server listens on. Without it, that of the server that was backed up.',
	},
	{
		displayName: 'Timeline',
		name: 'timeline',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: 4294967295 },
		default: 1,
		description:
			'Of the log that is followed. Without it, the newest one in which the moment lies: after a failover, that of the new primary.',
	},
];

/** In the order of the alphabet, as n8n's rules for options want it. */
const options = [
	asRunOption,
	bandwidthOption,
	dryRunOption,
	...recoverOptions,
	requestedByOption,
	requireEncryptionOption,
].sort((a, b) => a.displayName.localeCompare(b.displayName));

export const recoverFields: INodeProperties[] = [
	clusterField(
		OPERATION,
		'The server, with all of its databases, whose backups are recovered. It may stay empty where the storage holds those of one alone.',
	),
	{
		displayName: 'Recover To',
		name: 'recoverTo',
		type: 'options',
		noDataExpression: true,
		default: 'end',
		options: [
			{ name: 'End of the Base Backup', value: 'immediate', description: 'The first moment that can be had of it' },
			{ name: 'End of the WAL', value: 'end', description: 'Everything that was archived' },
			{ name: 'LSN', value: 'lsn', description: 'A position in the write-ahead log' },
			{ name: 'Restore Point', value: 'restorePoint', description: 'A moment that was given a name before' },
			{ name: 'Time', value: 'time', description: 'Everything that was committed by then' },
			{ name: 'Transaction', value: 'transaction', description: 'The commit of a transaction, by its number' },
		],
		displayOptions: shown,
	},
	{
		displayName: 'Time',
		name: 'time',
		type: 'string',
		required: true,
		default: '',
		placeholder: 'e.g. 2026-11-28T20:36:07Z',
		description:
			'By the clock of the server, with its zone: Z for UTC, or such as +01:00. Which moments can be had, the list of Cluster tells, and List Recovery Windows.',
		displayOptions: shownTo('time'),
	},
	{
		displayName: 'LSN',
		name: 'lsn',
		type: 'string',
		required: true,
		default: '',
		placeholder: 'e.g. 16/B374D848',
		description: 'As pg_current_wal_lsn() answers it',
		displayOptions: shownTo('lsn'),
	},
	{
		displayName: 'Transaction',
		name: 'transaction',
		type: 'string',
		required: true,
		default: '',
		placeholder: 'e.g. 4711',
		description: 'Its number, as it stands in xmin and in the log of the server',
		displayOptions: shownTo('transaction'),
	},
	{
		displayName: 'Restore Point',
		name: 'restorePoint',
		type: 'string',
		required: true,
		default: '',
		placeholder: 'e.g. before the upgrade',
		description:
			'The name that Create Restore Point, or pg_create_restore_point(), gave it. Of several the latest counts.',
		displayOptions: shownTo('restorePoint'),
	},
	{
		displayName: 'Recover Into',
		name: 'recoverInto',
		type: 'options',
		noDataExpression: true,
		default: 'folder',
		options: [
			{ name: 'Folder', value: 'folder', description: 'It becomes the data directory' },
			{
				name: 'Tar File',
				value: 'tar',
				description:
					'Holds the data directory: for a server on another machine, or for a user that n8n cannot give files to',
			},
		],
		displayOptions: shown,
	},
	{
		displayName: 'Into Folder',
		name: 'targetFolder',
		type: 'string',
		required: true,
		default: '',
		placeholder: 'e.g. /home/node/.n8n-files/recovered',
		description:
			'Absolute path; it must be empty, or not exist yet. It becomes the data directory. n8n must allow nodes to use it: N8N_RESTRICT_FILE_ACCESS_TO.',
		displayOptions: shownFor([OPERATION], { recoverInto: ['folder'] }),
	},
	{
		displayName: 'Into File',
		name: 'targetFile',
		type: 'string',
		required: true,
		default: '',
		placeholder: 'e.g. /home/node/.n8n-files/recovered.tar.gz',
		description:
			'Absolute path of a tar that does not exist yet; it ends with .tar, .tar.gz, .tgz or .tar.zst, and is compressed so. n8n must allow nodes to use its folder: N8N_RESTRICT_FILE_ACCESS_TO.',
		displayOptions: shownFor([OPERATION], { recoverInto: ['tar'] }),
	},
	{
		displayName: 'When Reached',
		name: 'whenReached',
		type: 'options',
		noDataExpression: true,
		default: 'promote',
		options: [
			{
				name: 'Open for Reading and Writing',
				value: 'promote',
				description: 'The server begins a timeline of its own (promote)',
			},
			{
				name: 'Shut Down',
				value: 'shutdown',
				description: 'The server ends; started again without recovery.signal, it goes on from there',
			},
			{
				name: 'Wait, Open for Reading',
				value: 'pause',
				description: 'To look whether it is the right moment; pg_wal_replay_resume() then opens it for writing',
			},
		],
		displayOptions: shown,
	},
	{
		displayName:
			'Nothing of a running server is changed: a new folder is filled, or a tar written, from which a PostgreSQL server of the same major version starts. It recovers by itself when it is started, and stops at this moment.',
		name: 'recoverNotice',
		type: 'notice',
		default: '',
		displayOptions: shown,
	},
	simplifyField(shown),
	optionsField(OPERATION, options),
];
