import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';

import { listServerSnapshots, type ServerSnapshot } from '../../../engine';
import { toListError } from '../../shared/errors';
import { listLabel } from '../../shared/listSearch/label';
import { matching } from '../../shared/listSearch/matching';
import { readableSize } from '../../shared/listSearch/size';
import { qdrantConnection } from '../../shared/qdrantConnection';

/** `2026-01-31 02:00 UTC · docs · 3.4 MB · docs-1-2026-01-31-02-00-00.snapshot` */
function label({ name, collection, shard, size, createdAt, server }: ServerSnapshot, isOneServer: boolean): string {
	const whose = collection ?? 'whole storage';
	const facts = [
		shard === undefined ? whose : `${whose}, shard ${shard}`,
		readableSize(size),
		name,
		...(isOneServer ? [] : [server]),
	];
	return createdAt === undefined ? facts.join(' · ') : listLabel(new Date(createdAt), facts);
}

/** The snapshots on the disks of the server or of a cluster's peers, newest first. */
export async function searchServerSnapshots(this: ILoadOptionsFunctions, filter = ''): Promise<INodeListSearchResult> {
	try {
		const options = (this.getCurrentNodeParameter('options') ?? {}) as { peerUrls?: unknown };
		const connection = await qdrantConnection(this, 0, { connectTimeout: 10, peerUrls: options.peerUrls });
		const snapshots = await listServerSnapshots(connection);
		const isOneServer = new Set(snapshots.map(({ server }) => server)).size < 2;
		snapshots.sort((a, b) => ((a.createdAt ?? '') < (b.createdAt ?? '') ? 1 : -1));
		return matching(
			snapshots.map((snapshot) => ({ name: label(snapshot, isOneServer), value: snapshot.url })),
			filter,
		);
	} catch (error) {
		throw toListError(this.getNode(), error);
	}
}
