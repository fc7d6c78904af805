import type { StoredObject } from '../../storage/storage';
import { MANIFEST_SUFFIX } from '../manifest/manifest';
import { VERIFICATION_SUFFIX } from '../naming';
import { checkedLine, type CatalogLine, type UncheckedLine } from './stored';

/** What the listing tells of an archive, of its manifest and of its record; times in milliseconds. */
export interface ListedArchive<T> {
	size: number | undefined;
	modifiedAt: number;
	sharedAs: string | undefined;
	manifestSize: number | undefined;
	manifestModifiedAt: number;
	manifestEtag: string | undefined;
	recordSize: number | undefined;
	recordModifiedAt: number;
	/** Whether its manifest was read, in this run or in an earlier one. */
	isKnown: boolean;
	/** What the caller keeps of it. */
	kept: T | undefined;
}

/** Takes an object that is listed into the record of its archive. */
export function takeInto<T>(
	listing: Map<string, ListedArchive<T>>,
	{ key, size, modifiedAt, sharedAs, etag }: StoredObject,
): void {
	const time = modifiedAt.getTime();
	if (key.endsWith(MANIFEST_SUFFIX)) {
		const listed = recordOf(listing, key.slice(0, -MANIFEST_SUFFIX.length));
		listed.manifestSize = size;
		listed.manifestModifiedAt = time;
		listed.manifestEtag = etag;
	} else if (key.endsWith(VERIFICATION_SUFFIX)) {
		const listed = recordOf(listing, key.slice(0, -VERIFICATION_SUFFIX.length));
		listed.recordSize = size;
		listed.recordModifiedAt = time;
	} else {
		const listed = recordOf(listing, key);
		listed.size = size;
		listed.modifiedAt = time;
		listed.sharedAs = sharedAs;
	}
}

function recordOf<T>(listing: Map<string, ListedArchive<T>>, key: string): ListedArchive<T> {
	const known = listing.get(key);
	if (known) return known;
	const listed: ListedArchive<T> = {
		size: undefined,
		modifiedAt: 0,
		sharedAs: undefined,
		manifestSize: undefined,
		manifestModifiedAt: 0,
		manifestEtag: undefined,
		recordSize: undefined,
		recordModifiedAt: 0,
		isKnown: false,
		kept: undefined,
	};
	listing.set(key, listed);
	return listed;
}

/**
 * The line where it is of the manifest that is listed, or of one that is missed; undefined for one without use. What costs
 * time comes last.
 */
export function lineFor<T>(unchecked: UncheckedLine, listed: ListedArchive<T>): CatalogLine | undefined {
	if (listed.manifestSize !== undefined) return isOfManifest(unchecked, listed) ? checkedLine(unchecked) : undefined;
	const line = listed.size === undefined ? undefined : checkedLine(unchecked);
	return line && isMissed(line, listed) ? line : undefined;
}

/** Whether the manifest that the storage lists is the one that a line is of. */
function isOfManifest<T>(line: UncheckedLine, listed: ListedArchive<T>): boolean {
	const { manifestSize, manifestModifiedAt, manifestEtag } = listed;
	return manifestSize === line.size && manifestModifiedAt === line.modifiedAt && manifestEtag === line.etag;
}

/** Whether the storage lists the archive of a line, and no manifest of it any more. */
export function isMissed<T>(line: CatalogLine, listed: ListedArchive<T>): boolean {
	return listed.manifestSize === undefined && listed.size === line.summary.size.stored;
}
