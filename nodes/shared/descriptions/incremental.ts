import type { INodeProperties } from 'n8n-workflow';

import { CHECKPOINT_GIB } from '../../../engine';
import { shownFor } from '../operation';

const ofIncremental = { show: { '/destination': ['storage'], '/backupType': ['incremental'] } };

/**
 * Whether a backup is whole, or what is new since the one before. That depends on where it goes: the field comes after Destination.
 * @param entries what the set is made of, in the plural
 */
export function backupTypeField(operations: string[], entries: string): INodeProperties {
	return {
		displayName: 'Backup Type',
		name: 'backupType',
		type: 'options',
		noDataExpression: true,
		options: [
			{
				name: 'Incremental',
				value: 'incremental',
				description: `Only new and changed ${entries} are stored; each backup restores as a whole one does`,
			},
			{ name: 'Whole', value: 'whole', description: 'Everything is stored each time' },
		],
		default: 'incremental',
		displayOptions: shownFor(operations, { destination: ['storage'] }),
	};
}

/** Entries of Options: how a set is stored in archives that go on from one another. */
export function incrementalOptions(entries: string): INodeProperties[] {
	return [
		{
			displayName: 'Checkpoint Size (GiB)',
			name: 'checkpointSize',
			type: 'number',
			typeOptions: { minValue: CHECKPOINT_GIB.min, maxValue: CHECKPOINT_GIB.max },
			default: 16,
			description:
				'A large backup is stored in archives of about this size; a run that was stopped goes on after the last of them',
			displayOptions: { show: { '/destination': ['storage'] } },
		},
		{
			displayName: 'Least Use (%)',
			name: 'leastUse',
			type: 'number',
			typeOptions: { minValue: 0, maxValue: 100 },
			default: 30,
			description:
				'A whole backup is made where less than this share of what the older archives hold is still in use; 0 for never',
			displayOptions: ofIncremental,
		},
		{
			displayName: 'Whole Every',
			name: 'wholeEvery',
			type: 'number',
			typeOptions: { minValue: 0, maxValue: 1000 },
			default: 30,
			description: `Every how many backups a whole one is made, which reads all ${entries} again; 0 for never`,
			displayOptions: ofIncremental,
		},
	];
}
