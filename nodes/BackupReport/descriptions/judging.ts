import type { INodeProperties } from 'n8n-workflow';

import { DEFAULT_TARGETS } from '../../../engine';
import { requireEncryptionOption } from '../../shared/descriptions/source';
import { shownFor } from '../../shared/operation';

const ALL = ['createReport', 'getMetrics', 'getStatusPage', 'checkAlerts'];

/** What people want of their backups; the same in every operation, so that one expression serves all. */
const targetsField: INodeProperties = {
	displayName: 'Targets',
	name: 'targets',
	type: 'collection',
	placeholder: 'Add Target',
	default: {},
	description: 'What is wanted of the backups. One that is not added has the value in its description.',
	displayOptions: shownFor(ALL),
	options: [
		{
			displayName: 'Good Backups (%)',
			name: 'successRate',
			type: 'number',
			typeOptions: { minValue: 0, maxValue: 100, numberPrecision: 2 },
			default: DEFAULT_TARGETS.successRate * 100,
			description: 'The share of the backups of the last 30 days that has to be good; 99 unless set',
		},
		{
			displayName: 'Recovery Window Behind (Minutes)',
			name: 'windowMinutes',
			type: 'number',
			typeOptions: { minValue: 1, maxValue: 525_600 },
			default: DEFAULT_TARGETS.windowMinutes,
			description:
				'Of servers whose WAL is archived: how long ago the last moment may be that can be recovered; 60 unless set. A server that writes nothing is not behind.',
		},
		{
			displayName: 'RPO (Hours)',
			name: 'rpoHours',
			type: 'number',
			typeOptions: { minValue: 0, maxValue: 87_600, numberPrecision: 2 },
			default: DEFAULT_TARGETS.rpoHours,
			description:
				'How old the newest good backup of each thing may be; 24 unless set. Older ones are reported as stale.',
		},
		{
			displayName: 'RTO (Hours)',
			name: 'rtoHours',
			type: 'number',
			typeOptions: { minValue: 0, maxValue: 87_600, numberPrecision: 2 },
			default: DEFAULT_TARGETS.rtoHours,
			description: 'How long restoring everything may take, as test restores measured it; 1 unless set',
		},
		{
			displayName: 'Verified (%)',
			name: 'verifiedShare',
			type: 'number',
			typeOptions: { minValue: 0, maxValue: 100, numberPrecision: 2 },
			default: DEFAULT_TARGETS.verifiedShare * 100,
			description: 'Of which share of all things a backup has to be verified in the last 8 days; 100 unless set',
		},
	],
};

/**
 * Not all of the choices may ask for a credential: n8n takes such a field for the one that chooses how to log in, and hides it, and
 * the operation that it depends on.
 */
const compareField: INodeProperties = {
	displayName: 'Compare With',
	name: 'compareWith',
	type: 'multiOptions',
	options: [
		{ name: 'Expected Names', value: 'names', description: 'What the option Expected Names lists' },
		{
			name: 'Postgres',
			value: 'postgres',
			description: 'Databases and replication slots of the server that the credential names',
		},
		{ name: 'Qdrant', value: 'qdrant', description: 'Collections of the server that the credential names' },
		{ name: 'S3', value: 's3', description: 'Buckets of the server that the credential names' },
	],
	default: ['names'],
	description:
		'What has to have backups: the names in Expected Names, and the databases, collections or buckets of servers. What of them has none is reported, unless Ignored Names has it.',
	displayOptions: shownFor(ALL),
};

const folderOption: INodeProperties = {
	displayName: 'Folder',
	name: 'folder',
	type: 'string',
	default: '',
	placeholder: 'e.g. postgres',
	description: 'Only what lies in this folder of the storage. Leave empty for the whole storage.',
};

/** How far back events are told unless somebody says otherwise. */
export const EVENT_HOURS = 24;

const eventHoursOption: INodeProperties = {
	displayName: 'Events Window (Hours)',
	name: 'eventHours',
	type: 'number',
	typeOptions: { minValue: 1, maxValue: 87_600 },
	default: EVENT_HOURS,
	description: 'How far back restores, prunes, failures and refusals are reported, by the journal of the storage',
};

const expectedOption: INodeProperties = {
	displayName: 'Expected Names',
	name: 'expectedNames',
	type: 'string',
	default: '',
	placeholder: 'e.g. shop, articles',
	description:
		'Databases, collections, buckets and so on that there must be a backup of, separated by commas. What the storage has backups of is watched by itself.',
};

const ignoredOption: INodeProperties = {
	displayName: 'Ignored Names',
	name: 'ignoredNames',
	type: 'string',
	default: '',
	placeholder: 'e.g. old_shop, tmp_*',
	description:
		'Names that are not looked at, separated by commas: of what does not exist any more. * and ? stand for any characters.',
};

const lowStorageOption: INodeProperties = {
	displayName: 'Low Storage (%)',
	name: 'lowStorage',
	type: 'number',
	typeOptions: { minValue: 0, maxValue: 100 },
	default: 20,
	description: 'Less free room than this share of the disk is reported; 0 for never. Only folders tell their room.',
};

const oldBaseOption: INodeProperties = {
	displayName: 'Base Backup Older Than (Days)',
	name: 'oldBaseDays',
	type: 'number',
	typeOptions: { minValue: 0, maxValue: 3650 },
	default: 8,
	description:
		'Of servers whose WAL is archived: a newest base backup that is older is reported, for a recovery reads all WAL since; 0 for never',
};

const slotOption: INodeProperties = {
	displayName: 'Slot Holds More Than (GB)',
	name: 'slotHolds',
	type: 'number',
	typeOptions: { minValue: 0, maxValue: 1_000_000, numberPrecision: 2 },
	default: 10,
	description:
		'With Postgres in Compare With: a replication slot for which the server keeps more WAL is reported. Slots that are lost, or close to it, are in any case.',
};

const unverifiedOption: INodeProperties = {
	displayName: 'Unverified After (Days)',
	name: 'unverifiedDays',
	type: 'number',
	typeOptions: { minValue: 0, maxValue: 3650 },
	default: 8,
	description: 'What has passed no verification for so many days is reported; 0 for never',
};

const proofOption: INodeProperties = {
	...requireEncryptionOption,
	description:
		'Whether, with a Backup Encryption credential, backups that are not encrypted count as damaged; and with a passphrase in it, those whose manifest does not prove that it was made with this passphrase',
};

/** The Options of an operation: what all have, and its own. */
function optionsOf(operation: string): INodeProperties {
	const options = [
		...(OWN_OPTIONS[operation] ?? []),
		eventHoursOption,
		expectedOption,
		folderOption,
		ignoredOption,
		lowStorageOption,
		oldBaseOption,
		proofOption,
		slotOption,
		unverifiedOption,
	];
	return {
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add Option',
		default: {},
		displayOptions: shownFor([operation]),
		options: options.toSorted((a, b) => a.displayName.localeCompare(b.displayName)),
	};
}

/** Options that one operation has beyond the common ones. */
const OWN_OPTIONS: Record<string, INodeProperties[]> = {
	checkAlerts: [
		{
			displayName: 'Alert on Refusals',
			name: 'alertRefusals',
			type: 'boolean',
			default: false,
			description:
				'Whether refused attempts (a restore that was not confirmed, a wrong passphrase) are reported as problems, too',
		},
	],
	getMetrics: [
		{
			displayName: 'Known Names',
			name: 'knownNames',
			type: 'boolean',
			default: false,
			description:
				'Whether to add the names that dashboards of backup scripts use: rag_backup_*, postgres_backup_* and qdrant_backup_*',
		},
	],
	getStatusPage: [
		{
			displayName: 'Refresh After (Seconds)',
			name: 'refreshSeconds',
			type: 'number',
			typeOptions: { minValue: 0, maxValue: 86_400 },
			default: 0,
			description: 'After how many seconds a browser loads the page anew; 0 for never',
		},
	],
};

/** Fields that all operations share, behind their own. */
export const judgingFields: INodeProperties[] = [
	targetsField,
	compareField,
	...ALL.map((operation) => optionsOf(operation)),
];
