import { aliasHoldersAfter, moveAliases } from '../server/aliases';
import type { RestoreContext } from './load/load';
import { removeNotes } from '../artifacts/metadata';
import { describeAlias, describeMarked, whereBefore, type Remnant } from '../artifacts/staleCollections';

interface Restored {
	/** What was restored into: a collection or an alias. */
	name: string;
	/** What holds the data by now. */
	collection: string;
	/** What the data from before is to be had under. */
	previous: string | undefined;
}

/**
 * After a restore: the collection gets the aliases back that earlier swaps of it had parked, and what restores that were cut off
 * have left besides is told in the run's warnings. Nothing of it is removed.
 * @param remnants What there was before the restore
 * @returns The aliases that it got
 */
export async function takeBack(context: RestoreContext, remnants: Remnant[], restored: Restored): Promise<string[]> {
	if (remnants.length === 0) return [];
	const { topology, warnings } = context;
	const { name } = restored;
	const own = remnants.find(({ collection }) => collection === name);
	if (own?.isMarked) await finish(context, remnants, restored);
	const named: Remnant[] = [];
	const regained: string[] = [];
	for (const remnant of remnants) {
		const moved = remnant.parked?.of === name ? await takeAliases(context, remnant, restored.collection) : [];
		regained.push(...moved);
		if (remnant !== own && moved.length === 0) named.push(remnant);
	}
	warnings.push(...describeMarked(named));
	const holders = await aliasHoldersAfter(topology.client);
	for (const { collection, aliases, parked } of remnants) {
		const others = aliases.filter((alias) => !parked?.aliases.includes(alias) && holders?.get(alias) === collection);
		warnings.push(...others.map((alias) => describeAlias(alias, collection)));
	}
	return regained;
}

/** The collection itself was half-made, and is complete by now; what this run has kept of it is not. */
async function finish(
	context: RestoreContext,
	remnants: Remnant[],
	{ name, collection, previous }: Restored,
): Promise<void> {
	const why = `${name} had been left by a restore that was cut off`;
	const what = previous === undefined ? `${why}.` : `${previous} may be incomplete, since ${why}.`;
	context.warnings.push(what + whereBefore(name, remnants));
	if (collection === name) await removeNotes(context, name);
}

/** Moves the aliases that point at the copy still, and makes that a copy like any other. */
async function takeAliases(
	context: RestoreContext,
	{ collection: copy, parked }: Remnant,
	to: string,
): Promise<string[]> {
	const { topology, warnings } = context;
	const { of, aliases } = parked ?? { of: to, aliases: [] };
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
	if (others.length === 0) await removeNotes(context, copy);
	return moved;
}
