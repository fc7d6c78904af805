import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';

import { listManifests } from '../../../engine';
import { decryptionKeysInEditor } from '../../shared/encryption';
import { toListError } from '../../shared/errors';
import { matching } from '../../shared/listSearch/matching';
import { listLabel } from '../../shared/listSearch/label';
import { openStorageForList } from '../../shared/storage';

/** The clusters that the storage has base backups of, each with its newest one, by PostgreSQL's system identifier. */
export async function searchClusters(this: ILoadOptionsFunctions, filter = ''): Promise<INodeListSearchResult> {
	try {
		const storage = await openStorageForList(this);
		const keys = await decryptionKeysInEditor(this);
		const { backups } = await listManifests(storage, '', { kind: 'postgres-base' }, undefined, keys);
		const clusters = new Map<string, string>();
		for (const { manifest } of backups) {
			const identifier = String(manifest.source['systemIdentifier']);
			const label = listLabel(new Date(manifest.startedAt), [manifest.name, identifier]);
			if (!clusters.has(identifier)) clusters.set(identifier, label);
		}
		return matching(
			[...clusters].map(([value, name]) => ({ name, value })),
			filter,
		);
	} catch (error) {
		throw toListError(this.getNode(), error);
	}
}
