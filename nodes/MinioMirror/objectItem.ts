import type { IDataObject } from 'n8n-workflow';

import { attributesFrom, isVersionName, keyOfVersion, pathOfVersion, type TreeEntry, versionIn } from '../../engine';
import { entryItem } from '../shared/tree/entryItem';
import type { Columns } from '../shared/simplify';

/** What an item says of an object of a backup. */
export function describeObject(entry: TreeEntry, isSimple: boolean): IDataObject {
	return itemOfObject(entry, {}, isSimple);
}

/** The same beside older versions, with what a restore of that one alone names it by. */
export function describeVersion(entry: TreeEntry, isSimple: boolean): IDataObject {
	const isOlder = isVersionName(entry.name);
	const columns = {
		version: versionIn(entry)?.isDeleteMarker ? 'delete marker' : isOlder ? 'older' : 'current',
		object: isOlder ? pathOfVersion(entry.name) : entry.name,
	};
	return itemOfObject(entry, columns, isSimple);
}

function itemOfObject(entry: TreeEntry, more: Columns, isSimple: boolean): IDataObject {
	const { metadata = {}, tags = {}, ...headers } = attributesFrom(entry.attributes);
	const { etag, versionId } = entry.attributes ?? {};
	const { contentType = versionIn(entry)?.isDeleteMarker ? 'none' : '', storageClass = 'STANDARD' } = headers;
	const content = {
		name: { key: keyOfVersion(entry.name) },
		columns: { contentType, storageClass, ...more },
		details: {
			...headers,
			contentType,
			storageClass,
			...more,
			etag: typeof etag === 'string' ? etag : null,
			versionId: typeof versionId === 'string' ? versionId : null,
			metadata: { ...metadata },
			tags: { ...tags },
		},
	};
	return entryItem(entry, content, isSimple);
}
