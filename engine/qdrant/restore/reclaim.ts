import { removeRecords } from '../artifacts/metadata';
import { describeAlias, describeMarked, type StaleCollection, whereBefore } from '../artifacts/staleCollections';
import { aliasHoldersAfter, moveAliases } from '../server/aliases';
import type { RestoreContext } from './context';

interface Restored {
	/** What was restored into: a collection or an alias. */
	name: string;
	/** What holds the data by now. */
	collection: string;
	/** The name under which the data from before can be found. */
	previous: string | undefined;
}

/**
 * To be called after a restore: reclaims for the collection the aliases that an earlier swap of it redirected to a copy and could
 * not move back. What else restores left when they were cut off is reported in the run's warnings, and nothing of it is removed.
 * @param stale What there was before the restore
 * @returns The aliases that it got
 */
export async function reclaimAliases(
	context: RestoreContext,
	stale: StaleCollection[],
	restored: Restored,
): Promise<string[]> {
	if (stale.length === 0) return [];
	const { topology, warnings } = context;
	const { name } = restored;
	const own = stale.find(({ collection }) => collection === name);
	if (own?.isMarked) await finish(context, stale, restored);
	const named: StaleCollection[] = [];
	const regained: string[] = [];
	for (const one of stale) {
		const moved = one.redirected?.of === name ? await moveFromCopy(context, one, restored.collection) : [];
		regained.push(...moved);
		if (one !== own && moved.length === 0) named.push(one);
	}
	warnings.push(...describeMarked(named));
	const holders = await aliasHoldersAfter(topology.client);
	for (const { collection, aliases, redirected } of stale) {
		const others = aliases.filter(
			(alias) => !redirected?.aliases.includes(alias) && holders?.get(alias) === collection,
		);
		warnings.push(...others.map((alias) => describeAlias(alias, collection)));
	}
	return regained;
}

/** The collection itself was half-made, and is complete by now; what this run has kept of it is not. */
async function finish(
	context: RestoreContext,
	stale: StaleCollection[],
	{ name, collection, previous }: Restored,
): Promise<void> {
	const why = `${name} had been left by a restore that was cut off`;
	const what = previous === undefined ? `${why}.` : `${previous} may be incomplete, since ${why}.`;
	const { topology, warnings } = context;
	warnings.push(what + whereBefore(name, stale));
	if (collection === name) await removeRecords(topology.client, name, (message) => void warnings.push(message));
}

/** Moves the aliases that point at the copy still, and makes that a copy like any other. */
async function moveFromCopy(
	context: RestoreContext,
	{ collection: copy, redirected }: StaleCollection,
	to: string,
): Promise<string[]> {
	const { topology, warnings } = context;
	const { of, aliases } = redirected ?? { of: to, aliases: [] };
	const holders = await aliasHoldersAfter(topology.client);
	const due = aliases.filter((alias) => !holders || holders.get(alias) === copy);
	const { moved, others } = holders
		? await moveAliases(topology.client, due, { from: copy, to })
		: { moved: [], others: due };
	const why = `a safe swap of ${of} that failed or was cut off had left it there`;
	for (const alias of moved) {
		warnings.push(`The alias ${alias} was moved from ${copy} to ${to}: ${why}. ${copy} holds the data from before.`);
	}
	for (const alias of others) {
		warnings.push(`The alias ${alias} may point at ${copy}, and not at ${to}: ${why}. Look at it, and move it.`);
	}
	if (others.length === 0) await removeRecords(topology.client, copy, (message) => void warnings.push(message));
	return moved;
}
