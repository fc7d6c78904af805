/**
 * What a restore records in the metadata of the collections that it makes (1.16 and later), for the runs that follow when it is
 * killed. A collection's own snapshot holds no metadata, so a record never gets into a collection that no restore made.
 */
import { messageOf } from '../../errors';
import type { QdrantClient } from '../client/client';
import type { Json, JsonObject } from '../client/types';

/** Which run has made a collection that is not finished. */
export const MARK = 'stack_backup_restore';

/**
 * The key of a record in the copy that a safe swap keeps: the copy is whole, and these aliases are redirected to it until the
 * collection is made anew. The name of the key is that of earlier versions.
 */
const REDIRECT = 'stack_backup_parked';

export interface AliasRedirect {
	/** The collection that it is a copy of. */
	of: string;
	/** The aliases of that, which go back to it. */
	aliases: string[];
}

/** The mark in a collection's metadata, if any. */
export function markIn(metadata: Json | undefined): string | undefined {
	const mark = (metadata as JsonObject | null | undefined)?.[MARK];
	return typeof mark === 'string' ? mark : undefined;
}

/** The record of redirected aliases in a collection's metadata, if any. */
export function redirectIn(metadata: Json | undefined): AliasRedirect | undefined {
	const note = (metadata as JsonObject | null | undefined)?.[REDIRECT] as Partial<AliasRedirect> | null | undefined;
	if (typeof note?.of !== 'string' || !Array.isArray(note.aliases)) return undefined;
	return { of: note.of, aliases: note.aliases.filter((alias) => typeof alias === 'string') };
}

/** Metadata as the collection's owner knows them. */
export function withoutRecords(metadata: JsonObject): JsonObject {
	return Object.fromEntries(Object.entries(metadata).filter(([key]) => key !== MARK && key !== REDIRECT));
}

/**
 * To be written before the aliases move and the collection goes.
 * @param copy A collection that is known to keep metadata: servers before 1.16 keep none.
 */
export async function recordRedirect(client: QdrantClient, copy: string, redirect: AliasRedirect): Promise<void> {
	await client.updateCollection(copy, { metadata: { [REDIRECT]: { ...redirect } } });
}

/** Removes the record of redirected aliases, which have moved on. What it fails with is a warning. */
export async function removeRedirect(
	client: QdrantClient,
	copy: string,
	warn: (message: string) => void,
): Promise<void> {
	await removeKeys(client, copy, [REDIRECT], warn);
}

/**
 * Removes all that restores have recorded in a collection's metadata: it is complete by now, or a copy like any other,
 * whichever run has made it. What it fails with is a warning.
 */
export async function removeRecords(
	client: QdrantClient,
	collection: string,
	warn: (message: string) => void,
): Promise<void> {
	await removeKeys(client, collection, [MARK, REDIRECT], warn);
}

async function removeKeys(
	client: QdrantClient,
	collection: string,
	keys: string[],
	warn: (message: string) => void,
): Promise<void> {
	try {
		const metadata = Object.fromEntries(keys.map((key) => [key, null]));
		await client.updateCollection(collection, { metadata });
	} catch (error) {
		warn(`The metadata of ${collection} still hold ${keys.join(' or ')}: ${messageOf(error)}`);
	}
}
