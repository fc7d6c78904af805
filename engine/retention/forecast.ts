import { throwIfCancelled } from '../errors';
import type { EntryState, RetentionEntry } from './entry';
import { logDecisionsIn, logReportsOf, type LogReport } from './log-report';
import { decide, type Decision, type Refusal } from './policy/plan';
import { parsePolicy, type RetentionPolicy } from './policy/policy';
import { freedBytesOf } from './report';
import type { RetentionCatalog } from './survey/catalog';
import { gathered, questionOf } from './survey/survey';

export interface ForecastOptions {
	/** What the storage holds, as it was just read. */
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
	/** What becomes of logs, one for each cluster. */
	logs: LogReport[];
	refusal: Refusal | undefined;
}

/**
 * What a run of retention would delete, for people to look at: never to delete by. A dry run of `prune` asks the storage for the
 * deletion locks of all that goes, and reads manifests again rather than believe a line of the stored catalogue; this one asks
 * for nothing but what `stateOf` does.
 * @throws BackupError INVALID_INPUT (zone, prefixes), CANCELLED, and what stateOf throws
 */
export async function forecast(options: ForecastOptions): Promise<Forecast> {
	const { timeZone = 'UTC', prefixes = [], stateOf, catalog, isGone = () => false, now, signal } = options;
	throwIfCancelled(signal);
	const policy = parsePolicy(options.policy);
	const given = { policy, timeZone, prefixes, now, stateOf, signal };
	const { decisions, refusal } = decide(questionOf(await gathered(catalog, given), given));
	const { entries } = decisions;
	const places = decisions.going().filter((place) => !isGone(entries[place]!.key));
	// Few of the backups are shown, and all of them are counted: so only what goes gets an object of its own.
	const deletions = places.map((place) => decisions.at(place)).reverse();
	const gone = new Set(refusal ? [] : deletions.map(({ entry }) => entry));
	const logs = logReportsOf(logDecisionsIn(decisions), () => !refusal);
	return { deletions, freedBytes: freedBytesOf(gone, entries), logs, refusal };
}
