import { KEPT_SUFFIX } from '../../../archive';
import type { RestoreContext } from '../context';

/** A name that neither a collection nor an alias has. */
export async function freeName({ topology: { client }, signal }: RestoreContext, wanted: string): Promise<string> {
	const taken = new Set(await client.collections(signal));
	for (const { alias_name: alias } of await client.aliases(signal)) taken.add(alias);
	let name = wanted;
	for (let number = 2; taken.has(name); number++) name = `${wanted}_${number}`;
	return name;
}

/** The collections that safe swaps of a collection, by its own name, have made: their trials, and the copies of the old one. */
export async function collectionsOfSwaps({ topology, signal }: RestoreContext, name: string): Promise<Set<string>> {
	const ending = /^_(trial|before)_\d{8}_\d{6}(_\d+)?$/;
	const all = await topology.client.collections(signal);
	return new Set(all.filter((found) => found.startsWith(name) && ending.test(found.slice(name.length))));
}

/** The collections that safe swaps of this one have kept, and the aliases that they gave to what was there, newest first. */
export async function keptCopies(
	{ topology: { client }, signal }: Pick<RestoreContext, 'topology' | 'signal'>,
	name: string,
): Promise<string[]> {
	const aliases = (await client.aliases(signal)).map(({ alias_name: alias }) => alias);
	return [...(await client.collections(signal)), ...aliases]
		.filter((found) => found.replace(KEPT_SUFFIX, '') === name && found !== name)
		.sort()
		.reverse();
}
