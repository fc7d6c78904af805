import { KEPT_SUFFIX } from '../../keptCopies';

import type { RestoreContext } from './load/load';

/** The collections that safe swaps of this one have kept, and the aliases that they gave to what was there, newest first. */
export async function keptCopies({ topology: { client }, signal }: RestoreContext, name: string): Promise<string[]> {
	const aliases = (await client.aliases(signal)).map(({ alias_name: alias }) => alias);
	return [...(await client.collections(signal)), ...aliases]
		.filter((found) => found.replace(KEPT_SUFFIX, '') === name && found !== name)
		.sort()
		.reverse();
}
