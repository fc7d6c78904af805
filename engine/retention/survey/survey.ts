import { manifestKeyOf, type ManifestTrust } from '../../archive';
import { throwIfCancelled } from '../../errors';
import { inParallel } from '../../parallel';
import type { DeletionLock, Storage } from '../../storage/storage';
import { verificationKeyOf } from '../../verify/history';
import type { SystemLog } from '../../verify/log';
import { readCatalog, type RetentionCatalog } from './catalog';
import { markLacking, type EntryState, type RetentionEntry } from '../entry';
import { foreignIn } from './foreign';
import { unreadIn, writersIn } from '../policy/protect';
import { planRetention, type RetentionPlan, type RetentionQuestion } from '../policy/plan';
import { rulesFor, type RetentionPolicy } from '../policy/policy';
import { scopeOf } from '../policy/key-filters';
import { shareFailures } from './shared-failure';
import { dueWeeklyCopies, entryOfCopy, type WeeklyCopy } from '../weekly';
import { Zone } from '../policy/zone';

const READERS = 16;

export interface SurveyOptions {
	storage: Storage;
	policy: RetentionPolicy;
	timeZone: string;
	prefixes: readonly string[];
	now: Date;
	/** Writes the catalogue's cache. */
	keepCache: boolean;
	stateOf: ((entry: RetentionEntry) => EntryState | Promise<EntryState>) | undefined;
	trust: ManifestTrust | undefined;
	logs?: readonly SystemLog[] | undefined;
	signal: AbortSignal | undefined;
}

/** What a storage holds, as the policy looks at it. */
export interface Gathered {
	catalog: RetentionCatalog;
	/** What the plan decides on; weekly copies still to be made are among it. */
	entries: RetentionEntry[];
	/** Backups that are not in the run's scope. */
	outside: RetentionEntry[];
	/** Weekly copies that are due, with what they will be. */
	copies: Array<WeeklyCopy & { copy: RetentionEntry }>;
	zone: Zone;
	isInScope: (key: string) => boolean;
}

/** What a storage holds and what the policy makes of it. Nothing was changed. */
export interface Survey extends Gathered {
	plan: RetentionPlan;
}

/** Looks at a storage. @throws BackupError INVALID_INPUT (zone, prefixes), CANCELLED, and what the storage throws */
export async function survey(options: SurveyOptions): Promise<Survey> {
	const { storage, now, keepCache, trust, logs, signal } = options;
	const read = { keepCache, now, ...(trust && { trust }), ...(logs && { logs }), ...(signal && { signal }) };
	const found = await gathered(await readCatalog(storage, read), options);
	const plan = planOf(found, options);
	const going = plan.decisions.filter(({ action }) => action === 'delete').map(({ entry }) => entry);
	const isAnyLocked = await readLocks(storage, going, signal);
	return { ...found, plan: isAnyLocked ? planOf(found, options) : plan };
}

/** What the plan is made of. @throws BackupError INVALID_INPUT (zone, prefixes), CANCELLED, and what stateOf throws */
export async function gathered(
	catalog: RetentionCatalog,
	{ policy, timeZone, prefixes, now, stateOf }: Omit<SurveyOptions, 'storage' | 'keepCache' | 'trust' | 'logs'>,
): Promise<Gathered> {
	const zone = new Zone(timeZone);
	const isInScope = scopeOf(prefixes);
	if (stateOf) {
		// Most backups have no record, and in a bucket it takes a request to find that out.
		const lost = [...catalog.lost.values()].map(({ entry }) => entry);
		const recorded = lost.filter(({ key }) => catalog.others.has(verificationKeyOf(key)));
		await inParallel([...catalog.recorded, ...recorded], READERS, async (entry) => {
			Object.assign(entry, await stateOf(entry));
		});
		shareFailures(catalog.entries);
	}
	markLacking(catalog.entries);
	const outside = catalog.entries.filter(({ key }) => !isInScope(key));
	const entries = outside.length === 0 ? [...catalog.entries] : catalog.entries.filter(({ key }) => isInScope(key));
	for (const entry of foreignIn(catalog, policy, { prefixes, zone, now }))
		if (isInScope(entry.key)) entries.push(entry);
	const asks = (entry: RetentionEntry) => Boolean(rulesFor(entry, policy).rules.weeklySnapshots);
	const copies = dueWeeklyCopies(entries, zone, asks)
		.map((due) => ({ ...due, copy: entryOfCopy(due) }))
		.filter(({ copy }) => isInScope(copy.key));
	entries.push(...copies.map(({ copy }) => copy));
	return { catalog, entries, outside, copies, zone, isInScope };
}

/** The plan for what was found. */
export function planOf(found: Gathered, options: SurveyOptions): RetentionPlan {
	const { entries, now, policy, timeZone, outside, due } = questionOf(found, options);
	return planRetention(entries, now, policy, timeZone, outside, due);
}

/** What is to be decided of what was found. */
export function questionOf(
	{ entries, outside, copies, catalog }: Gathered,
	{ policy, timeZone, now }: Pick<SurveyOptions, 'policy' | 'timeZone' | 'now'>,
): RetentionQuestion {
	const staying = [
		...outside.map((entry) => ({ key: entry.key, needs: entry.needs, entry })),
		...unreadIn(catalog),
		...writersIn(catalog, now),
	];
	return { entries, now, policy, timeZone, outside: staying, due: new Set(copies.map(({ copy }) => copy)) };
}

/**
 * Asks the storage which of some backups it refuses to delete, and notes it in them. A lock on the manifest holds the
 * archive, too: one without the other is no backup. Few are asked for, since each takes two requests: what is to go.
 * @returns whether any is locked
 */
async function readLocks(
	storage: Storage,
	entries: readonly RetentionEntry[],
	signal: AbortSignal | undefined,
): Promise<boolean> {
	if (!storage.deletionLock) return false;
	let isAny = false;
	await inParallel(entries, READERS, async (entry) => {
		throwIfCancelled(signal);
		const keys = entry.kind === 'foreign' ? [entry.key] : [entry.key, manifestKeyOf(entry.key)];
		const locks: DeletionLock[] = [];
		for (const key of keys) {
			const lock = await storage.deletionLock!(key, signal);
			if (lock) locks.push(lock);
		}
		if (locks.length === 0) return;
		isAny = true;
		const latest = Math.max(...locks.map(({ until }) => until?.getTime() ?? 0));
		if (latest > 0) entry.lockedUntil = new Date(latest).toISOString();
		entry.legalHold = locks.some(({ legalHold }) => legalHold);
	});
	return isAny;
}
