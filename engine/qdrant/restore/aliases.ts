import { messageOf } from '../../errors';
import { aliasHolders, isOfEarlierSwap, pointAt } from '../server/aliases';
import type { RestoreContext } from './context';

/**
 * What becomes of the aliases that pointed at the collection when it was backed up. `leave`: nothing. `free`: those that point
 * at no collection now are given to the restored one. `all`: every one is, whatever it points at now.
 */
export type AliasChoice = 'leave' | 'free' | 'all';

/**
 * Gives aliases to a collection; returns those that it has got. One that cannot be given is a warning, and so is the name
 * that an earlier safe swap gave to older data: it stays there.
 */
export async function restoreAliases(
	{ topology, warnings }: RestoreContext,
	collection: string,
	aliases: string[],
	choice: AliasChoice,
): Promise<string[]> {
	if (choice === 'leave' || aliases.length === 0) return [];
	const { client } = topology;
	const given: string[] = [];
	try {
		const holders = await aliasHolders(client);
		for (const alias of aliases) {
			const holder = holders.get(alias);
			if (holder === collection) continue;
			if (holder !== undefined && (choice === 'free' || isOfEarlierSwap(alias))) {
				warnings.push(`The alias ${alias} was left with the collection ${holder}.`);
				continue;
			}
			try {
				await client.changeAliases([pointAt(alias, collection)]);
				given.push(alias);
			} catch (error) {
				warnings.push(`The alias ${alias} could not be given to ${collection}: ${messageOf(error)}`);
			}
		}
	} catch (error) {
		warnings.push(`The aliases ${aliases.join(', ')} were not given to ${collection}: ${messageOf(error)}`);
	}
	return given;
}
