import { BackupError, cancelled, messageOf, throwIfCancelled } from '../../errors';
import { assertRoomForCopy, checkKeptCopies } from '../../archive';
import type { Storage } from '../../storage';
import { SnapshotLedger } from '../artifacts/ledger';
import { findStaleCollections, ofTarget } from '../artifacts/staleCollections';
import { removeStaleSnapshots } from '../artifacts/staleSnapshots';
import type { QdrantConnection } from '../client/connection';
import { isOutcomeUnknown } from '../client/failure';
import { collectionName, text } from '../server/names';
import { findPeers, type Topology } from '../server/topology';
import { type AliasChoice, restoreAliases } from './aliases';
import { assertPassed, checkCollection, type CheckOptions, type CollectionCheck } from './check';
import { assertCompatible, assertVersion } from './compatibility';
import type { RestoreContext } from './context';
import { discard, nameTaken, suspendStrictMode, releaseCollections } from './load/claim';
import { assertSingle, isSharded, loadInto, loadNew } from './load/load';
import { reclaimAliases } from './reclaim';
import type { RestoreSource } from './source';
import { keptCopies } from './swap/names';
import { swapAlias } from './swap/swapAlias';
import { swapCollection } from './swap/swapCollection';

export type RestoreCollectionTarget =
	/** A collection that does not exist yet. */
	| { type: 'newCollection'; collection: string }
	/**
	 * Restored into a staging collection and checked first; the old one is kept as `<name>_before_<time>` (see swap/).
	 * `keptCopies` limits how many of these there may be, from earlier swaps and this one; by default any number.
	 */
	| { type: 'safeSwap'; collection: string; confirmation: string; keptCopies?: number }
	/** Over the collection as it stands: its points go. */
	| { type: 'existing'; collection: string; confirmation: string };

export interface RestoreCollectionOptions {
	connection: QdrantConnection;
	source: RestoreSource;
	target: RestoreCollectionTarget;
	/** What becomes of the aliases that the backup names; by default they are left alone. */
	aliases?: AliasChoice;
	/** The version of the server that made the snapshot, where the source does not state it. */
	snapshotVersion?: string;
	check?: CheckOptions;
	/** Time zone of the times in names; by default UTC. */
	timeZone?: string;
	log?: (line: string) => void;
	/**
	 * A storage that backups go to, and their folder (by default `qdrant`). The ledger there records what a restore makes or
	 * uploads on the server, so that the next backup removes what is left when the restore is killed.
	 */
	ledger?: { storage: Storage; folder?: string };
	/** Bytes of the snapshot (of a shard's, in a cluster) that have been sent. */
	onProgress?: (progress: { bytes: number; totalBytes: number }) => void;
	signal?: AbortSignal;
}

export interface CollectionRestoreReport extends Omit<CollectionCheck, 'problems'> {
	/** The collection that now holds the data. */
	collection: string;
	/** The name under which the old data can be found now: a copy, or an alias of the old collection. */
	previous: string | undefined;
	/** Aliases that were given to the collection. */
	aliases: string[];
	serverVersion: string;
	/** Milliseconds. */
	duration: number;
}

type Outcome = Pick<CollectionRestoreReport, 'collection' | 'previous' | 'aliases'> & { check: CollectionCheck };

/**
 * Restores a collection, in this order:
 * 1. Whatever can be checked without a change is checked: the confirmation, versions, names, and whether the backup fits.
 * 2. Stale artifacts of earlier runs are looked for. Snapshots and uploads in the ledger are removed; collections that a killed
 *    restore left are only reported.
 * 3. The archive is read to its end and compared with its manifest, before anything is changed.
 * 4. The snapshot streams from the storage to the server (see load/load.ts). It is compared with the manifest once more on the
 *    way, and the server compares it with the checksum before it puts it in place. A safe swap does this in a staging
 *    collection first (see swap/swapCollection.ts and swap/swapAlias.ts).
 * 5. The restored collection is checked (see check.ts), released, and given its aliases.
 *
 * A restore that is refused or fails leaves the target as it was: what it made is removed, and what it replaced is rolled back.
 * Where that is not certain, nothing is removed, and the error says what is where (`details.left`, a sentence each). A cancel
 * counts until the server has received everything, for from then on the server goes on by itself. If it changes an existing
 * collection, the restore waits for it, and the result counts; a new collection is removed as soon as the server has finished.
 * @throws BackupError NOT_CONFIRMED, UNSUPPORTED_VERSION, TARGET_EXISTS, INVALID_INPUT (does not fit), TARGET_UNREACHABLE,
 * TARGET_FAILED, ACCESS_DENIED, CANCELLED, those of the archive and of the storage
 */
export async function restoreCollection(options: RestoreCollectionOptions): Promise<CollectionRestoreReport> {
	const startedAt = Date.now();
	const { connection, source, target, signal, log = () => {} } = options;
	assertConfirmed(target);
	if (target.type === 'safeSwap') checkKeptCopies(target.keptCopies);
	const topology = await findPeers(connection, 'target', signal);
	const { version } = await topology.client.version(signal);
	const made = source.facts?.version ?? options.snapshotVersion;
	if (made !== undefined) assertVersion(made, version);
	if (!isSharded(source)) assertSingle(topology, source);
	const warnings: string[] = [];
	if (made === undefined) warnings.push('Nothing says which version of Qdrant made this snapshot.');
	const { onProgress } = options;
	const ledger = options.ledger && new SnapshotLedger(options.ledger.storage, options.ledger.folder ?? 'qdrant');
	const context: RestoreContext = {
		topology,
		signal,
		log,
		warnings,
		made: new Map(),
		left: [],
		...(ledger && { ledger }),
		...(onProgress && { onProgress }),
	};
	try {
		await removeStale(context);
		const checks = { ...options.check, roughPoints: source.points };
		const { collection: name } = target;
		const names = ofTarget(name, await topology.client.collections(signal));
		const stale = await findStaleCollections(topology.client, names, (message) => void warnings.push(message), signal);
		const { check, ...outcome } = await restoreInto(context, { ...options, check: checks });
		// What is restored is not taken back any more, cancel or not.
		const done = { ...context, signal: undefined };
		await releaseCollections(done);
		const regained = await reclaimAliases(done, stale, { ...outcome, name });
		const wanted = source.facts?.aliases ?? [];
		const given = await restoreAliases(done, outcome.collection, wanted, options.aliases ?? 'leave');
		const { problems, ...found } = check;
		void problems;
		return {
			...found,
			...outcome,
			aliases: [...new Set([...outcome.aliases, ...regained, ...given])],
			warnings: [...warnings, ...check.warnings],
			serverVersion: version,
			duration: Date.now() - startedAt,
		};
	} catch (error) {
		await releaseCollections(context);
		throw withLeft(signal?.aborted && !isOfServer(error) ? cancelled() : error, context.left);
	}
}

/** The last step before anything is changed, for it may take as long as the restore. */
async function prove({ log, signal }: RestoreContext, { description, prove: read }: RestoreSource): Promise<void> {
	if (!read) return;
	log(`Reading ${description} to its end, before anything is changed`);
	await read(signal);
}

/** What earlier runs have left on the server is no reason to go without a restore. */
async function removeStale({ topology, ledger, log, warnings, signal }: RestoreContext): Promise<void> {
	if (!ledger) return;
	try {
		const found = await removeStaleSnapshots(topology.clients, ledger, signal);
		for (const name of found.removed) log(`Removed ${name}, which an earlier run had left on the server`);
		warnings.push(...found.warnings);
	} catch (error) {
		throwIfCancelled(signal);
		warnings.push(`Whether earlier runs have left files on the server could not be found out: ${messageOf(error)}`);
	}
}

/** The error, and what is left on the server in spite of it. */
function withLeft(error: unknown, left: string[]): unknown {
	if (left.length === 0 || !(error instanceof BackupError)) return error;
	const { code, hint, cause, details } = error;
	const message = [code === 'CANCELLED' ? 'The run was cancelled.' : error.message, ...left].join(' ');
	return new BackupError(code, message, {
		cause,
		...(hint !== undefined && { hint }),
		details: { ...details, left },
	});
}

/**
 * Checks the target's name, and, but for a new collection, that it is named once more.
 * @throws BackupError INVALID_INPUT, NOT_CONFIRMED
 */
export function assertConfirmed(target: RestoreCollectionTarget): void {
	collectionName(target.collection, 'The name of the collection to restore into');
	if (target.type !== 'newCollection') text(target.confirmation ?? '', 'The confirmation');
	if (target.type === 'newCollection' || target.confirmation === target.collection) return;
	throw new BackupError(
		'NOT_CONFIRMED',
		`Restoring over the collection "${target.collection}" is not confirmed; nothing was changed.`,
		{ hint: `Type ${target.collection} into the confirmation.` },
	);
}

async function restoreInto(context: RestoreContext, options: RestoreCollectionOptions): Promise<Outcome> {
	const { source, target, check = {}, timeZone } = options;
	const { collection: name } = target;
	const behind = await resolveName(context.topology, name, context.signal);
	await assertMayReplace(context.topology, target, behind);
	if (target.type === 'existing') return await restoreOver(context, options);
	if (behind === undefined) return await restoreNew(context, options);
	if (target.type === 'safeSwap' && target.keptCopies !== undefined) {
		assertRoomForCopy(name, await keptCopies(context, name), target.keptCopies);
	}
	await prove(context, source);
	const swap = { name, source, check, ...(timeZone !== undefined && { timeZone }) };
	return behind === name ? await swapCollection(context, swap) : await swapAlias(context, swap, behind);
}

/** The collection that a name stands for: itself, the one behind the alias, or none. */
export async function resolveName(topology: Topology, name: string, signal?: AbortSignal): Promise<string | undefined> {
	const { client } = topology;
	const aliases = await client.aliases(signal);
	const alias = aliases.find(({ alias_name: found }) => found === name);
	if (alias) return alias.collection_name;
	return (await client.collections(signal)).includes(name) ? name : undefined;
}

/**
 * Whether what stands under the name is what the target says: nothing for a new collection, a collection for one that is restored
 * over as it stands. A safe swap takes both.
 * @param behind the collection that the name stands for
 * @throws BackupError TARGET_EXISTS, INVALID_INPUT
 */
export async function assertMayReplace(
	{ client }: Topology,
	{ type, collection }: RestoreCollectionTarget,
	behind: string | undefined,
): Promise<void> {
	if (type === 'newCollection' && behind !== undefined) {
		if (behind === collection) throw await nameTaken(client, collection);
		const what = `an alias of the collection ${behind}`;
		throw new BackupError('TARGET_EXISTS', `There is ${what} named ${collection} already; nothing was changed.`, {
			hint: 'Choose another name, or restore over it by a safe swap.',
		});
	}
	if (type !== 'existing' || behind === collection) return;
	throw new BackupError(
		'INVALID_INPUT',
		behind === undefined
			? `There is no collection ${collection} to restore over.`
			: `${collection} is an alias of the collection ${behind}; nothing was changed.`,
		{ hint: 'Restore into a new collection, or by a safe swap, or name the collection itself.' },
	);
}

async function restoreNew(
	context: RestoreContext,
	{ source, target: { collection }, check }: RestoreCollectionOptions,
): Promise<Outcome> {
	await prove(context, source);
	await loadNew(context, collection, source);
	try {
		await suspendStrictMode(context, collection);
		const found = await checkCollection(context.topology, collection, source.facts, check, context.signal);
		assertPassed(found, collection, 'It was removed again.');
		return { collection, previous: undefined, aliases: [], check: found };
	} catch (error) {
		await discard(context, collection);
		throw error;
	}
}

async function restoreOver(
	context: RestoreContext,
	{ source, target: { collection }, check }: RestoreCollectionOptions,
): Promise<Outcome> {
	const { topology, signal } = context;
	if (isSharded(source)) {
		throw new BackupError('INVALID_INPUT', 'The shards of a cluster cannot replace a collection all in one step.', {
			hint: 'Restore over it by a safe swap, which can put the old collection back, or into a new collection.',
		});
	}
	const shape = source.facts ?? source.shape;
	if (shape) await assertCompatible(topology, collection, shape, signal);
	await prove(context, source);
	let isSent = source.remote !== undefined;
	const onProgress: RestoreContext['onProgress'] = (progress) => {
		isSent ||= progress.bytes === progress.totalBytes;
		context.onProgress?.(progress);
	};
	await loadInto({ ...context, onProgress, untilDone: true }, collection, source).catch((error: unknown) => {
		throw isSent && isOfServer(error) && isOutcomeUnknown(error) ? inDoubt(error, collection) : error;
	});
	const checks = { ...check, stopWaiting: signal };
	const found = await checkCollection(topology, collection, source.facts, checks).catch((error: unknown) => {
		throw isOfServer(error) ? unchecked(error, collection) : error;
	});
	assertPassed(found, collection, 'Its points were written since, or the backup is not what its manifest states.');
	return { collection, previous: undefined, aliases: [], check: found };
}

function isOfServer(error: unknown): error is BackupError {
	return error instanceof BackupError && error.code.startsWith('TARGET_');
}

/** A server that has got everything goes on, heard or not. */
function inDoubt({ code, message, cause }: BackupError, collection: string): BackupError {
	return new BackupError(
		code,
		`${message}. Everything had been sent: ${collection} holds its old points, or already those of the backup.`,
		{ cause, hint: `Wait until the server is idle, then look at ${collection} before you try again.` },
	);
}

function unchecked({ code, message, cause, hint }: BackupError, collection: string): BackupError {
	return new BackupError(code, `The backup was put into ${collection}, but could not be checked. ${message}`, {
		cause,
		...(hint !== undefined && { hint }),
	});
}
