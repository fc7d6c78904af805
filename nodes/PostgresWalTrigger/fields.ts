import type { INodeProperties } from 'n8n-workflow';

import {
	archiveFolderOption,
	compressionLevelOption,
	storedArchiveFields,
	tagsOption,
	timeZoneOption,
} from '../shared/descriptions/archive';
import { bandwidthOption } from '../shared/descriptions/bandwidth';
import { optionsField } from '../shared/descriptions/options';
import { simplifyField } from '../shared/descriptions/simplify';
import { connectTimeoutOption } from '../shared/descriptions/source';
import { shownFor } from '../shared/operation';

/** The only thing that the node does. It is not shown, and no choice, which n8n would offer beside the trigger itself; fields that other nodes have as well name it. */
export const FOLLOW = 'follow';
export const WAL_FOLDER = 'postgres/wal';

const shown = shownFor([FOLLOW]);

export const triggerFields: INodeProperties[] = [
	{
		displayName: 'Operation',
		name: 'operation',
		type: 'hidden',
		noDataExpression: true,
		default: FOLLOW,
	},
	{
		displayName:
			'As long as the workflow is published, WAL is stored as it is made. While it is not, the server keeps what was not stored, until its disk is full: limit that with <code>max_slot_wal_keep_size</code>, or drop the slot with Postgres PITR. Recovery also needs a base backup, which Postgres PITR makes.',
		name: 'slotNotice',
		type: 'notice',
		default: '',
	},
	{
		displayName: 'Replication Slot',
		name: 'slot',
		type: 'string',
		default: 'n8n_pitr',
		required: true,
		placeholder: 'e.g. n8n_pitr',
		description:
			'The slot by which the server keeps WAL until it is stored, the same as that of the base backups. It is made where it does not exist. One node at a time can use it.',
		displayOptions: shown,
	},
	{
		displayName: 'Interval (Seconds)',
		name: 'interval',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: 3600 },
		default: 10,
		description:
			'How long after WAL has come it is stored at the latest: so much is lost at most. While the server writes nothing, nothing is stored.',
		displayOptions: shown,
	},
	{
		displayName: 'Backup Name',
		name: 'backupName',
		type: 'string',
		default: '',
		placeholder: 'e.g. main',
		description: "What the backups are called and found by; the server's cluster_name where empty, or else its host",
		displayOptions: shown,
	},
	...storedArchiveFields([FOLLOW]),
	simplifyField(shown),
	optionsField(FOLLOW, [
		bandwidthOption,
		compressionLevelOption,
		connectTimeoutOption,
		archiveFolderOption(WAL_FOLDER),
		tagsOption,
		timeZoneOption('Of the time in file names'),
	]),
];
