import type { IExecuteFunctions, INodeParameterResourceLocator } from 'n8n-workflow';

import { BackupError, type BackupReference } from '../../engine';
import { textOf } from '../shared/fields';

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What the Backup field names. @throws BackupError INVALID_INPUT where it is empty */
export function chosenReference(context: IExecuteFunctions, item: number): BackupReference {
	const { mode, value } = context.getNodeParameter('backup', item) as INodeParameterResourceLocator;
	const text = textOf(value, 'Backup').trim();
	if (text === '') throw new BackupError('INVALID_INPUT', 'No backup is chosen.', { hint: 'Fill in Backup.' });
	if (mode === 'latest') return { latest: text };
	// From the list comes the key of what has no id that could be read.
	return mode === 'file' || (mode === 'list' && !ID.test(text)) ? { file: text } : { id: text };
}

/** What the field for incoming items names: an id, or the key of an archive or of its manifest. @throws BackupError INVALID_INPUT */
export function incomingReference(context: IExecuteFunctions, item: number): BackupReference {
	const text = textOf(context.getNodeParameter('incomingBackup', item), 'Backup ID or Key').trim();
	if (text !== '') return ID.test(text) ? { id: text } : { file: text };
	throw new BackupError('INVALID_INPUT', 'The incoming item tells of no backup.', {
		hint: 'Fill in Backup ID or Key; Back Up and List Backups put out both as id and key.',
	});
}
