import { messageOf } from '../../errors';
import type { AliasAction } from '../types';
import type { RestoreContext } from './load';

/**
 * What becomes of the aliases that the collection had when it was backed up: nothing; those that are free now are given
 * to the restored collection; all are, whatever they point at now.
 */
export type AliasChoice = 'leave' | 'free' | 'all';

/** Gives aliases to a collection; returns those that it has got. One that cannot be given is a warning. */
export async function restoreAliases(
	{ topology, signal, warnings }: RestoreContext,
	collection: string,
	aliases: string[],
	choice: AliasChoice,
): Promise<string[]> {
	if (choice === 'leave' || aliases.length === 0) return [];
	const { client } = topology;
	const taken = new Map((await client.aliases(signal)).map((alias) => [alias.alias_name, alias.collection_name]));
	const given: string[] = [];
	for (const alias of aliases) {
		const holder = taken.get(alias);
		if (holder === collection) continue;
		if (holder !== undefined && choice === 'free') {
			warnings.push(`The alias ${alias} was left with the collection ${holder}.`);
			continue;
		}
		try {
			await client.changeAliases(pointAt(alias, collection, holder !== undefined), signal);
			given.push(alias);
		} catch (error) {
			warnings.push(`The alias ${alias} could not be given to ${collection}: ${messageOf(error)}`);
		}
	}
	return given;
}

/** The changes that let an alias point at a collection, all in one step. */
export function pointAt(alias: string, collection: string, exists: boolean): AliasAction[] {
	const create: AliasAction = { create_alias: { alias_name: alias, collection_name: collection } };
	return exists ? [{ delete_alias: { alias_name: alias } }, create] : [create];
}
