/**
 * Facts of 1.16.3 that shape this file: creating an alias that exists moves it, with no moment without it; the changes of one
 * request are seen all at once, but where one is refused, those before it stay, so an alias that is deleted first may be
 * lost; a collection that is deleted takes its aliases along.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import type { QdrantClient } from '../client/client';
import type { AliasAction } from '../client/types';

/** The change that lets an alias point at a collection, whether there is one of that name or not. */
export function pointAt(alias: string, collection: string): AliasAction {
	return { create_alias: { alias_name: alias, collection_name: collection } };
}

/** Whether it is a name that a safe swap gave to the data before it: `docs_before_20260131_020000`. */
export function isOfEarlierSwap(alias: string): boolean {
	return /_before_\d{8}_\d{6}(_\d+)?$/.test(alias);
}

/** What each alias of the server points at. */
export async function aliasHolders(client: QdrantClient, signal?: AbortSignal): Promise<Map<string, string>> {
	const aliases = await client.aliases(signal);
	return new Map(aliases.map(({ alias_name: alias, collection_name: collection }) => [alias, collection]));
}

/**
 * The same after a change whose outcome has to be known: a server out of reach is asked again for a while, and so is one that
 * does not show yet what is `hoped` for. Undefined where it could not be read.
 */
export async function aliasHoldersAfter(
	client: QdrantClient,
	hoped: (holders: Map<string, string>) => boolean = () => true,
): Promise<Map<string, string> | undefined> {
	const deadline = Date.now() + client.timeouts.settle / 2;
	for (;;) {
		const holders = await aliasHolders(client).catch(() => undefined);
		if ((holders && hoped(holders)) || Date.now() > deadline) return holders;
		await sleep(client.timeouts.pause / 2);
	}
}

/**
 * Moves those of the aliases that point at one collection still, or at none any more, to another. Whether it worked is read
 * from the server, since an answer may be lost.
 * @returns Those that do not point there now
 */
export async function moveAliases(
	client: QdrantClient,
	aliases: string[],
	{ from, to }: { from: string; to: string },
): Promise<{ moved: string[]; others: string[] }> {
	if (aliases.length === 0) return { moved: [], others: [] };
	const now = await aliasHoldersAfter(client);
	if (!now) return { moved: [], others: aliases };
	const due = aliases.filter((alias) => [from, undefined].includes(now.get(alias)));
	const failed = await client.changeAliases(due.map((alias) => pointAt(alias, to))).then(
		() => false,
		() => true,
	);
	const isThere = (holders: Map<string, string>) => due.every((alias) => holders.get(alias) === to);
	const after = await aliasHoldersAfter(client, failed ? isThere : undefined);
	const moved = aliases.filter((alias) => after?.get(alias) === to);
	return { moved, others: aliases.filter((alias) => !moved.includes(alias)) };
}

/** The aliases of a collection, sorted. */
export async function aliasesOf(client: QdrantClient, name: string, signal?: AbortSignal): Promise<string[]> {
	const aliases = await client.aliases(signal);
	return aliases
		.filter(({ collection_name: collection }) => collection === name)
		.map(({ alias_name: alias }) => alias)
		.sort();
}
