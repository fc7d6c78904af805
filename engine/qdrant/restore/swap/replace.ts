/**
 * The last step of a safe swap by name: the backup's points take the place of the old ones, of which there is a copy. The
 * copy is removed only where the collection provably never changed, or holds exactly what the copy holds again. Where the
 * answer does not say what has become of the collection, its fingerprint is compared, once the server has had time to finish.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { BackupError, messageOf } from '../../../errors';
import { isOutcomeUnknown } from '../../client/failure';
import { assertPassed, checkCollection, type CollectionCheck } from '../check';
import { leave, type RestoreContext } from '../context';
import { loadInto } from '../load/load';
import { type FingerprintMatch, matchNow } from './fingerprint';
import { dropCopy, keptError, rolledBackError } from './kept';
import { rollBackContent } from './rollback';
import type { Swap } from './swap';
import { watchSource } from './watch';

/** Restores over the collection, which keeps its aliases. */
export async function replaceContent(context: RestoreContext, swap: Swap): Promise<CollectionCheck> {
	const { name } = swap;
	const { source, harmless } = watchSource(swap.source);
	try {
		await loadInto({ ...context, untilDone: true }, name, source);
	} catch (reason) {
		const how = harmless(reason);
		if (how) {
			await leaveAlone(context, swap, how);
			throw reason;
		}
		return await lookAfter(context, swap, reason);
	}
	return await checkReplaced(context, swap, async (reason) => {
		await rollBackContent(context, swap, { reason, isOver: true });
	});
}

/** Nothing has changed: the copy is removed, unless the collection's fingerprint casts doubt on that. */
async function leaveAlone(context: RestoreContext, swap: Swap, how: 'unsent' | 'refused'): Promise<void> {
	const { name, previous, fingerprints } = swap;
	const match = await matchNow(context.topology.client, name, fingerprints);
	const isThere = match === 'old' || (how === 'unsent' && (match === 'both' || match === 'new'));
	if (isThere) return await dropCopy({ ...context, signal: undefined }, swap);
	leave(
		context,
		`The collection ${name} should be as it was, but ${doubtOf(match)}; its copy ${previous} was kept: compare them.`,
	);
}

function doubtOf(match: FingerprintMatch | undefined): string {
	if (match === undefined) return 'it could not be looked at';
	if (match === 'unreadable') return 'the server fails to read it';
	return match === 'both' ? 'no look at it shows that' : 'it does not look like it';
}

/** The server has, or may have, all of the snapshot, and does not say that it has restored it. */
async function lookAfter(context: RestoreContext, swap: Swap, reason: unknown): Promise<CollectionCheck> {
	const { name } = swap;
	const isOver = !mayBeAtWork(reason);
	const match = await matchOnceSettled(context, swap, isOver);
	if (match === 'new') return await checkInDoubt(context, swap, reason);
	if (match === 'broken' || match === 'unreadable') {
		await rollBackContent(context, swap, { reason, isOver });
		throw rolledBackError(swap, reason);
	}
	throw keptError(
		swap,
		reason,
		`${whatIsThere(name, match)}${isOver ? '.' : '; the server may be at work on it still.'}`,
	);
}

function whatIsThere(name: string, match: 'old' | 'both' | undefined): string {
	if (match === 'old') return `${name} holds its old points`;
	if (match === undefined) return `${name} could not be looked at`;
	return `whether ${name} holds its old points or those of the backup cannot be determined, so alike are they`;
}

/** What ended on our side, between the shards of a cluster, leaves the server with nothing to do. */
export function mayBeAtWork(reason: unknown): boolean {
	return reason instanceof BackupError && reason.code.startsWith('TARGET_') && isOutcomeUnknown(reason);
}

/**
 * What a collection is like after a failure. Where the server may be at work still, it gets three times as long as it took
 * for the trial, and ten seconds more, to show the backup's points.
 */
export async function matchOnceSettled(
	{ topology: { client }, log }: RestoreContext,
	{ name, fingerprints, took }: Swap,
	isOver: boolean,
): Promise<FingerprintMatch | undefined> {
	const deadline = Date.now() + client.timeouts.settle + 3 * took;
	log(`Looking at what has become of ${name}`);
	for (;;) {
		const match = await matchNow(client, name, fingerprints);
		const isCertain = match === 'new' || (isOver && match !== undefined && match !== 'unreadable');
		if (isCertain || Date.now() > deadline) return match;
		await sleep(client.timeouts.pause);
	}
}

/** A restore whose answer was lost counts where the collection passes its checks; whatever they say, the copy stays. */
export async function checkInDoubt(context: RestoreContext, swap: Swap, reason: unknown): Promise<CollectionCheck> {
	const { name, previous } = swap;
	const check = await checkReplaced(context, swap, async () => {
		await Promise.resolve();
		throw keptError(swap, reason, `${name} is not quite what was backed up.`);
	});
	check.warnings.push(
		`The server did not say that the restore had worked (${messageOf(reason)}), but the points of ${name} that were looked at are the backup's. Compare it with ${previous} before you delete that.`,
	);
	return check;
}

/** Checks what has been put in place; no cancel takes that back any more, it only ends the waiting for indexes. */
export async function checkReplaced(
	context: RestoreContext,
	swap: Swap,
	undo: (reason: unknown) => Promise<void>,
): Promise<CollectionCheck> {
	const { name, source } = swap;
	const { topology, signal } = context;
	let check: CollectionCheck;
	try {
		check = await checkCollection(topology, name, source.facts, { ...swap.check, stopWaiting: signal });
	} catch (error) {
		throw keptError(swap, error, `the backup is in place as ${name}, unchecked.`);
	}
	try {
		assertPassed(check, name, 'Look at what writes to it, and at the backup.');
	} catch (reason) {
		await undo(reason);
		throw rolledBackError(swap, reason);
	}
	return check;
}
