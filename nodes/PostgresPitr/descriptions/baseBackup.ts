import type { INodeProperties } from 'n8n-workflow';

import { BASE_BACKUP_RATE } from '../../../engine';
import {
	archiveFolderOption,
	compressionLevelOption,
	storedArchiveFields,
	tagsOption,
	timeZoneOption,
} from '../../shared/descriptions/archive';
import { bandwidthOption } from '../../shared/descriptions/bandwidth';
import { optionsField } from '../../shared/descriptions/options';
import { runningOptions } from '../../shared/descriptions/running';
import { simplifyField } from '../../shared/descriptions/simplify';
import { connectTimeoutOption } from '../../shared/descriptions/source';
import { CHECK_SETUP } from '../../shared/setup/fields';
import { shownFor } from '../../shared/operation';
import { BASE_FOLDER } from '../backupContent';
import { slotField } from './slot';

const shown = shownFor(['baseBackup']);

const options: INodeProperties[] = [
	bandwidthOption,
	{
		displayName: 'Checkpoint',
		name: 'checkpoint',
		type: 'options',
		options: [
			{ name: 'Fast', value: 'fast', description: 'The backup begins at once, with a burst of writing on the server' },
			{ name: 'Spread', value: 'spread', description: 'As slowly as regular ones: the backup begins minutes later' },
		],
		default: 'fast',
		description: 'How the server makes the checkpoint that a base backup begins with',
	},
	...runningOptions,
	compressionLevelOption,
	connectTimeoutOption,
	{
		displayName: 'Fail on Damaged Pages',
		name: 'failOnDamage',
		type: 'boolean',
		default: false,
		description:
			'Whether a page that does not fit its checksum fails the backup; otherwise it is stored, and a warning names file and block',
	},
	archiveFolderOption(BASE_FOLDER),
	{
		displayName: 'Full Every',
		name: 'fullEvery',
		type: 'number',
		typeOptions: { minValue: 0, maxValue: 1000 },
		default: 7,
		description:
			'Every how many backups a full one is made; 0 for never. Each increment makes a recovery a little longer.',
		displayOptions: { show: { '/backupType': ['incremental'] } },
	},
	{
		displayName: 'Server Rate Limit (kB/s)',
		name: 'maxRate',
		type: 'number',
		typeOptions: { minValue: 0, maxValue: BASE_BACKUP_RATE.max },
		default: 0,
		description: `How fast the server reads and sends at most, from ${BASE_BACKUP_RATE.min} kB a second on; 0 for no limit`,
	},
	tagsOption,
	timeZoneOption('Of the time in file names'),
];

export const baseBackupFields: INodeProperties[] = [
	{
		displayName: 'Backup Type',
		name: 'backupType',
		type: 'options',
		noDataExpression: true,
		options: [
			{ name: 'Full', value: 'full', description: 'All files of the server' },
			{
				name: 'Incremental',
				value: 'incremental',
				description: 'Only blocks that have changed since the newest base backup; PostgreSQL 17 and later',
			},
		],
		default: 'full',
		displayOptions: shownFor(['baseBackup', CHECK_SETUP]),
	},
	slotField(['baseBackup', 'archiveWal', CHECK_SETUP]),
	{
		displayName:
			'Once there is a slot, the server keeps all WAL (its log of changes) that is not archived yet, until its disk is full if nobody comes for it. Let <b>Archive WAL</b> run on a schedule, and limit what the slot may keep: <code>max_slot_wal_keep_size</code>.',
		name: 'slotNotice',
		type: 'notice',
		default: '',
		displayOptions: { show: { ...shown.show }, hide: { slot: [''] } },
	},
	{
		displayName: 'Backup Name',
		name: 'backupName',
		type: 'string',
		default: '',
		placeholder: 'e.g. main',
		description: "What the backups are called and found by; the server's cluster_name where empty, or else its host",
		displayOptions: shownFor(['baseBackup', 'archiveWal']),
	},
	...storedArchiveFields(['baseBackup']),
	simplifyField(shown),
	optionsField('baseBackup', options),
];
