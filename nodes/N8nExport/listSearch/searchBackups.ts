import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';

import { backupsFound } from '../../shared/listSearch/searchBackups';
import { OFFERED } from '../backupContent';
import { OFFERED as OFFERED_INSTANCES } from '../instance/backupContent';

/** The exports of workflows in the storage, or the backups of instances, newest first. */
export async function searchBackups(
	this: ILoadOptionsFunctions,
	filter = '',
	page?: string,
): Promise<INodeListSearchResult> {
	const isInstance = this.getCurrentNodeParameter('operation') === 'restoreInstance';
	return await backupsFound(this, filter, page, isInstance ? OFFERED_INSTANCES : OFFERED);
}
