import { timestamp } from '../../archive';
import { BackupError, messageOf } from '../../errors';
import { aliasesOf } from '../describe';
import { isOutcomeUnknown, statusOf } from '../failure';
import type { AliasAction } from '../types';
import { assertPassed, checkCollection, type CheckOptions, type CollectionCheck } from './check';
import { obstacle } from './compatible';
import { copyCollection } from './copy';
import { discard, isSharded, loadInto, loadNew, type RestoreContext } from './load';
import type { RestoreSource } from './source';

export interface SwapOptions {
	/** A collection or an alias, as clients use it. */
	name: string;
	source: RestoreSource;
	check: CheckOptions;
	timeZone?: string;
}

export interface SwapResult {
	/** The collection that now holds the data. */
	collection: string;
	/** What the old data is to be had under now. */
	previous: string;
	check: CollectionCheck;
	aliases: string[];
}

const NOTHING_CHANGED = 'Nothing was changed: what was there before is still in place.';

/**
 * Where clients use an alias: the backup is restored beside, as `<alias>_<time>`, and checked; then, in one step, all
 * aliases of the old collection move to the new one, and the old one gets the alias `<alias>_before_<time>` beside its
 * own name. No moment is without data.
 */
export async function swapAlias(
	context: RestoreContext,
	{ name, source, check: checks, timeZone }: SwapOptions,
	old: string,
): Promise<SwapResult> {
	const { topology, signal } = context;
	const { client } = topology;
	const time = timestamp(new Date(), timeZone);
	const collection = await freeName(context, `${name}_${time}`);
	const previous = await freeName(context, `${name}_before_${time}`);
	await loadNew(context, collection, source);
	try {
		const check = await checkCollection(topology, collection, source.facts, checks, signal);
		assertPassed(check, collection, NOTHING_CHANGED);
		const aliases = await aliasesOf(client, old, signal);
		const moves = aliases.flatMap((alias): AliasAction[] => [
			{ delete_alias: { alias_name: alias } },
			{ create_alias: { alias_name: alias, collection_name: collection } },
		]);
		await client.changeAliases([...moves, { create_alias: { alias_name: previous, collection_name: old } }], signal);
		return { collection, previous, check, aliases };
	} catch (error) {
		await discard(context, collection);
		throw error;
	}
}

/**
 * Where clients use the collection's own name. Qdrant cannot rename a collection, so:
 * 1. the backup is restored beside and checked, which proves it, and removed again;
 * 2. the old collection is copied as `<name>_before_<time>`, and the copy is checked;
 * 3. the backup is restored over the collection, or, where it does not fit, into one made anew (its aliases come back), and
 *    checked; where that fails, the copy is put back.
 * During the last step clients see the old points, or none, until the new ones are there. Points that are written between
 * the copy and the last step are lost. The server needs disk for the collection three times over.
 */
export async function swapCollection(context: RestoreContext, options: SwapOptions): Promise<SwapResult> {
	const { name, source, check: checks, timeZone } = options;
	const { topology, signal, log } = context;
	const { client } = topology;
	const time = timestamp(new Date(), timeZone);
	const trial = await freeName(context, `${name}_trial_${time}`);
	const previous = await freeName(context, `${name}_before_${time}`);
	const aliases = await aliasesOf(client, name, signal);

	log(`Trying the backup as ${trial}`);
	await loadNew(context, trial, source);
	try {
		// Waiting for indexes is for the one that stays.
		const check = await checkCollection(topology, trial, source.facts, { ...checks, waitForIndexes: 0 }, signal);
		assertPassed(check, trial, NOTHING_CHANGED);
	} finally {
		await discard(context, trial);
	}

	log(`Copying ${name} as ${previous}`);
	const copied = await copyCollection(context, name, previous);
	try {
		const copy = await checkCollection(topology, previous, copied, { sampleSearch: false }, signal);
		assertPassed(copy, previous, NOTHING_CHANGED);
	} catch (error) {
		await discard(context, previous);
		throw error;
	}

	let isRefused = false;
	try {
		const inTheWay = source.facts && (await obstacle(topology, name, source.facts, signal));
		if (inTheWay === undefined && source.facts) {
			await loadInto({ ...context, untilDone: true }, name, source).catch((error: unknown) => {
				isRefused = !isSharded(source) && leavesAsItWas(error);
				throw error;
			});
		} else await makeAnew(context, name, source, aliases);
		const check = await checkCollection(topology, name, source.facts, checks, signal);
		assertPassed(check, name, 'The old collection was put back. Stop what writes to it meanwhile, then try again.');
		return { collection: name, previous, check, aliases };
	} catch (error) {
		if (isRefused) await discard(context, previous);
		else await putBack(context, { name, previous, aliases }, error);
		throw error;
	}
}

/** The server has refused the snapshot, or has never got all of it. */
function leavesAsItWas(error: unknown): boolean {
	const isOfArchive = error instanceof BackupError && /^(ARCHIVE|STORAGE|KEY)_/.test(error.code);
	return isOfArchive || (statusOf(error) !== undefined && !isOutcomeUnknown(error));
}

async function makeAnew(
	context: RestoreContext,
	name: string,
	source: RestoreSource,
	aliases: string[],
): Promise<void> {
	const { client } = context.topology;
	await client.deleteCollection(name, context.signal);
	// Nothing of this may come late, over what is put back.
	await loadNew({ ...context, untilDone: true }, name, source);
	await client.changeAliases(aliases.map((alias) => ({ create_alias: { alias_name: alias, collection_name: name } })));
}

/** Puts the old collection back where the last step failed. A cancel does not stop this. */
async function putBack(
	context: RestoreContext,
	{ name, previous, aliases }: { name: string; previous: string; aliases: string[] },
	reason: unknown,
): Promise<void> {
	const { topology, log } = context;
	const { client } = topology;
	const own: RestoreContext = { ...context, signal: undefined, onProgress: undefined };
	log(`Putting ${name} back, since the restore over it failed: ${messageOf(reason)}`);
	try {
		if (await client.collectionExists(name)) await client.deleteCollection(name);
		const copied = await copyCollection(own, previous, name);
		const check = await checkCollection(topology, name, copied, { sampleSearch: false });
		assertPassed(check, name, `The old collection is still there as ${previous}.`);
		await client.changeAliases(
			aliases.map((alias) => ({ create_alias: { alias_name: alias, collection_name: name } })),
		);
		await discard(own, previous);
	} catch (error) {
		throw new BackupError(
			'TARGET_FAILED',
			`The restore over ${name} failed (${messageOf(reason)}), and the old collection could not be put back: ${messageOf(error)}`,
			{ cause: error, hint: `The old collection is whole, as ${previous}: restore or copy it from there.` },
		);
	}
}

/** A name that neither a collection nor an alias has. */
async function freeName({ topology: { client }, signal }: RestoreContext, wanted: string): Promise<string> {
	const taken = new Set(await client.collections(signal));
	for (const { alias_name: alias } of await client.aliases(signal)) taken.add(alias);
	let name = wanted;
	for (let number = 2; taken.has(name); number++) name = `${wanted}_${number}`;
	return name;
}
