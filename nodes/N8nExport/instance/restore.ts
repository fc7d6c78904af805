import type { IDataObject, IExecuteFunctions, INodeExecutionData, INodeProperties } from 'n8n-workflow';

import {
	type BackupEntry,
	BackupError,
	type DecryptionKeys,
	instanceFolder,
	type Manifest,
	openArchive,
	type PostgresConnection,
	type RestoredInstance,
	restoreInstance as restore,
	type Storage,
} from '../../../engine';
import { chosenBackup, whileRestoring } from '../../shared/archiveSource';
import { bandwidthOption } from '../../shared/descriptions/bandwidth';
import { optionsField } from '../../shared/descriptions/options';
import { simplifyField } from '../../shared/descriptions/simplify';
import { backupField, folderOption, requireEncryptionOption } from '../../shared/descriptions/source';
import { describeRestored } from '../../shared/backupItem';
import { decryptionKeys } from '../../shared/encryption';
import { collectionOf, textOf, yesNoIn } from '../../shared/fields';
import { guardedByN8n } from '../../shared/fileAccess';
import { folderOf } from '../../shared/folder';
import { requestedByOption } from '../../shared/descriptions/requestedBy';
import { showWarnings } from '../../shared/hints';
import { eventOf } from '../../shared/journal';
import { type Operation, shownFor } from '../../shared/operation';
import { withPostgres } from '../../shared/postgresConnection';
import { inOneText, isSimplified, itemOf } from '../../shared/simplify';
import { openStorage } from '../../shared/storage';

import { OWN_FOLDER, WANTED } from './backupContent';

const OPERATION = 'restoreInstance';
const shown = shownFor([OPERATION]);
const intoPostgres = shownFor([OPERATION], { intoPostgres: [true] });

const fields: INodeProperties[] = [
	{
		...backupField([OPERATION], {
			latest: 'n8n',
			latestHint: 'The name of the backup: its newest one',
			file: 'n8n/n8n_20260131_020000.tar.zst.gpg',
		}),
		displayOptions: shown,
	},
	{
		displayName:
			'Nothing of the n8n that runs is changed. A new folder is prepared, which a new n8n starts from: it holds the database and the encryption key of its credentials, so only those should reach it who may read all of them.',
		name: 'restoreNotice',
		type: 'notice',
		default: '',
		displayOptions: shown,
	},
	{
		displayName: 'Into Folder',
		name: 'targetFolder',
		type: 'string',
		required: true,
		default: '',
		placeholder: 'e.g. /home/node/.n8n-files/restored',
		description:
			'Absolute path; it must be empty, or not exist yet. n8n must allow nodes to use it: N8N_RESTRICT_FILE_ACCESS_TO. It becomes the N8N_USER_FOLDER of the new n8n.',
		displayOptions: shown,
	},
	{
		displayName: 'Into PostgreSQL',
		name: 'intoPostgres',
		type: 'boolean',
		noDataExpression: true,
		default: false,
		description:
			'Whether the n8n that was backed up kept its data in PostgreSQL: its database is made anew on a server',
		displayOptions: shown,
	},
	{
		displayName: 'New Database',
		name: 'newDatabase',
		type: 'string',
		required: true,
		default: 'n8n_restored',
		description: 'Name of the database; it must not exist yet. The user of the credential needs CREATEDB.',
		displayOptions: intoPostgres,
	},
	{
		displayName: 'n8n Version',
		name: 'n8nVersion',
		type: 'string',
		default: '',
		placeholder: 'e.g. 2.41.3',
		description:
			'Version of the n8n that is to start from it, where it is known; one that is older than the backup needs is refused',
		displayOptions: shown,
	},
	simplifyField(shown),
	optionsField(OPERATION, [bandwidthOption, folderOption(OWN_FOLDER), requestedByOption, requireEncryptionOption]),
];

/** Prepares what a new n8n starts from: one item with what it needs. */
export const restoreInstance: Operation = {
	description: fields,
	journal: { action: 'restore', kind: 'n8n-instance' },
	async execute(context, item) {
		const options = collectionOf(context, 'options', item, 'Options');
		const target = textOf(context.getNodeParameter('targetFolder', item), 'Into Folder').trim();
		if (target === '') {
			throw new BackupError('INVALID_INPUT', 'No folder to restore into is named.', { hint: 'Fill in Into Folder.' });
		}
		eventOf(context, item).tell({ place: `folder ${target}` });
		const folder = await guardedByN8n(context.helpers).allowedFolder(target);
		const keys = await decryptionKeys(context, item);
		const storage = await openStorage(context, item);
		const wanted = { ...WANTED, folder: folderOf(options, OWN_FOLDER) };
		const backup = await chosenBackup(context, item, storage, wanted, keys);
		return await whileRestoring(context, item, storage, backup.manifest, async (visible) => {
			return await restoreFrom(context, item, { storage: visible, backup, keys, folder });
		});
	},
};

interface Restoring {
	storage: Storage;
	backup: BackupEntry;
	keys: DecryptionKeys | undefined;
	/** To restore into. */
	folder: string;
}

async function restoreFrom(
	context: IExecuteFunctions,
	item: number,
	{ storage, backup, keys, folder }: Restoring,
): Promise<INodeExecutionData[]> {
	const reader = await openArchive(storage, { manifest: backup.manifest, folder: backup.folder }, keys);
	const signal = context.getExecutionCancelSignal();
	const restored = await withDatabase(context, item, async (database) => {
		return await restore({
			reader,
			storage,
			keys,
			folder,
			running: instanceFolder(process.env),
			version: textOf(context.getNodeParameter('n8nVersion', item), 'n8n Version').trim(),
			...(database && { database }),
			...(signal && { signal }),
			log: (line) => context.logger.info(`n8n Export: ${line}`),
		});
	});
	const warnings = [...(backup.remark ? [backup.remark] : []), ...restored.warnings];
	showWarnings(context, warnings);
	return [{ json: itemFor(restored, reader.manifest, warnings, isSimplified(context, item)) }];
}

/** Runs `use` with the database to make, where there is to be one. @throws BackupError INVALID_INPUT */
async function withDatabase<T>(
	context: IExecuteFunctions,
	item: number,
	use: (database: { connection: PostgresConnection; name: string } | undefined) => Promise<T>,
): Promise<T> {
	const chosen = { intoPostgres: context.getNodeParameter('intoPostgres', item) };
	if (!yesNoIn(chosen, 'intoPostgres', false, 'Into PostgreSQL')) return await use(undefined);
	const name = textOf(context.getNodeParameter('newDatabase', item), 'New Database').trim();
	if (name === '') {
		throw new BackupError('INVALID_INPUT', 'The new database has no name.', { hint: 'Fill in New Database.' });
	}
	return await withPostgres(context, item, {}, async (connection) => await use({ connection, name }));
}

function itemFor(
	{ source, folder, database, binaryFiles, environment }: RestoredInstance,
	manifest: Manifest,
	warnings: string[],
	isSimple: boolean,
): IDataObject {
	const { id, file, startedAt } = describeRestored(manifest);
	const columns = {
		folder,
		n8nVersion: source.version,
		startedAt,
		database: database ?? 'SQLite',
		packages: source.packages.length,
		binaryFiles: binaryFiles ?? 0,
		warning: inOneText(warnings),
		file,
		id,
	};
	const details = { environment, communityPackages: source.packages, environmentVariables: source.variables, warnings };
	return itemOf(columns, { ...details, lastMigration: source.lastMigration }, isSimple);
}
