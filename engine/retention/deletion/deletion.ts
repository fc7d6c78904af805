/**
 * Deletes what a plan lets go, in groups. Of each group the manifests are read again (the plan may rest on the catalogue, and
 * somebody may have pinned a backup meanwhile), then the manifests are removed, and once they are gone for good, what
 * belonged to them. Whatever breaks off, a backup is whole or has no manifest, and what has none is noted beforehand, so that
 * the next run removes the rest. An archive never goes in one group with a backup that needs it, so that none goes before
 * it is certain that the backup went.
 */
import { latestKey, manifestKeyOf, readManifest, type ManifestTrust, type StorageLock } from '../../archive';
import { BackupError, throwIfCancelled } from '../../errors';
import { inParallel } from '../../parallel';
import type { Storage } from '../../storage/storage';
import { attempt, holdsUpOne, type Stuck } from '../failures';
import { entryOf, isGood, policySeriesOf, type RetentionEntry } from '../entry';
import type { RetentionPlan } from '../policy/plan';
import type { Survey } from '../survey/survey';
import { passOnFailure } from '../survey/shared-failure';
import { dataKeysOf, noteDeletions, notedDeletions } from './sweep';

/** With their side files they make one request of a thousand keys, and no run is long without a look at its lock. */
const GROUP = 200;
const READERS = 16;

export interface Deletions {
	deleted: RetentionEntry[];
	/** What should have gone, and why it did not. */
	failed: Array<{ entry: RetentionEntry; error: BackupError }>;
	/** Pointers that could not be moved. */
	stuck: Stuck[];
}

/** What a run of deletions works with. */
interface DeletionRun {
	storage: Storage;
	lock: StorageLock;
	now: Date;
	trust: ManifestTrust | undefined;
	signal: AbortSignal | undefined;
}

/**
 * Deletes what a plan lets go, noted beforehand, so that a later run can finish what breaks off here.
 * @throws BackupError CANCELLED, STORAGE_LOCKED, STORAGE_UNREACHABLE; other failures are noted and the others go on
 */
export async function deletePlanned(
	{ plan, outside }: Pick<Survey, 'plan' | 'outside'>,
	{ storage, lock, now, trust, signal }: DeletionRun,
): Promise<Deletions> {
	const deletions: Deletions = { deleted: [], failed: [], stuck: [] };
	const { deletable } = plan;
	if (deletable.length === 0) return deletions;
	// What earlier runs could not finish stays noted.
	const unfinished = await notedDeletions(storage, signal);
	await noteDeletions(storage, [...unfinished, ...ownKeys(deletable)], now);
	throwIfCancelled(signal);
	await lock.confirm();
	await repoint(plan, deletions.stuck, storage);
	const run = {
		storage,
		lock,
		copies: failedAmong([...staying(plan), ...outside]),
		needed: new Set<string>(),
		keepers: new Keepers(plan, { storage, trust, signal }),
		trust,
		signal,
	};
	for (const group of groupsOf(deletable)) {
		throwIfCancelled(signal);
		await lock.confirm();
		await deleteGroup(group, deletions, run);
	}
	// What failed after its manifest was gone stays noted, too. Where the manifest stands, the next plan decides.
	await inParallel(ownKeys(deletions.failed.map(({ entry }) => entry)), READERS, async (key) => {
		if (!(await storage.stat(manifestKeyOf(key)))) unfinished.push(key);
	});
	await noteDeletions(storage, unfinished, now);
	return deletions;
}

/** Foreign files are never noted: that they have no manifest means nothing. */
function ownKeys(entries: readonly RetentionEntry[]): string[] {
	return entries.filter(({ kind }) => kind !== 'foreign').map(({ key }) => key);
}

function staying({ decisions }: RetentionPlan): RetentionEntry[] {
	return decisions.filter(({ action }) => action === 'keep').map(({ entry }) => entry);
}

/** Those that are known to be bad, by id: the record that says so may lie only beside their original, which is to be deleted. */
function failedAmong(entries: readonly RetentionEntry[]): Map<string, RetentionEntry[]> {
	const failed = new Map<string, RetentionEntry[]>();
	for (const entry of entries) {
		if (entry.verified === 'failed') failed.set(entry.id, [...(failed.get(entry.id) ?? []), entry]);
	}
	return failed;
}

interface Deleting {
	storage: Storage;
	lock: StorageLock;
	/** Bad backups that stay, by id. */
	copies: ReadonlyMap<string, RetentionEntry[]>;
	/** Ids of archives that must stay, because a backup that needs them could not be deleted. */
	needed: Set<string>;
	keepers: Keepers;
	trust: ManifestTrust | undefined;
	signal: AbortSignal | undefined;
}

/** In the order of the plan, in which a backup comes before the archives that it needs. */
function* groupsOf(entries: readonly RetentionEntry[]): Generator<RetentionEntry[]> {
	let group: RetentionEntry[] = [];
	let needed = new Set<string>();
	for (const entry of entries) {
		if (group.length >= GROUP || needed.has(entry.id)) {
			yield group;
			group = [];
			needed = new Set();
		}
		group.push(entry);
		for (const id of entry.needs) needed.add(id);
	}
	if (group.length > 0) yield group;
}

async function deleteGroup(group: readonly RetentionEntry[], deletions: Deletions, run: Deleting): Promise<void> {
	const { storage, lock, needed, signal } = run;
	const failed = new Map<RetentionEntry, BackupError>();
	await inParallel(group, READERS, async (entry) => {
		throwIfCancelled(signal);
		await prepare(entry, run).catch((error: unknown) => {
			if (!holdsUpOne(error)) throw error;
			failed.set(entry, error);
		});
	});
	/** Removes what some keys of each entry name; entries of which one cannot be removed have failed. */
	const remove = async (keysOf: (entry: RetentionEntry) => string[]) => {
		const owners = new Map<string, RetentionEntry>();
		for (const entry of group) if (!failed.has(entry)) for (const key of keysOf(entry)) owners.set(key, entry);
		if (owners.size === 0) return;
		await lock.confirm();
		// A cancel waits for the end of the group, so that it leaves nothing half deleted.
		for (const { key, error } of await storage.removeMany([...owners.keys()])) failed.set(owners.get(key)!, error);
	};
	await remove((entry) => [entry.kind === 'foreign' ? entry.key : manifestKeyOf(entry.key)]);
	await remove((entry) => (entry.kind === 'foreign' ? [] : dataKeysOf(entry.key)));
	for (const entry of group) {
		const error = failed.get(entry);
		if (!error) deletions.deleted.push(entry);
		else {
			deletions.failed.push({ entry, error });
			for (const id of entry.needs) needed.add(id);
		}
	}
}

/** Makes sure that an entry may still go, and passes on what is known of it. @throws BackupError why it must stay */
async function prepare(entry: RetentionEntry, run: Deleting): Promise<void> {
	const { storage, copies, needed, keepers, trust, signal } = run;
	if (needed.has(entry.id)) throw new BackupError('STORAGE_FAILED', 'A backup that needs it could not be deleted.');
	if (entry.kind === 'foreign') {
		await assertSameFile(storage, entry);
		return;
	}
	const { pinned } = await assertAsPlanned(storage, entry, trust, signal);
	if (pinned) throw changed(`The manifest of ${entry.key}`);
	await keepers.assertOneFor(entry);
	if (entry.verified !== 'failed') return;
	for (const copy of copies.get(entry.id) ?? []) await passOnFailure(storage, entry, copy, signal);
}

/** The manifest has the last word. @returns what it says */
async function assertAsPlanned(
	storage: Storage,
	entry: RetentionEntry,
	trust: ManifestTrust | undefined,
	signal: AbortSignal | undefined,
): Promise<RetentionEntry> {
	const { manifest } = await readManifest(storage, manifestKeyOf(entry.key), signal, trust);
	const logs = entry.log ? [entry.log.of] : [];
	const now = entryOf({ manifest, key: entry.key, foundSize: undefined }, {}, logs);
	if (plannedBy(now, entry) !== plannedBy(entry, entry)) throw changed(`The manifest of ${entry.key}`);
	return now;
}

/**
 * The backups for whose sake others may go: of each series the newest good one that stays. A line of the catalogue that was made
 * up could call any backup that, and the last one of the series would go; so its manifest is asked, too, once for each series.
 */
class Keepers {
	readonly #newest = new Map<string, RetentionEntry>();
	readonly #asked = new Map<string, Promise<unknown>>();

	constructor(
		{ decisions }: RetentionPlan,
		private readonly run: Pick<Deleting, 'storage' | 'trust' | 'signal'>,
	) {
		for (const { entry, action } of decisions) {
			if (action !== 'keep' || entry.kind === 'foreign' || !isGood(entry)) continue;
			const series = policySeriesOf(entry);
			if (!this.#newest.has(series)) this.#newest.set(series, entry);
		}
	}

	/** @throws BackupError where the one of a backup's series is not what the plan took it for */
	async assertOneFor(entry: RetentionEntry): Promise<void> {
		const series = policySeriesOf(entry);
		const keeper = this.#newest.get(series);
		if (!keeper) return;
		const { storage, trust, signal } = this.run;
		const asked = this.#asked.get(series) ?? assertAsPlanned(storage, keeper, trust, signal);
		this.#asked.set(series, asked);
		await asked;
	}
}

/**
 * All that a plan looks at of a manifest, as one text. The stored catalogue may say something else than the manifest: who can
 * write to the storage can write it.
 * @param planned knows of which system an older backup is that does not say so itself, see completeSources
 */
function plannedBy(entry: RetentionEntry, planned: RetentionEntry): string {
	const { id, kind, name, origin, partial, checkpoint, startedAt, finishedAt, size, tags, needs } = entry;
	const system = entry.system ?? (planned.isSystemInferred ? planned.system : undefined);
	return JSON.stringify([
		id,
		kind,
		name,
		origin,
		system,
		partial,
		checkpoint,
		startedAt,
		finishedAt,
		size,
		tags,
		needs,
		factsText(entry),
	]);
}

/** Positions are large numbers, which JSON has none of. */
function factsText({ log }: RetentionEntry): string {
	return (
		JSON.stringify(log?.facts, (_name, value: unknown) => (typeof value === 'bigint' ? value.toString() : value)) ?? ''
	);
}

async function assertSameFile(storage: Storage, { key, size, modifiedAt = '' }: RetentionEntry): Promise<void> {
	const found = await storage.stat(key);
	// Listings of buckets tell milliseconds, the head of an object whole seconds.
	const isSame = found?.size === size && Math.abs(found.modifiedAt.getTime() - Date.parse(modifiedAt)) <= 1000;
	if (!isSame || (await storage.stat(manifestKeyOf(key)))) throw changed(`The file ${key}`);
}

function changed(what: string): BackupError {
	return new BackupError('STORAGE_FAILED', `${what} was changed since the plan was made.`, {
		hint: 'It was left alone. Run it again.',
	});
}

/**
 * Pointers to what is to go (a damaged one: the last good one stays) move to the newest whole and good one that stays, before
 * anything goes: whatever breaks off, none leads nowhere.
 */
async function repoint({ decisions, deletable }: RetentionPlan, stuck: Stuck[], storage: Storage): Promise<void> {
	const own = deletable.filter(({ kind }) => kind !== 'foreign');
	const going = new Set(own.map(({ key }) => key));
	const newest = new Map<string, RetentionEntry>();
	for (const { entry } of decisions) {
		if (entry.kind === 'foreign' || going.has(entry.key) || entry.partial !== undefined || !isGood(entry)) continue;
		if (!newest.has(pointerOf(entry))) newest.set(pointerOf(entry), entry);
	}
	for (const pointer of new Set(own.map(pointerOf))) {
		await attempt(stuck, pointer, async () => {
			const target = await storage.readLatest(pointer);
			if (target === undefined || !going.has(target)) return;
			const next = newest.get(pointer);
			if (next) await storage.setLatest(pointer, next.key);
			else await storage.remove(pointer);
		});
	}
}

function pointerOf({ key, name }: RetentionEntry): string {
	return latestKey(key.slice(0, Math.max(0, key.lastIndexOf('/'))), name);
}
