import { BackupError, messageOf } from '../../../errors';
import { aliasesOf } from '../../server/collectionState';
import { isOutcomeUnknown } from '../../client/failure';
import { isOfEarlierSwap, moveAliases } from '../../server/aliases';
import type { CollectionCheck } from '../check';
import { relax, withdrawBusy } from '../load/claim';
import { dropCopy, keptError, putBackError } from './kept';
import type { Marks } from './fingerprint';
import { discard, loadNew, type RestoreContext } from '../load/load';
import { forgetParked, noteParked } from '../../artifacts/metadata';
import { putAnotherBack } from './rollback';
import { checkInDoubt, checkReplaced, likenessOnceSettled, mayBeAtWork } from './replace';
import type { Swap } from './swapCollection';
import { NOTHING_CHANGED } from './swap';
import { watchSource } from './watch';

/**
 * The last step of a safe swap by name where the backup does not fit the collection: makes it anew. Its aliases point at the
 * copy meanwhile, so clients that use them have the old data, and whatever happens the aliases stay.
 */
export async function replaceByAnother(context: RestoreContext, swap: Swap): Promise<CollectionCheck> {
	const { name, previous } = swap;
	const { topology, warnings } = context;
	const { source, harmless } = watchSource(swap.source);
	const isOver = (reason: unknown) => harmless(reason) !== undefined || !mayBeAtWork(reason);
	const parked = await parkAliases(context, swap);
	await deleteOld(context, swap, parked);
	const failure = await loadNew({ ...context, untilDone: true }, name, source).then(
		() => undefined,
		(reason: unknown) => ({ reason }),
	);
	if (!failure) await relax(context, name);
	const check = failure
		? await afterFailure(context, swap, { parked, ...failure, isOver: isOver(failure.reason) })
		: await checkReplaced(context, swap, async (reason) => {
				await discard(context, name);
				await putAnotherBack(context, swap, { parked, reason, isOver: true });
			});
	const due = parked.filter((alias) => !isOfEarlierSwap(alias));
	const { others } = await moveAliases(topology.client, due, { from: previous, to: name });
	if (others.length > 0) {
		warnings.push(`These aliases do not point at ${name}, but may at ${previous}: ${others.join(', ')}.`);
	} else await forgetParked(context, previous);
	return check;
}

/** Points the aliases at the copy, where they are noted, and returns them; all or none. */
async function parkAliases(context: RestoreContext, swap: Swap): Promise<string[]> {
	const { name, previous } = swap;
	const { client } = context.topology;
	try {
		const aliases = await aliasesOf(client, name);
		await noteParked(context, previous, { of: name, aliases: aliases.filter((alias) => !isOfEarlierSwap(alias)) });
		const { moved, others } = await moveAliases(client, aliases, { from: name, to: previous });
		if (others.length === 0) return aliases;
		await moveAliases(client, moved, { from: previous, to: name });
		throw new BackupError('TARGET_FAILED', `The aliases ${others.join(', ')} of ${name} could not be moved.`, {
			hint: NOTHING_CHANGED,
		});
	} catch (error) {
		await dropCopy(context, swap);
		throw error;
	}
}

/** Deletes the collection, of which there is a checked copy; where that does not work, all is as before. */
async function deleteOld(context: RestoreContext, swap: Swap, parked: string[]): Promise<void> {
	const { name, previous } = swap;
	const { client } = context.topology;
	try {
		await client.deleteCollection(name);
	} catch (error) {
		let exists: boolean;
		try {
			exists = await client.collectionExists(name);
		} catch (unread) {
			throw keptError(swap, error, `whether ${name} was deleted is unknown: ${messageOf(unread)}`);
		}
		if (!exists) return;
		if (isOutcomeUnknown(error)) {
			throw keptError(swap, error, `the server may delete ${name} still. Its aliases point at the copy.`);
		}
		await moveAliases(client, parked, { from: previous, to: name });
		await dropCopy(context, swap);
		throw error;
	}
}

/** The new collection was not made, as far as is known. */
async function afterFailure(
	context: RestoreContext,
	swap: Swap,
	{ parked, reason, isOver }: { parked: string[]; reason: unknown; isOver: boolean },
): Promise<CollectionCheck> {
	const { name } = swap;
	const own = context.made.get(name);
	if (!own?.busy) {
		await putAnotherBack(context, swap, { parked, reason, isOver });
		throw putBackError(swap, reason);
	}
	withdrawBusy(context, name);
	const likeness = await likenessOnceSettled(context, { ...swap, marks: marksOfNew(swap.marks) }, false);
	if (likeness !== 'new') {
		throw keptError(swap, reason, `the server may be filling ${name} still. The aliases point at the copy.`);
	}
	delete own.busy;
	return await checkInDoubt(context, swap, reason);
}

/** Before it is filled, a collection that is made anew holds none of the old points: it is empty. */
function marksOfNew({ ids, fresh }: Marks): Marks {
	const there = ids.filter((id) => fresh.points.has(String(id)));
	return { ids: there, old: { points: new Map(), count: 0 }, fresh };
}
