import { type INodeProperties, type INodePropertyOptions, type INodeType, NodeHelpers } from 'n8n-workflow';
import { describe, expect, it } from 'vitest';

import type { EventAction } from '../../../engine';
import { BackupCopy } from '../../../nodes/BackupCopy/BackupCopy.node';
import { operations as copy } from '../../../nodes/BackupCopy/operations';
import { BackupReport } from '../../../nodes/BackupReport/BackupReport.node';
import { alerting, reporting } from '../../../nodes/BackupReport/operations';
import { FilesArchive } from '../../../nodes/FilesArchive/FilesArchive.node';
import { operations as files } from '../../../nodes/FilesArchive/operations';
import { MinioMirror } from '../../../nodes/MinioMirror/MinioMirror.node';
import { operations as minio } from '../../../nodes/MinioMirror/operations';
import { N8nExport } from '../../../nodes/N8nExport/N8nExport.node';
import { operations as n8n } from '../../../nodes/N8nExport/operations';
import { PostgresDump } from '../../../nodes/PostgresDump/PostgresDump.node';
import { operations as postgres } from '../../../nodes/PostgresDump/operations';
import { operations as pitr } from '../../../nodes/PostgresPitr/operations';
import { PostgresPitr } from '../../../nodes/PostgresPitr/PostgresPitr.node';
import { pinning, pruning } from '../../../nodes/PruneRetention/operations';
import { PruneRetention } from '../../../nodes/PruneRetention/PruneRetention.node';
import { operations as qdrant } from '../../../nodes/QdrantSnapshot/operations';
import { QdrantSnapshot } from '../../../nodes/QdrantSnapshot/QdrantSnapshot.node';
import type { Journaled } from '../../../nodes/shared/journal';
import { operations as verify } from '../../../nodes/VerifyArchive/operations';
import { VerifyArchive } from '../../../nodes/VerifyArchive/VerifyArchive.node';

type Operations = Record<string, { journal?: Journaled }>;

/** Each node with its operations, and what each of them is in the journal; `looks` for what changes nothing and has no entry. */
const NODES: [node: INodeType, operations: Operations, entries: Record<string, EventAction | 'looks' | 'notes'>][] = [
	[new BackupCopy(), copy, { copyBackups: 'copy', compare: 'looks' }],
	[
		new BackupReport(),
		{ ...reporting, ...alerting },
		{
			createReport: 'looks',
			getMetrics: 'looks',
			getStatusPage: 'looks',
			listRuns: 'looks',
			noteRefusal: 'notes',
			checkAlerts: 'looks',
			checkSetup: 'looks',
		},
	],
	[
		new FilesArchive(),
		files,
		{ backUp: 'backUp', restore: 'restore', checkSetup: 'looks', listBackups: 'looks', listEntries: 'looks' },
	],
	[
		new MinioMirror(),
		minio,
		{
			backUp: 'backUp',
			restore: 'restore',
			mirror: 'mirror',
			checkSetup: 'looks',
			listBackups: 'looks',
			listObjects: 'looks',
		},
	],
	[
		new N8nExport(),
		n8n,
		{
			exportWorkflows: 'backUp',
			compareWorkflows: 'looks',
			importWorkflows: 'import',
			backUpInstance: 'backUp',
			restoreInstance: 'restore',
			checkSetup: 'looks',
			checkInstance: 'looks',
			listBackups: 'looks',
		},
	],
	[
		new PostgresDump(),
		postgres,
		{
			backUp: 'backUp',
			restore: 'restore',
			import: 'import',
			checkSetup: 'looks',
			listContents: 'looks',
			listBackups: 'looks',
		},
	],
	[
		new PostgresPitr(),
		pitr,
		{
			baseBackup: 'backUp',
			archiveWal: 'backUp',
			checkSetup: 'looks',
			createRestorePoint: 'looks',
			dropSlot: 'delete',
			listBackups: 'looks',
			listWindows: 'looks',
			recover: 'restore',
			switchWal: 'looks',
			takeInWal: 'backUp',
		},
	],
	[
		new PruneRetention(),
		{ ...pruning, ...pinning },
		{ dryRun: 'looks', prune: 'prune', pinBackup: 'pin', unpinBackup: 'unpin' },
	],
	[
		new QdrantSnapshot(),
		qdrant,
		{
			backUp: 'backUp',
			restore: 'restore',
			checkSetup: 'looks',
			listBackups: 'looks',
			listServerSnapshots: 'looks',
			deleteServerSnapshots: 'delete',
		},
	],
	[
		new VerifyArchive(),
		verify,
		{ verify: 'verify', drill: 'drill', checkTrend: 'looks', listBackups: 'looks', listVerifications: 'looks' },
	],
];

/** What writes an entry of something else, and has none of its own. */
const NOTES = /^note/;

/** Between a bucket and a folder there is no storage of backups, and so no journal. */
const NOTED_WHERE_IT_CAN = 'mirror';

/** What is made and looked at by schedules, and takes nothing away, needs nobody who has asked for it. */
const ASKED_FOR_BY_NOBODY: readonly string[] = ['backUp', 'verify', 'drill', 'looks'];

describe.each(NODES)('the operations of $description.displayName', ({ description }, operations, entries) => {
	const { properties, credentials = [] } = description;
	const offered = properties
		.filter(({ name }) => name === 'operation')
		.flatMap(({ options, displayOptions }) => {
			const [resource] = displayOptions!.show!['resource'] as [string];
			return (options as INodePropertyOptions[]).map(({ value }) => ({ resource, operation: String(value) }));
		});

	it('have each an entry in the journal, or only look', () => {
		expect(new Set(offered.map(({ operation }) => operation))).toEqual(new Set(Object.keys(entries)));
		const found = Object.entries(operations).map(([name, { journal }]) => [
			name,
			journal?.action ?? (NOTES.test(name) ? 'notes' : 'looks'),
		]);
		expect(Object.fromEntries(found)).toEqual(entries);
	});

	it.each(offered)(
		'$operation asks for who wants it where it changes something, and has a storage to note it in',
		(one) => {
			const values = NodeHelpers.getNodeParameters(properties, { ...one }, true, false, null, description)!;
			const shown = (field: INodeProperties | (typeof credentials)[number]) =>
				NodeHelpers.displayParameter(values, field, null, description);
			const fields = properties
				.filter(({ name }) => name === 'options')
				.filter(shown)
				.flatMap(({ options }) => options as INodeProperties[])
				.filter(({ displayOptions }) => {
					const operationsOf = displayOptions?.show?.['/operation'] as string[] | undefined;
					return !operationsOf || operationsOf.includes(one.operation);
				});
			const isAskedFor = !ASKED_FOR_BY_NOBODY.includes(entries[one.operation]!);
			expect(fields.some(({ name }) => name === 'requestedBy')).toBe(isAskedFor);
			const isNoted = entries[one.operation] !== 'looks' && entries[one.operation] !== NOTED_WHERE_IT_CAN;
			if (isNoted) expect(credentials.filter(shown).map(({ name }) => name)).toContain('backupStorageApi');
		},
	);
});
