/**
 * Stale collections: what a killed restore leaves on a server. These are collections that bear a mark, and copies to which
 * aliases were redirected (see metadata.ts). From outside nobody knows whether such a restore is still at work, so nothing is
 * removed: it is reported, and a later restore into the same collection reclaims its aliases (see restore/reclaim.ts).
 */
import { BackupError, messageOf, throwIfCancelled } from '../../errors';
import type { QdrantClient } from '../client/client';
import { isFromUnexpectedServer, statusOf } from '../client/failure';
import { aliasHolders, isOfEarlierSwap } from '../server/aliases';
import { markIn, redirectIn, type AliasRedirect } from './metadata';

/** A collection that a restore has left, or that holds aliases which may not belong there. */
export interface StaleCollection {
	collection: string;
	/** Whether it bears a restore's mark: it is not finished, or nobody knows that it is. */
	isMarked: boolean;
	/** The server's rough count. */
	points: number | undefined;
	redirected: AliasRedirect | undefined;
	/** The aliases that point at it, where it is the copy that a safe swap made; without those that name old data. */
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
export async function findStaleCollections(
	client: QdrantClient,
	names: string[],
	warn: (message: string) => void,
	signal?: AbortSignal,
): Promise<StaleCollection[]> {
	try {
		return await find(client, names, signal);
	} catch (error) {
		throwIfCancelled(signal);
		warn(`Whether restores that were cut off have left something could not be found out: ${messageOf(error)}`);
		return [];
	}
}

async function find(client: QdrantClient, names: string[], signal?: AbortSignal): Promise<StaleCollection[]> {
	const holders = names.length > 0 ? [...(await aliasHolders(client, signal))] : [];
	const stale: StaleCollection[] = [];
	for (const collection of names) {
		const info = await client.collection(collection, signal).catch((error: unknown) => {
			// Gone meanwhile, or damaged: whoever needs it will hear.
			if (error instanceof BackupError && statusOf(error) !== undefined && !isFromUnexpectedServer(error))
				return undefined;
			throw error;
		});
		if (!info) continue;
		const { metadata } = info.config;
		const redirected = redirectIn(metadata);
		const isCopy = redirected !== undefined || isOfEarlierSwap(collection);
		const aliases = holders.flatMap(([alias, holder]) => (isCopy && holder === collection ? [alias] : []));
		const one: StaleCollection = {
			collection,
			isMarked: markIn(metadata) !== undefined,
			points: info.points_count ?? undefined,
			redirected,
			aliases: aliases.filter((alias) => !isOfEarlierSwap(alias)).sort(),
		};
		if (one.isMarked || redirected || one.aliases.length > 0) stale.push(one);
	}
	return stale;
}

/** What a backup reports: what is there, and what to do. On servers without metadata nothing says why an alias points at a copy. */
export function describeStaleCollections(stale: StaleCollection[], version: string): string[] {
	const hasMetadata = !/^v?(0|1\.([0-9]|1[0-5]))\./.test(version);
	const redirected = stale.flatMap(({ collection, redirected: note, aliases }) =>
		aliases.flatMap((alias) => {
			if (note?.aliases.includes(alias)) return [describeRedirected(alias, collection, note.of)];
			return note || hasMetadata ? [] : [describeAlias(alias, collection)];
		}),
	);
	return [...redirected, ...describeMarked(stale)];
}

function describeRedirected(alias: string, copy: string, of: string): string {
	return `The alias ${alias} points at ${copy}, where a safe swap of ${of} has put it, which is at work still, failed or was cut off: clients that use the alias see the old data, and it would go with that collection. Unless the swap is at work, point it at ${of}, or restore into ${of} once more by a safe swap, which does that.`;
}

/** A sentence about an alias that points at a copy although no record says why. */
export function describeAlias(alias: string, copy: string): string {
	return `The alias ${alias} points at ${copy}, which holds old data. A safe swap that was cut off may have left it there: unless it is meant so, point it at the collection that clients should see.`;
}

/** The collections that bear a mark. */
export function describeMarked(stale: StaleCollection[]): string[] {
	return stale.filter(({ isMarked }) => isMarked).map((one) => describe(one, stale));
}

function describe({ collection, points, redirected }: StaleCollection, all: StaleCollection[]): string {
	const what = `The collection ${collection}${points === undefined ? '' : ` (about ${points} points)`}`;
	const when = 'is at work still or was cut off; if it was cut off,';
	const [, of, kind] = /^(.+)_(trial|before)_\d{8}_\d{6}(_\d+)?$/.exec(collection) ?? [];
	if (kind === 'trial') {
		return `${what} is the staging collection of a safe swap that ${when} nothing needs it, and it can be deleted.`;
	}
	if (redirected) {
		return `${what} is a copy of the old data of ${redirected.of}, by a safe swap that ${when} delete it only once ${redirected.of} is as it should be and no alias points here.`;
	}
	if (kind === 'before') {
		return `${what} may be an incomplete copy of the old data of ${of}, by a safe swap that ${when} compare it with ${of} before you delete it.`;
	}
	return `${what} may be incomplete: the restore that fills it ${when} restore into it again by a safe swap, or delete it.${whereBefore(collection, all)}`;
}

/** A sentence on where the data is that a collection had before the restore that was cut off made it anew. */
export function whereBefore(collection: string, stale: StaleCollection[]): string {
	const copies = stale.filter(({ redirected }) => redirected?.of === collection).map((one) => one.collection);
	if (copies.length === 0) return '';
	const order = copies.length === 1 ? '' : ', the oldest first';
	return ` The data from before that is in ${copies.sort().join(', ')}${order}.`;
}
