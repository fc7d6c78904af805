import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';

import { type BackupEntry, listManifests } from '../../../engine';
import { toNodeError } from '../../shared/errors';
import { label } from '../../shared/listSearch/searchBackups';
import { openStorageForList } from '../../shared/storage';

/** The backups of all kinds in the storage, newest first; a backup and its weekly copies are one. */
export async function searchBackups(this: ILoadOptionsFunctions, filter = ''): Promise<INodeListSearchResult> {
	try {
		const { backups } = await listManifests(await openStorageForList(this), '');
		const byId = new Map<string, BackupEntry[]>();
		for (const entry of backups) byId.set(entry.manifest.id, [...(byId.get(entry.manifest.id) ?? []), entry]);
		const results = Array.from(byId, ([value, copies]) => ({ name: nameOf(copies), value }));
		return { results: results.filter(({ name }) => name.toLowerCase().includes(filter.toLowerCase())) };
	} catch (error) {
		throw toNodeError(this.getNode(), error);
	}
}

/** `postgres: shop, 2026-01-31 02:00:00 UTC, 3.4 MB, pinned` */
function nameOf(copies: BackupEntry[]): string {
	const { manifest } = copies[0]!;
	const pinned = copies.some((copy) => copy.manifest.pinned) ? ', pinned' : '';
	return `${manifest.kind}: ${label(manifest)}${pinned}`;
}
