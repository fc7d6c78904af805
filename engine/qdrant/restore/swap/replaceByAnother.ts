import { BackupError, messageOf } from '../../../errors';
import { recordRedirect } from '../../artifacts/metadata';
import { isOutcomeUnknown } from '../../client/failure';
import { aliasesOf, isOfEarlierSwap, moveAliases } from '../../server/aliases';
import type { CollectionCheck } from '../check';
import type { RestoreContext } from '../context';
import { discard, suspendStrictMode, withdrawBusy } from '../load/claim';
import { loadNew } from '../load/load';
import type { Fingerprints } from './fingerprint';
import { clearRedirect, dropCopy, keepsMetadata, keptError, rolledBackError } from './kept';
import { checkInDoubt, checkReplaced, matchOnceSettled, mayBeAtWork } from './replace';
import { rollBackDeleted } from './rollback';
import { NOTHING_CHANGED, type Swap } from './swap';
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
	const redirected = await redirectAliases(context, swap);
	await deleteOld(context, swap, redirected);
	const failure = await loadNew({ ...context, untilDone: true }, name, source).then(
		() => undefined,
		(reason: unknown) => ({ reason }),
	);
	if (!failure) await suspendStrictMode(context, name);
	const check = failure
		? await afterFailure(context, swap, { redirected, ...failure, isOver: isOver(failure.reason) })
		: await checkReplaced(context, swap, async (reason) => {
				await discard(context, name);
				await rollBackDeleted(context, swap, { redirected, reason, isOver: true });
			});
	const due = redirected.filter((alias) => !isOfEarlierSwap(alias));
	const { others } = await moveAliases(topology.client, due, { from: previous, to: name });
	if (others.length > 0) {
		warnings.push(`These aliases do not point at ${name}, but may at ${previous}: ${others.join(', ')}.`);
	} else await clearRedirect(context, previous);
	return check;
}

/** Redirects all aliases to the copy, whose metadata record them, and returns them; where one cannot be moved, none is. */
async function redirectAliases(context: RestoreContext, swap: Swap): Promise<string[]> {
	const { name, previous } = swap;
	const { client } = context.topology;
	try {
		const aliases = await aliasesOf(client, name);
		if (keepsMetadata(context, previous)) {
			await recordRedirect(client, previous, {
				of: name,
				aliases: aliases.filter((alias) => !isOfEarlierSwap(alias)),
			});
		}
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
async function deleteOld(context: RestoreContext, swap: Swap, redirected: string[]): Promise<void> {
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
		await moveAliases(client, redirected, { from: previous, to: name });
		await dropCopy(context, swap);
		throw error;
	}
}

/** The new collection was not made, as far as is known. */
async function afterFailure(
	context: RestoreContext,
	swap: Swap,
	{ redirected, reason, isOver }: { redirected: string[]; reason: unknown; isOver: boolean },
): Promise<CollectionCheck> {
	const { name } = swap;
	const own = context.made.get(name);
	if (!own?.busy) {
		await rollBackDeleted(context, swap, { redirected, reason, isOver });
		throw rolledBackError(swap, reason);
	}
	withdrawBusy(context, name);
	const match = await matchOnceSettled(context, { ...swap, fingerprints: fingerprintsOfNew(swap.fingerprints) }, false);
	if (match !== 'new') {
		throw keptError(swap, reason, `the server may be filling ${name} still. The aliases point at the copy.`);
	}
	delete own.busy;
	return await checkInDoubt(context, swap, reason);
}

/** Before it is filled, a collection that is made anew holds none of the old points: it is empty. */
function fingerprintsOfNew({ ids, fresh }: Fingerprints): Fingerprints {
	const there = ids.filter((id) => fresh.points.has(String(id)));
	return { ids: there, old: { points: new Map(), count: 0 }, fresh };
}
