import type { IExecuteFunctions } from 'n8n-workflow';

import {
	archiveSide,
	chosenBy,
	type DecryptionKeys,
	foreignSide,
	type Manifest,
	openArchive,
	type Storage,
	type WorkflowChoice,
	type WorkflowSide,
} from '../../engine';
import { chosenBackup, chosenFile, whileRestoring, withIncomingFile } from '../shared/archiveSource';
import { decryptionKeys } from '../shared/encryption';
import { collectionOf } from '../shared/fields';
import { folderOf } from '../shared/folder';
import { openStorage } from '../shared/storage';

import { OWN_FOLDER, WANTED } from './backupContent';

/** What the Source fields name, and where it lies. */
export interface NamedWorkflows {
	side: WorkflowSide;
	storage: Storage;
	keys: DecryptionKeys | undefined;
	/** In the storage, as the Folder option names it. */
	folder: string;
	/** Undefined for a file of another tool. */
	manifest: Manifest | undefined;
	/** What there is to say of how the backup was chosen. */
	remark: string | undefined;
}

/** Runs `use` with the workflows that the fields of descriptions/source.ts name. @throws BackupError as chosenBackup does */
export async function withNamedWorkflows<T>(
	context: IExecuteFunctions,
	item: number,
	choice: WorkflowChoice,
	use: (named: NamedWorkflows) => Promise<T>,
): Promise<T> {
	const keys = await decryptionKeys(context, item);
	const storage = await openStorage(context, item);
	const folder = folderOf(collectionOf(context, 'options', item, 'Options'), OWN_FOLDER);
	const isChosen = chosenBy(choice);
	const place = { storage, keys, folder, remark: undefined, manifest: undefined };
	const mustBeEncrypted = keys?.requireEncryption ?? false;
	const source = context.getNodeParameter('source', item);
	if (source === 'binaryData') {
		return await withIncomingFile(context, item, async ({ storage: incoming, key, manifest }) => {
			const side = manifest
				? archiveSide(await openArchive(incoming, { manifest, folder: undefined }, keys), isChosen)
				: foreignSide({ storage: incoming, key, keys, mustBeEncrypted }, isChosen);
			return await use({ ...place, side, manifest });
		});
	}
	if (source === 'workflowFile') {
		const key = chosenFile(context, item, 'workflowFile');
		return await whileRestoring(context, item, storage, { key }, async (visible) => {
			return await use({ ...place, side: foreignSide({ storage: visible, key, keys, mustBeEncrypted }, isChosen) });
		});
	}
	const entry = await chosenBackup(context, item, storage, { ...WANTED, folder }, keys);
	return await whileRestoring(context, item, storage, entry.manifest, async (visible) => {
		const side = archiveSide(await openArchive(visible, entry, keys), isChosen);
		return await use({ ...place, side, remark: entry.remark, manifest: entry.manifest });
	});
}

/** The backup that the Later Backup field names. @throws BackupError as chosenBackup does */
export async function laterBackup(
	context: IExecuteFunctions,
	item: number,
	{ storage, keys, folder }: NamedWorkflows,
	choice: WorkflowChoice,
): Promise<{ side: WorkflowSide; remark: string | undefined }> {
	const field = { name: 'laterBackup', label: 'Later Backup' };
	const entry = await chosenBackup(context, item, storage, { ...WANTED, folder }, keys, field);
	return { side: archiveSide(await openArchive(storage, entry, keys), chosenBy(choice)), remark: entry.remark };
}
