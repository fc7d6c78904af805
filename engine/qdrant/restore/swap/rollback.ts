/** How a safe swap by name rolls back: the old collection is restored from its copy. A cancel stops nothing of this. */
import { BackupError, messageOf } from '../../../errors';
import type { CollectionSource } from '../../manifestSource';
import { moveAliases } from '../../server/aliases';
import { checkCollection } from '../check';
import { leave, type RestoreContext } from '../context';
import { copyCollection } from './copy';
import { clearRedirect, dropCopy, keptError } from './kept';
import type { Swap } from './swap';

/**
 * Puts the old points back over the collection, which keeps its aliases and is never deleted.
 * @param isOver Whether the server has certainly ended the restore that failed: else it may undo this, and the copy stays.
 * @throws BackupError TARGET_FAILED where the old collection exists as the copy alone
 */
export async function rollBackContent(
	context: RestoreContext,
	swap: Swap,
	{ reason, isOver }: { reason: unknown; isOver: boolean },
): Promise<void> {
	const { client } = context.topology;
	const { name, aliases } = swap;
	await rollBack(context, swap, { reason, isOver }, async (own) => {
		const exists = await client.collectionExists(name);
		const copied = await copyCollection(own, swap.previous, name, { over: exists });
		// Where the server has lost the collection, they went with it.
		if (!exists) await giveBack(own, swap, { aliases, from: name });
		return copied;
	});
}

/**
 * Makes the old collection again, where there is none of its name any more.
 * @param redirected Its aliases, which point at the copy.
 * @param isOver Whether the server has certainly ended the restore that failed: else it may undo this, and the copy stays.
 * @throws BackupError TARGET_FAILED where the old collection exists as the copy alone, at which its aliases point
 */
export async function rollBackDeleted(
	context: RestoreContext,
	swap: Swap,
	{ reason, redirected, isOver }: { reason: unknown; redirected: string[]; isOver: boolean },
): Promise<void> {
	const { client } = context.topology;
	const { name, previous } = swap;
	await rollBack(context, swap, { reason, isOver }, async (own) => {
		if (await client.collectionExists(name)) {
			throw new BackupError('TARGET_EXISTS', `there is a collection ${name} that may not be of this restore.`);
		}
		const copied = await copyCollection(own, previous, name);
		if (await giveBack(own, swap, { aliases: redirected, from: previous })) await clearRedirect(own, previous);
		return copied;
	});
}

async function rollBack(
	context: RestoreContext,
	swap: Swap,
	{ reason, isOver }: { reason: unknown; isOver: boolean },
	copyBack: (context: RestoreContext) => Promise<CollectionSource>,
): Promise<void> {
	const { name, previous } = swap;
	const own: RestoreContext = { ...context, signal: undefined, onProgress: undefined, untilDone: true };
	context.log(`Putting ${name} back, since the restore over it failed: ${messageOf(reason)}`);
	let isExact: boolean;
	try {
		const copied = await copyBack(own);
		const check = await checkCollection(own.topology, name, copied, { sampleSearch: false });
		if (check.problems.length > 0) throw new Error(check.problems.join('; '));
		const { before, after } = copied.points;
		isExact = check.warnings.length === 0 && check.points === before && check.points === after;
	} catch (error) {
		throw keptError(swap, reason, `the old collection could not be put back: ${messageOf(error)}`);
	}
	if (isExact && isOver) return await dropCopy(own, swap);
	const why = isOver
		? 'nothing shows that they have the same number of points: clients may have written meanwhile, or may not count them.'
		: 'the server may be at work still on the restore that failed.';
	leave(own, `The old collection was put back as ${name}; its copy ${previous} was kept, since ${why}`);
}

async function giveBack(
	{ topology, warnings, left }: RestoreContext,
	{ name }: Swap,
	{ aliases, from }: { aliases: string[]; from: string },
): Promise<boolean> {
	const { others } = await moveAliases(topology.client, aliases, { from, to: name });
	if (others.length === 0) return true;
	const message = `These aliases of ${name} do not point at it: ${others.join(', ')}.`;
	warnings.push(message);
	left.push(message);
	return false;
}
