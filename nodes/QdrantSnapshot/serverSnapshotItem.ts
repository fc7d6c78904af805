import type { IDataObject } from 'n8n-workflow';

import type { ServerSnapshot } from '../../engine';

/** What an item says of a snapshot on a server's disk; null for the collection where it is one of the whole storage. */
export function describeSnapshot({ collection, shard, name, size, createdAt, server }: ServerSnapshot): IDataObject {
	return {
		name,
		collection: collection ?? null,
		shard: shard ?? null,
		bytes: size,
		createdAt: createdAt ?? null,
		server,
	};
}
