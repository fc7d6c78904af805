import { type INode, type INodeType, NodeHelpers } from 'n8n-workflow';
import { expect, it } from 'vitest';

import { BackupCopy } from '../../../nodes/BackupCopy/BackupCopy.node';
import { FilesArchive } from '../../../nodes/FilesArchive/FilesArchive.node';
import { MinioMirror } from '../../../nodes/MinioMirror/MinioMirror.node';
import { N8nExport } from '../../../nodes/N8nExport/N8nExport.node';
import { PostgresDump } from '../../../nodes/PostgresDump/PostgresDump.node';
import { PruneRetention } from '../../../nodes/PruneRetention/PruneRetention.node';
import { QdrantSnapshot } from '../../../nodes/QdrantSnapshot/QdrantSnapshot.node';

type Parameters = Record<string, string | boolean>;

/** The notices that a panel shows with these fields, and the defaults of the others. */
function noticesOf({ description }: INodeType, parameters: Parameters): string[] {
	const { properties } = description;
	const all = NodeHelpers.getNodeParameters(properties, parameters, true, false, null, description)!;
	const node = { typeVersion: 1 } as INode;
	return properties
		.filter((property) => property.type === 'notice')
		.filter((property) => NodeHelpers.displayParameter(all, property, node, description))
		.map(({ displayName }) => displayName);
}

const restore = { operation: 'restore' };
const into = { ...restore, target: 'existing' };

it.each<[string, INodeType, Parameters, RegExp[]]>([
	['the database that is swapped', new PostgresDump(), { ...restore, target: 'safeSwap' }, [/as it is now stays/]],
	['the database that is replaced', new PostgresDump(), { ...restore, target: 'replace' }, [/is dropped for good/]],
	['what a restore adds to', new PostgresDump(), into, [/stays.*Data Only.*sequences.*large objects/]],
	[
		'tables that are emptied',
		new PostgresDump(),
		{ ...into, before: 'truncate' },
		[/rows .* for good.*sequences go.*large objects.*overwritten.*Definitions.*Collect, a sequence/],
	],
	[
		'tables that are dropped',
		new PostgresDump(),
		{ ...into, before: 'drop' },
		[/dropped for good.*All else stays.*Collect, an index.*missing/],
	],
	['roles', new PostgresDump(), { ...restore, restoreKind: 'globals' }, [/that the backup holds.*None is dropped/]],
	[
		'all databases and the roles of a dump',
		new PostgresDump(),
		{ operation: 'import', contents: 'allDatabases' },
		[/Databases that are there stay/, /that the dump holds.*None is dropped/],
	],
	[
		'all databases of a dump',
		new PostgresDump(),
		{ operation: 'import', contents: 'allDatabases', withGlobals: false },
		[/Databases that are there stay/],
	],
	['the roles of a dump', new PostgresDump(), { operation: 'import', contents: 'globals' }, [/None is dropped/]],
	['keys of encrypted backups', new PostgresDump(), { operation: 'backUp', encrypt: true }, [/outside of n8n/]],
	['the collection that is swapped', new QdrantSnapshot(), { ...restore, target: 'safeSwap' }, [/until you delete it/]],
	[
		'files that are overwritten',
		new FilesArchive(),
		{ ...restore, existing: 'overwrite' },
		[/gone for good.*does not hold stays/],
	],
	[
		'workflows that are overwritten',
		new N8nExport(),
		{ operation: 'importWorkflows', dryRun: false, mode: 'updateById' },
		[/overwritten.*exported to the Backup Storage before.*stays live/],
	],
	['workflows that are added', new N8nExport(), { operation: 'importWorkflows', dryRun: false }, [/stay as they are/]],
	['an import that only tells', new N8nExport(), { operation: 'importWorkflows' }, []],
	[
		'the key of an instance',
		new N8nExport(),
		{ resource: 'instance', operation: 'backUpInstance' },
		[/encryption key.*N8N_STACK_BACKUP_ALLOW_INSTANCE=true/],
	],
	[
		'what a restored folder holds',
		new N8nExport(),
		{ resource: 'instance', operation: 'restoreInstance' },
		[/Nothing of the n8n that runs is changed/],
	],
	[
		'objects that are overwritten',
		new MinioMirror(),
		{ ...restore, existing: 'overwrite' },
		[/gone for good unless.*does not hold stays/],
	],
	[
		'a mirror that removes nothing',
		new MinioMirror(),
		{ operation: 'mirror' },
		[/differ from those of the source are replaced.*Nothing is removed/],
	],
	[
		'a mirror that removes objects',
		new MinioMirror(),
		{ operation: 'mirror', direction: 'folderToBucket', removeExtra: true },
		[/whoever put it there.*waits below \.stack-backup-trash\/.*Keep Removed.*more than Ceiling.*replaced/],
	],
	[
		'a folder that is a mirror',
		new MinioMirror(),
		{ operation: 'mirror', direction: 'bucketToFolder' },
		[/^Files of the target.*Nothing is removed/],
	],
	[
		'a folder that is a mirror from which files are removed',
		new MinioMirror(),
		{ operation: 'mirror', direction: 'bucketToFolder', removeExtra: true },
		[/target folder.*whoever put it there.*waits in \.stack-backup-trash.*Keep Removed.*replaced/],
	],
	['points', new QdrantSnapshot(), into, [/gone for good.*aliases stay/]],
	['server snapshots', new QdrantSnapshot(), { operation: 'deleteServerSnapshots' }, [/for good.*keeps its points/]],
	[
		'backups',
		new PruneRetention(),
		{ operation: 'prune' },
		[/for good.*Orphans.*last good.*verified, pinned.*Unproven/],
	],
	[
		'both storages of a copy',
		new BackupCopy(),
		{ operation: 'copyBackups' },
		[
			/^Reads the Backup Storage and writes into the second.*Nothing is deleted or overwritten/,
			/What could not be copied ends/,
		],
	],
	[
		'both storages of a copy that goes back',
		new BackupCopy(),
		{ operation: 'copyBackups', direction: 'fromSecond', onFailure: 'fail' },
		[/^Reads the second.*writes into the first.*Nothing is deleted or overwritten/],
	],
	[
		'keys of copies that are encrypted on their way',
		new BackupCopy(),
		{ operation: 'copyBackups', encryption: 'encrypt', dryRun: true, onFailure: 'fail' },
		[/outside of n8n/],
	],
	['a backup that is unpinned', new PruneRetention(), { operation: 'unpinBackup' }, [/next Prune deletes/]],
])('what becomes of %s is said before it is done', (_what, node, parameters, told) => {
	expect(noticesOf(node, parameters)).toEqual(told.map((pattern) => expect.stringMatching(pattern) as string));
});

it.each<[string, INodeType, Parameters]>([
	['a new database', new PostgresDump(), restore],
	['a new collection', new QdrantSnapshot(), restore],
	['files that are not there yet', new FilesArchive(), restore],
	['objects that are not there yet', new MinioMirror(), restore],
	['a backup of files', new FilesArchive(), { operation: 'backUp' }],
	['a backup', new PostgresDump(), { operation: 'backUp' }],
	['a dry run of a mirror', new MinioMirror(), { operation: 'mirror', removeExtra: true, dryRun: true }],
	['a dry run', new PruneRetention(), { operation: 'dryRun' }],
	['a dry run of a copy', new BackupCopy(), { operation: 'copyBackups', dryRun: true, onFailure: 'fail' }],
	['a list', new QdrantSnapshot(), { operation: 'listServerSnapshots' }],
])('%s puts nothing at stake, and has no notice', (_what, node, parameters) => {
	expect(noticesOf(node, parameters)).toEqual([]);
});
