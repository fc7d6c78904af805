import { timestamp } from '../../../archive';
import { BackupError, messageOf, throwIfCancelled } from '../../../errors';
import { isOutcomeUnknown, statusOf } from '../../client/failure';
import type { AliasAction } from '../../client/types';
import { aliasHolders, aliasHoldersAfter, isOfEarlierSwap, moveAliases, pointAt } from '../../server/aliases';
import { assertPassed, checkCollection, type CollectionCheck } from '../check';
import type { RestoreContext } from '../context';
import { discard, suspendStrictMode } from '../load/claim';
import { loadNew } from '../load/load';
import { freeName } from './names';
import { NOTHING_CHANGED, type SwapOptions, type SwapResult } from './swap';

/** What is to move where. */
interface Move {
	/** The alias that clients use. */
	name: string;
	/** What it points at before. */
	old: string;
	/** What it shall point at. */
	collection: string;
	/** The new alias of the old collection. */
	previous: string;
	/** All that move: `name`, and what else points at the old collection. */
	aliases: string[];
}

/**
 * The safe swap where clients use an alias. The backup is restored into a staging collection, `<alias>_<time>`, and checked.
 * Then one request moves the aliases of the old collection to it, so that it is the new one, and gives the old collection the
 * alias `<alias>_before_<time>` in addition to its own name. No moment is without data. Aliases that earlier swaps gave to the
 * old collection name old data, and stay.
 *
 * Nothing cancels the step itself, and its outcome is read from the server. Of two swaps at once the slower one finds the
 * alias moved and fails; where both are at the step in the same moment, the last one wins, and the other one says so.
 */
export async function swapAlias(context: RestoreContext, options: SwapOptions, old: string): Promise<SwapResult> {
	const { name, timeZone, source } = options;
	const time = timestamp(new Date(), timeZone);
	const collection = await freeName(context, `${name}_${time}`);
	await loadNew(context, collection, source);
	let check: CollectionCheck;
	let move: Move;
	try {
		await suspendStrictMode(context, collection);
		check = await checkCollection(context.topology, collection, source.facts, options.check, context.signal);
		assertPassed(check, collection, NOTHING_CHANGED);
		const previous = await freeName(context, `${name}_before_${time}`);
		const aliases = await aliasesToMove(context, name, old);
		throwIfCancelled(context.signal);
		move = { name, old, collection, previous, aliases };
	} catch (error) {
		await discard(context, collection);
		throw error;
	}
	return { collection, previous: move.previous, check, aliases: await moveOver(context, move) };
}

async function aliasesToMove({ topology, signal }: RestoreContext, name: string, old: string): Promise<string[]> {
	const holders = await aliasHolders(topology.client, signal);
	if (holders.get(name) !== old) {
		const now = holders.has(name) ? `points at ${holders.get(name)}` : 'is gone';
		throw new BackupError(
			'TARGET_FAILED',
			`The alias ${name} pointed at ${old} when this restore began, and ${now} by now.`,
			{ hint: `${NOTHING_CHANGED} Look at what else swaps it, then try again.` },
		);
	}
	const others = [...holders].flatMap(([alias, holder]) =>
		holder === old && alias !== name && !isOfEarlierSwap(alias) ? [alias] : [],
	);
	return [name, ...others].sort();
}

/** Does the step, finds out what came of it, and returns the aliases that moved. */
async function moveOver(context: RestoreContext, move: Move): Promise<string[]> {
	const { client } = context.topology;
	const { name, collection, previous, aliases } = move;
	const actions: AliasAction[] = [
		// Whatever it points at in this very moment must be found under `previous` afterwards.
		{ rename_alias: { old_alias_name: name, new_alias_name: previous } },
		...aliases.map((alias) => pointAt(alias, collection)),
	];
	const failure = await client.changeAliases(actions).then(
		() => undefined,
		(error: unknown) => ({ error }),
	);
	const isMoved = (holders: Map<string, string>) => holders.get(name) === collection;
	const holders = await aliasHoldersAfter(client, failure && isOutcomeUnknown(failure.error) ? isMoved : undefined);
	if (!holders) throw unreadable(move, failure?.error);
	if (isMoved(holders)) return await moved(context, move, { holders, failure });
	if (!failure) throw takenSince(move, holders);
	throw await notMoved(context, move, { holders, error: failure.error });
}

async function moved(
	{ topology, warnings }: RestoreContext,
	{ name, old, collection, previous, aliases }: Move,
	{ holders, failure }: { holders: Map<string, string>; failure: { error: unknown } | undefined },
): Promise<string[]> {
	if (failure) {
		warnings.push(`The aliases have moved, although the server did not say so: ${messageOf(failure.error)}`);
	}
	const before = holders.get(previous);
	if (before !== old) {
		const what = before === undefined ? 'is missing' : `points at ${before}, which ${name} had got meanwhile`;
		warnings.push(`The alias ${previous} ${what}. The collection ${old}, which was there before, has its own name.`);
	}
	const { moved: there, others } = await moveAliases(topology.client, aliases, { from: old, to: collection });
	if (others.length > 0) warnings.push(`These aliases do not point at ${collection}: ${others.join(', ')}.`);
	return there;
}

/** The error; the new collection goes only where it is certain that nothing points at it, now or later. */
async function notMoved(
	context: RestoreContext,
	move: Move,
	{ holders, error }: { holders: Map<string, string>; error: unknown },
): Promise<unknown> {
	const { client } = context.topology;
	const { name, old, collection, previous } = move;
	if (!holders.has(name) && holders.has(previous)) {
		// The alias got its new name, and what came after it was refused.
		const back = { rename_alias: { old_alias_name: previous, new_alias_name: name } };
		await client.changeAliases([back]).catch(() => {});
		holders = (await aliasHoldersAfter(client, (found) => found.has(name))) ?? holders;
	}
	const isAsBefore = holders.get(name) === old && ![...holders.values()].includes(collection);
	if (isAsBefore && !mayComeLate(error)) {
		await discard(context, collection);
		return error;
	}
	const now = holders.get(name);
	const where = now === undefined ? `is gone; what it pointed at is to be had as ${previous}` : `points at ${now}`;
	return new BackupError(
		'TARGET_FAILED',
		`The aliases could not be moved (${messageOf(error)}). The alias ${name} ${where}. The restored collection was kept as ${collection}, the old one as ${old}.`,
		{ cause: error, hint: keepHint(move) },
	);
}

/** Whether the server, or a proxy, may hold the request back, and do it later. */
function mayComeLate(error: unknown): boolean {
	const code = (error as { cause?: { code?: string } }).cause?.code;
	return isOutcomeUnknown(error) && (statusOf(error) !== undefined || code === 'ETIMEDOUT');
}

function unreadable(move: Move, error: unknown): BackupError {
	const { name, old, collection } = move;
	const why = error === undefined ? '' : ` (${messageOf(error)})`;
	return new BackupError(
		'TARGET_FAILED',
		`Whether the alias ${name} has moved is unknown${why}: the aliases cannot be read. The restored collection is ${collection}, the old one ${old}; both were kept.`,
		{ cause: error, hint: keepHint(move) },
	);
}

function takenSince(move: Move, holders: Map<string, string>): BackupError {
	const { name, old, collection } = move;
	const now = holders.get(name);
	const what = now === undefined ? 'was deleted' : `was pointed at ${now}`;
	return new BackupError(
		'TARGET_FAILED',
		`The alias ${name} ${what} by something else while this restore moved it. The restored collection was kept as ${collection}, the old one as ${old}.`,
		{ hint: keepHint(move) },
	);
}

function keepHint({ name, old, collection }: Move): string {
	return `Look at what ${name} points at; let it point at the collection that you want, and delete ${collection} or ${old} once nothing needs it.`;
}
