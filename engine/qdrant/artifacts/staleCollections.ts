/**
 * What restores that were killed have left on a server: collections that bear a mark, and aliases that were parked with the
 * copy of a collection (see notes.ts). Nobody can tell from outside whether such a restore is at work still, so nothing of it is
 * removed: it is named, and a later restore into the same collection gives that its aliases back (see takeBack.ts).
 */
import { BackupError, messageOf, throwIfCancelled } from '../../errors';
import type { QdrantClient } from '../client/client';
import { isForeign, statusOf } from '../client/failure';
import { aliasHolders, isOfEarlierSwap } from '../server/aliases';
import { markIn, parkedIn, type Parked } from './metadata';

/** A collection that a restore has left, or that holds aliases which may not belong there. */
export interface Remnant {
	collection: string;
	/** Not finished, or it was never said to be. */
	isMarked: boolean;
	/** By the server, roughly. */
	points: number | undefined;
	parked: Parked | undefined;
	/** Of the copy that a safe swap has made: what points at it, but for the names of old data. */
	aliases: string[];
}

/** Whether a collection has the name of one that a safe swap makes: `docs_before_20260131_020000`. */
export function isNamedBySwap(name: string): boolean {
	return /_\d{8}_\d{6}(_\d+)?$/.test(name);
}

/** Those of the names that a restore into a collection may have left: itself, and what safe swaps of it make. */
export function ofTarget(name: string, all: string[]): string[] {
	const ending = /^((_trial|_before)?_\d{8}_\d{6}(_\d+)?)?$/;
	return all.filter((found) => found.startsWith(name) && ending.test(found.slice(name.length)));
}

/** Looks at the collections of these names; that they cannot be looked at is a warning, and no reason to do nothing else. */
export async function findRemnants(
	client: QdrantClient,
	names: string[],
	warn: (message: string) => void,
	signal?: AbortSignal,
): Promise<Remnant[]> {
	try {
		return await find(client, names, signal);
	} catch (error) {
		throwIfCancelled(signal);
		warn(`Whether restores that were cut off have left something could not be found out: ${messageOf(error)}`);
		return [];
	}
}

async function find(client: QdrantClient, names: string[], signal?: AbortSignal): Promise<Remnant[]> {
	const holders = names.length > 0 ? [...(await aliasHolders(client, signal))] : [];
	const remnants: Remnant[] = [];
	for (const collection of names) {
		const info = await client.collection(collection, signal).catch((error: unknown) => {
			// Gone meanwhile, or damaged: whoever needs it will hear.
			if (error instanceof BackupError && statusOf(error) !== undefined && !isForeign(error)) return undefined;
			throw error;
		});
		if (!info) continue;
		const { metadata } = info.config;
		const parked = parkedIn(metadata);
		const isCopy = parked !== undefined || isOfEarlierSwap(collection);
		const aliases = holders.flatMap(([alias, holder]) => (isCopy && holder === collection ? [alias] : []));
		const remnant: Remnant = {
			collection,
			isMarked: markIn(metadata) !== undefined,
			points: info.points_count ?? undefined,
			parked,
			aliases: aliases.filter((alias) => !isOfEarlierSwap(alias)).sort(),
		};
		if (remnant.isMarked || parked || remnant.aliases.length > 0) remnants.push(remnant);
	}
	return remnants;
}

/** For a backup: what is there, and what to do. Servers without metadata tell not why an alias points at a copy. */
export function describeRemnants(remnants: Remnant[], version: string): string[] {
	const hasMetadata = !/^v?(0|1\.([0-9]|1[0-5]))\./.test(version);
	const parked = remnants.flatMap(({ collection, parked: note, aliases }) =>
		aliases.flatMap((alias) => {
			if (note?.aliases.includes(alias)) return [describeParked(alias, collection, note.of)];
			return note || hasMetadata ? [] : [describeAlias(alias, collection)];
		}),
	);
	return [...parked, ...describeMarked(remnants)];
}

function describeParked(alias: string, copy: string, of: string): string {
	return `The alias ${alias} points at ${copy}, where a safe swap of ${of} has put it, which is at work still, failed or was cut off: clients that use the alias see the old data, and it would go with that collection. Unless the swap is at work, point it at ${of}, or restore into ${of} once more by a safe swap, which does that.`;
}

/** Of an alias of which no note tells why it points at a copy. */
export function describeAlias(alias: string, copy: string): string {
	return `The alias ${alias} points at ${copy}, which holds old data. A safe swap that was cut off may have left it there: unless it is meant so, point it at the collection that clients should see.`;
}

/** The collections that bear a mark. */
export function describeMarked(remnants: Remnant[]): string[] {
	return remnants.filter(({ isMarked }) => isMarked).map((remnant) => describe(remnant, remnants));
}

function describe({ collection, points, parked }: Remnant, all: Remnant[]): string {
	const what = `The collection ${collection}${points === undefined ? '' : ` (about ${points} points)`}`;
	const when = 'is at work still or was cut off; if it was cut off,';
	const [, of, kind] = /^(.+)_(trial|before)_\d{8}_\d{6}(_\d+)?$/.exec(collection) ?? [];
	if (kind === 'trial') {
		return `${what} is a trial of a backup, by a safe swap that ${when} nothing needs it, and it can be deleted.`;
	}
	if (parked) {
		return `${what} is a copy of the old data of ${parked.of}, by a safe swap that ${when} delete it only once ${parked.of} is as it should be and no alias points here.`;
	}
	if (kind === 'before') {
		return `${what} may be an incomplete copy of the old data of ${of}, by a safe swap that ${when} compare it with ${of} before you delete it.`;
	}
	return `${what} may be incomplete: the restore that fills it ${when} restore into it again by a safe swap, or delete it.${whereBefore(collection, all)}`;
}

/** A sentence on where the data is that a collection had before the restore that was cut off made it anew. */
export function whereBefore(collection: string, remnants: Remnant[]): string {
	const copies = remnants.filter(({ parked }) => parked?.of === collection).map((remnant) => remnant.collection);
	if (copies.length === 0) return '';
	const order = copies.length === 1 ? '' : ', the oldest first';
	return ` The data from before that is in ${copies.sort().join(', ')}${order}.`;
}
