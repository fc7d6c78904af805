import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';

import { listManifests } from '../../../engine';
import { toNodeError } from '../../shared/errors';
import { folderPrefix } from '../../shared/folder';
import { label } from '../../shared/listSearch/searchBackups';
import { openStorageForList } from '../../shared/storage';

/**
 * The backups of all kinds in the storage, newest first: `postgres: shop, 2026-01-31 02:00:00 UTC, 3.4 MB`. A backup and its weekly
 * copies are one.
 */
export async function searchBackups(this: ILoadOptionsFunctions, filter = ''): Promise<INodeListSearchResult> {
	try {
		const storage = await openStorageForList(this);
		const { backups } = await listManifests(storage, folderPrefix(this, ''));
		const byId = new Map(backups.map(({ manifest }) => [manifest.id, manifest]));
		const results = Array.from(byId, ([value, manifest]) => ({ name: `${manifest.kind}: ${label(manifest)}`, value }));
		return { results: results.filter(({ name }) => name.toLowerCase().includes(filter.toLowerCase())) };
	} catch (error) {
		throw toNodeError(this.getNode(), error);
	}
}
