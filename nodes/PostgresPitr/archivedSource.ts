import { basename } from 'node:path';

import type { IExecuteFunctions } from 'n8n-workflow';

import { BackupError, FolderStorage, S3Storage, type TakeInOptions } from '../../engine';
import { oneOf } from '../shared/choice';
import { type Fields, locatedText, textOf } from '../shared/fields';
import { guardedByN8n } from '../shared/fileAccess';
import { eventOf } from '../shared/journal';
import { s3Connection } from '../shared/s3Connection';

/**
 * Where the archive_command of a server has put its WAL.
 * @throws BackupError INVALID_INPUT, STORAGE_DENIED (a folder that n8n's settings forbid)
 */
export async function archivedSource(
	context: IExecuteFunctions,
	item: number,
	options: Fields,
): Promise<Pick<TakeInOptions, 'files' | 'prefix'>> {
	const archivedIn = oneOf(context.getNodeParameter('archivedIn', item), ['folder', 'bucket'], 'Archived In');
	const signal = context.getExecutionCancelSignal();
	if (archivedIn === 'folder') {
		const path = given(textOf(context.getNodeParameter('archiveFolder', item), 'Archive Folder'), 'Archive Folder');
		eventOf(context, item).tell({ place: `folder ${path}` });
		const root = await guardedByN8n(context.helpers).allowedFolder(path);
		const description = `folder ${basename(path)}`;
		return { files: new FolderStorage({ root, description, ...(signal && { runSignal: signal }) }), prefix: '' };
	}
	const bucket = given(locatedText(context, 'archiveBucket', item, 'Archive Bucket'), 'Archive Bucket');
	const prefix = textOf(context.getNodeParameter('archivePrefix', item), 'Archive Prefix').trim();
	eventOf(context, item).tell({ place: `bucket ${bucket}` });
	const connection = await s3Connection(context, item, options);
	const files = new S3Storage({ ...connection, bucket, ...(signal && { runSignal: signal }) });
	return { files, prefix: prefix.replace(/^\/+/, '') };
}

function given(value: string, label: string): string {
	const text = value.trim();
	if (text !== '') return text;
	throw new BackupError('INVALID_INPUT', `${label} is empty.`, { hint: `Fill in ${label}.` });
}
