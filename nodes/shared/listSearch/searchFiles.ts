import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';

import { HOUSEKEEPING, isLogKey, isOwnName, type StoredObject } from '../../../engine';
import { toListError } from '../errors';
import { openStorageForList } from '../storage';

import { listLabel } from './label';
import { readableSize } from './size';

/** The files in the storage, newest first, but for what retention keeps there and what belongs to archives. */
export async function searchFiles(this: ILoadOptionsFunctions, filter = ''): Promise<INodeListSearchResult> {
	try {
		const storage = await openStorageForList(this);
		const files: StoredObject[] = [];
		for await (const file of storage.list('', { without: HOUSEKEEPING })) {
			if (!isOwnName(file.key) && !isLogKey(file.key) && file.key.toLowerCase().includes(filter.toLowerCase()))
				files.push(file);
		}
		files.sort((a, b) => b.modifiedAt.getTime() - a.modifiedAt.getTime());
		const results = files.map(({ key, size, modifiedAt }) => ({
			name: listLabel(modifiedAt, [key, readableSize(size)]),
			value: key,
		}));
		return { results };
	} catch (error) {
		throw toListError(this.getNode(), error);
	}
}
