import { BackupError } from '../../errors';
import type { RestoreContext } from './load';

/** As safe swaps name what was there before: a copy of the collection, or another alias of it. */
const SUFFIX = /^_before_\d{8}_\d{6}(?:_\d+)?$/;

/** Names in one message. */
const NAMES = 5;

/**
 * Each safe swap keeps the old points once more, until a person deletes them. None are deleted for that: the oldest may be
 * the only ones that are as they should be.
 * @param most how many there may be with those that this swap will keep; any number where undefined
 * @throws BackupError TARGET_EXISTS where there are as many already
 */
export async function checkKeptCopies(
	{ topology: { client }, signal }: RestoreContext,
	name: string,
	most: number | undefined,
): Promise<void> {
	if (most === undefined) return;
	const aliases = (await client.aliases(signal)).map(({ alias_name: alias }) => alias);
	const copies = [...(await client.collections(signal)), ...aliases]
		.filter((found) => found.startsWith(name) && SUFFIX.test(found.slice(name.length)))
		.sort()
		.reverse();
	if (copies.length < most) return;
	const shown = copies.length > NAMES ? [...copies.slice(0, NAMES), `${copies.length - NAMES} more`] : copies;
	throw new BackupError(
		'TARGET_EXISTS',
		`Earlier restores have kept ${copies.length} copies of "${name}" (${shown.join(', ')}), and ${most} is the limit; nothing was changed.`,
		{
			hint: 'Delete the collections, and aliases, that you no longer need, or raise Kept Copies.',
			details: { keptCopies: copies },
		},
	);
}
