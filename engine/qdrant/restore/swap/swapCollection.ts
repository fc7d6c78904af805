import { timestamp } from '../../../archive';
import { BackupError, throwIfCancelled } from '../../../errors';
import type { CollectionSource } from '../../manifestSource';
import { aliasesOf, isOfEarlierSwap, moveAliases } from '../../server/aliases';
import { assertPassed, checkCollection, type CollectionCheck } from '../check';
import { incompatibility } from '../compatibility';
import type { RestoreContext } from '../context';
import { discard, suspendStrictMode } from '../load/claim';
import { loadNew } from '../load/load';
import { copyCollection } from './copy';
import { type Fingerprint, fingerprintBefore, type Fingerprints, sampleIds } from './fingerprint';
import { collectionsOfSwaps, freeName } from './names';
import { replaceContent } from './replace';
import { replaceByAnother } from './replaceByAnother';
import { NOTHING_CHANGED, type Swap, type SwapOptions, type SwapResult } from './swap';

/** Collections that this process is swapping, with their servers. */
const underWay = new Set<string>();

/**
 * The safe swap where clients use the collection's own name. Qdrant cannot rename a collection, so:
 * 1. The backup is restored into a staging collection, `<name>_trial_<time>`, and checked, which proves it. Its points are
 *    sampled for the fingerprint, and it is removed again.
 * 2. The old collection is copied as `<name>_before_<time>`, and the copy is checked and sampled.
 * 3. The backup is restored over the collection (see replace.ts), or, where it is incompatible with it, into one made anew (see
 *    replaceByAnother.ts), and checked. Where that fails, the copy is restored over it (see rollback.ts).
 * During the last step clients see the old points, or none, until the new ones are there. Points that are written between
 * the copy and the last step are lost. The server needs disk for the collection three times over.
 *
 * A second swap of the collection fails before the last step: in this process at once, in others when it sees the collections
 * that the first one makes. One that begins in another process during the last step of the first is not noticed.
 */
export async function swapCollection(context: RestoreContext, options: SwapOptions): Promise<SwapResult> {
	const key = `${context.topology.client.server} ${options.name}`;
	if (underWay.has(key)) throw concurrentSwap(options.name, 'here');
	underWay.add(key);
	try {
		return await swapAlone(context, options);
	} finally {
		underWay.delete(key);
	}
}

async function swapAlone(context: RestoreContext, options: SwapOptions): Promise<SwapResult> {
	const { name, source, timeZone } = options;
	const { topology, signal, warnings } = context;
	const { client } = topology;
	const time = timestamp(new Date(), timeZone);
	const staging = await freeName(context, `${name}_trial_${time}`);
	const previous = await freeName(context, `${name}_before_${time}`);
	const known = (await collectionsOfSwaps(context, name)).add(staging).add(previous);
	const aliases = await aliasesOf(client, name, signal);
	const { ids, fresh, took, sampled } = await tryInStaging(context, options, staging);
	const copied = await copyAndCheck(context, name, previous);
	let swap: Swap;
	let fits: boolean;
	try {
		const fingerprints = { ids, old: await fingerprintBefore(client, previous, ids), fresh };
		// What could be searched in the staging collection need not be once more: strict mode may limit how often the collection is asked.
		const check = { ...options.check, ...(sampled !== 'failed' && { sampleSearch: false }) };
		swap = { ...options, check, previous, copied, fingerprints, took, aliases };
		const shape = source.facts ?? source.shape;
		fits = shape !== undefined && (await incompatibility(topology, name, shape, signal)) === undefined;
		const others = [...(await collectionsOfSwaps(context, name))].filter((found) => !known.has(found));
		if (others.length > 0) throw concurrentSwap(name, others.join(', '));
		throwIfCancelled(signal);
	} catch (error) {
		await discard(context, previous);
		throw error;
	}
	const check = fits ? await replaceContent(context, swap) : await replaceByAnother(context, swap);
	if (sampled !== 'failed') check.sampleSearch = sampled;
	const ofOldData = aliases.filter(isOfEarlierSwap);
	const { others } = await moveAliases(client, ofOldData, { from: name, to: previous });
	if (others.length > 0) warnings.push(`These aliases name older data, but point at ${name}: ${others.join(', ')}.`);
	return { collection: name, previous, check, aliases: aliases.filter((alias) => !isOfEarlierSwap(alias)) };
}

/** Restores the backup into the staging collection, checks it, samples it and the old collection, and removes it again. */
async function tryInStaging(
	context: RestoreContext,
	{ name, source, check: checks }: SwapOptions,
	staging: string,
): Promise<{ ids: Fingerprints['ids']; fresh: Fingerprint; took: number; sampled: CollectionCheck['sampleSearch'] }> {
	const { topology, signal, log } = context;
	const { client } = topology;
	log(`Trying the backup as ${staging}`);
	const startedAt = Date.now();
	await loadNew(context, staging, source);
	const took = Date.now() - startedAt;
	try {
		await suspendStrictMode(context, staging);
		// Waiting for indexes is for the one that stays.
		const check = await checkCollection(topology, staging, source.facts, { ...checks, waitForIndexes: 0 }, signal);
		assertPassed(check, staging, NOTHING_CHANGED);
		const ids = [...new Set([...(await sampleIds(client, name)), ...(await sampleIds(client, staging))])];
		return { ids, fresh: await fingerprintBefore(client, staging, ids), took, sampled: check.sampleSearch };
	} finally {
		await discard(context, staging);
	}
}

async function copyAndCheck(context: RestoreContext, name: string, previous: string): Promise<CollectionSource> {
	const { topology, signal, log } = context;
	log(`Copying ${name} as ${previous}`);
	const copied = await copyCollection(context, name, previous);
	try {
		const check = await checkCollection(topology, previous, copied, { sampleSearch: false }, signal);
		assertPassed(check, previous, NOTHING_CHANGED);
		return copied;
	} catch (error) {
		await discard(context, previous);
		throw error;
	}
}

function concurrentSwap(name: string, where: string): BackupError {
	const seen = where === 'here' ? '' : ` (${where} appeared meanwhile)`;
	return new BackupError('TARGET_FAILED', `Another safe swap of the collection ${name} is under way${seen}.`, {
		hint: `${NOTHING_CHANGED} Wait until the other one has ended, then try again.`,
	});
}
