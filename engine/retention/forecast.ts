import { throwIfCancelled } from '../errors';
import type { Storage } from '../storage/storage';
import type { EntryState, RetentionEntry } from './entry';
import type { Decision, Refusal } from './policy/plan';
import { parsePolicy, type RetentionPolicy } from './policy/policy';
import { totalsOf } from './report';
import type { RetentionCatalog } from './survey/catalog';
import { survey } from './survey/survey';

export interface ForecastOptions {
	storage: Storage;
	/** What it holds, as it was just read. */
	catalog: RetentionCatalog;
	policy: RetentionPolicy;
	/** IANA zone whose days, weeks, months and years count; default UTC. */
	timeZone?: string;
	/** Only what lies in these folders; default all. */
	prefixes?: string[];
	/** What is known of a backup beyond its manifest; asked of those that have a record of verifications. */
	stateOf?: (entry: RetentionEntry) => EntryState | Promise<EntryState>;
	/** What is gone by then, by the keys of archives: another run, that goes by another policy, has deleted it. */
	isGone?: (key: string) => boolean;
	/** When the run would begin. */
	now: Date;
	signal?: AbortSignal;
}

export interface Forecast {
	/** What would go, the oldest first. Those that the storage holds by a lock are among them. */
	deletions: Decision[];
	freedBytes: number;
	refusal: Refusal | undefined;
}

/**
 * What a run of retention would delete, for people to look at: never to delete by. A dry run of `prune` asks the storage for the
 * deletion locks of all that goes, and reads manifests again rather than believe a line of the stored catalogue; this one asks
 * for nothing but what `stateOf` does.
 * @throws BackupError INVALID_INPUT (zone, prefixes), CANCELLED, and what stateOf throws
 */
export async function forecast(options: ForecastOptions): Promise<Forecast> {
	const { storage, timeZone = 'UTC', prefixes = [], stateOf, catalog, isGone = () => false, now, signal } = options;
	throwIfCancelled(signal);
	const policy = parsePolicy(options.policy);
	const given = { storage, policy, timeZone, prefixes, now, keepCache: false, stateOf, trust: undefined, signal };
	const { plan } = await survey({ ...given, catalog });
	const isGoing = ({ action, entry }: Decision) => action === 'delete' && !isGone(entry.key);
	return {
		deletions: plan.decisions.filter(isGoing).reverse(),
		freedBytes: totalsOf(plan, new Set(plan.deletable.filter(({ key }) => !isGone(key)))).freedBytes,
		refusal: plan.refusal,
	};
}
