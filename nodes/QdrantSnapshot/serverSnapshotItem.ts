import type { IDataObject } from 'n8n-workflow';

import type { ServerSnapshot } from '../../engine';
import { readableSize } from '../shared/listSearch/size';
import { itemOf } from '../shared/simplify';

/** What an item says of a snapshot on a server's disk; it has no collection where it is one of the whole storage. */
export function describeSnapshot({ collection, shard, name, size, createdAt, server }: ServerSnapshot): IDataObject {
	const columns = { name, collection, shard, size: readableSize(size), bytes: size, createdAt, server };
	return itemOf(columns, {}, true);
}
