import type { ILoadOptionsFunctions, INodePropertyOptions } from 'n8n-workflow';

import { HOUSEKEEPING, MANIFEST_SUFFIX } from '../../../engine';
import { toNodeError } from '../../shared/errors';
import { openStorageForList } from '../../shared/storage';

/** Where backups go by default, and weekly copies. */
const USUAL = ['files/', 'minio/', 'n8n/', 'postgres/', 'qdrant/', 'weekly/'];

/** Folders as one may name them: those with backups, those that they lie in, and the usual ones. */
export async function getFolders(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
	try {
		const storage = await openStorageForList(this);
		const counts = new Map(USUAL.map((folder) => [folder, 0]));
		for await (const { key } of storage.list('', { without: HOUSEKEEPING })) {
			if (!key.endsWith(MANIFEST_SUFFIX)) continue;
			for (const folder of foldersAbove(key)) counts.set(folder, (counts.get(folder) ?? 0) + 1);
		}
		return Array.from(counts, ([folder, backups]) => ({
			name: folder,
			value: folder,
			description: backups === 1 ? '1 backup' : `${backups} backups`,
		})).sort((a, b) => a.value.localeCompare(b.value));
	} catch (error) {
		throw toNodeError(this.getNode(), error);
	}
}

/** `weekly/`, `weekly/2026_W05/` */
function foldersAbove(key: string): string[] {
	const parts = key.split('/').slice(0, -1);
	return parts.map((_part, index) => `${parts.slice(0, index + 1).join('/')}/`);
}
