import type { INodeProperties } from 'n8n-workflow';

import { backupField, manifestField, sourceFields } from '../../shared/descriptions/source';

/** Which backup is read: to restore it, or to list what it holds. */
export function heldFields(operations: string[]): INodeProperties[] {
	return [
		...sourceFields(operations, {
			storage: 'A backup in a folder or an S3 bucket',
			binary: 'An archive of Back Up that another node put out, such as a download',
		}),
		backupField(operations, {
			latest: 'documents',
			latestHint: 'The name of the backup, by default that of the folder: its newest one',
			file: 'files/documents_20260131_020000.tar.zst',
		}),
		manifestField(operations, 'Without it the archive cannot be read.'),
	];
}
