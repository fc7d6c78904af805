/**
 * What a restore notes in the metadata of the collections that it makes (1.16 and later), for whoever comes after it is
 * killed. A collection's own snapshot brings no metadata along, so they say of nothing else that it is a restore's.
 */
import { messageOf } from '../../errors';
import type { Json, JsonObject } from '../client/types';
import type { RestoreContext } from '../restore/load/load';

/** Which run has made a collection that is not finished. */
export const MARK = 'stack_backup_restore';

/** Of the copy that a safe swap keeps: that it is whole, and which aliases wait there until the collection is made anew. */
const PARKED = 'stack_backup_parked';

export interface Parked {
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

/** The note of parked aliases in a collection's metadata, if any. */
export function parkedIn(metadata: Json | undefined): Parked | undefined {
	const note = (metadata as JsonObject | null | undefined)?.[PARKED] as Partial<Parked> | null | undefined;
	if (typeof note?.of !== 'string' || !Array.isArray(note.aliases)) return undefined;
	return { of: note.of, aliases: note.aliases.filter((alias) => typeof alias === 'string') };
}

/** Metadata as the collection's owner knows them. */
export function withoutNotes(metadata: JsonObject): JsonObject {
	return Object.fromEntries(Object.entries(metadata).filter(([key]) => key !== MARK && key !== PARKED));
}

/** To be written before the aliases move and the collection goes. Servers before 1.16 keep no metadata, and no note. */
export async function noteParked(context: RestoreContext, copy: string, parked: Parked): Promise<void> {
	if (context.made.get(copy)?.mark === undefined) return;
	await context.topology.client.updateCollection(copy, { metadata: { [PARKED]: { ...parked } } });
}

/** The aliases have moved on. */
export async function forgetParked(context: RestoreContext, copy: string): Promise<void> {
	if (context.made.get(copy)?.mark === undefined) return;
	await removeNotes(context, copy, [PARKED]);
}

/** A collection is complete by now, or a copy like any other, whichever run has made it. */
export async function removeNotes(
	{ topology, warnings }: RestoreContext,
	collection: string,
	keys = [MARK, PARKED],
): Promise<void> {
	try {
		const metadata = Object.fromEntries(keys.map((key) => [key, null]));
		await topology.client.updateCollection(collection, { metadata });
	} catch (error) {
		warnings.push(`The metadata of ${collection} still hold ${keys.join(' or ')}: ${messageOf(error)}`);
	}
}
