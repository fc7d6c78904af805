/** Whose snapshots: the whole storage's, a collection's, or a shard's on the peer that is asked. */
export interface SnapshotScope {
	collection?: string;
	shard?: number;
}

/** The path of the snapshots of a scope, from the first slash. */
export function snapshotsPath({ collection, shard }: SnapshotScope): string {
	if (collection === undefined) return '/snapshots';
	return `/collections/${encodeURIComponent(collection)}${shard === undefined ? '' : `/shards/${shard}`}/snapshots`;
}

export function snapshotPath(scope: SnapshotScope, name: string): string {
	return `${snapshotsPath(scope)}/${encodeURIComponent(name)}`;
}

/** A scope as messages name it: `the collection docs`, `shard 2 of the collection docs`, `the whole storage`. */
export function describeScope({ collection, shard }: SnapshotScope): string {
	if (collection === undefined) return 'the whole storage';
	return `${shard === undefined ? '' : `shard ${shard} of `}the collection ${collection}`;
}
