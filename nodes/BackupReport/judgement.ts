import type { IExecuteFunctions } from 'n8n-workflow';

import {
	deadRuns,
	DEFAULT_CONDITIONS,
	DEFAULT_TARGETS,
	failedRunProblems,
	failureProblems,
	findProblems,
	nameFilter,
	overviewOf,
	type Conditions,
	type DecryptionKeys,
	type Overview,
	type Problem,
	readRecentEvents,
	readRunning,
	readState,
	type RecentEvents,
	refusalProblems,
	resultsOf,
	type RunningRun,
	type Storage,
	type StorageState,
	type Targets,
	type TextFacts,
	withoutIgnored,
} from '../../engine';
import { decryptionKeys } from '../shared/encryption';
import { collectionOf, decimalIn, type Fields, numberIn, yesNoIn } from '../shared/fields';
import { folderOf, prefixOf } from '../shared/folder';
import { splitList, unquoted } from '../shared/lists';
import { openStorage } from '../shared/storage';

import { EVENT_HOURS } from './descriptions/judging';
import { EXPECTED_NAMES, serverContents } from './servers';

/** What each operation begins with: what the storage holds, and what is to be said of it. */
export interface Judgement {
	storage: Storage;
	trust: DecryptionKeys | undefined;
	state: StorageState;
	targets: Targets;
	problems: Problem[];
	overview: Overview;
	/** What runs now, and what did not end. */
	running: RunningRun[];
	/** What the journal tells. */
	events: RecentEvents;
	/** Whether a name is among Ignored Names. */
	isIgnored: (name: string) => boolean;
	now: Date;
	signal: AbortSignal | undefined;
}

/** Looks at the storage, and judges by the fields of the operation. @throws BackupError INVALID_INPUT that names a field, and what the storage throws */
export async function judge(
	context: IExecuteFunctions,
	item: number,
	{ forForecast = false } = {},
): Promise<Judgement> {
	const targets = targetsOf(context, item);
	const options = collectionOf(context, 'options', item, 'Options');
	const conditions = conditionsOf(options, targets);
	const ignored = splitList(options['ignoredNames'], 'Ignored Names').map(unquoted);
	const trust = await decryptionKeys(context, item);
	const storage = await openStorage(context, item);
	const signal = context.getExecutionCancelSignal();
	const now = new Date();
	const servers = await serverContents(context, item, storage);
	const found = await readState(storage, {
		prefix: prefixOf(folderOf(options, '')),
		now,
		forForecast,
		serverLogs: servers.flatMap(({ log }) => log ?? []),
		...(trust && { trust }),
		...(signal && { signal }),
	});
	const state = withoutIgnored(found, ignored);
	const compared: unknown = context.getNodeParameter('compareWith', item, [EXPECTED_NAMES]);
	const expected = [compared].flat().includes(EXPECTED_NAMES) ? (conditions.expected ?? []) : [];
	const hours = numberIn(options, 'eventHours', EVENT_HOURS, 'Events Window (Hours)', { min: 1, max: 87_600 });
	const events = await readRecentEvents(storage, {
		hours,
		// Later than that, a back up that failed is told as stale.
		failuresHours: targets.rpoHours + EVENT_HOURS,
		now,
		...(signal && { signal }),
	});
	const isIgnored = nameFilter(ignored);
	const alertsRefusals = yesNoIn(options, 'alertRefusals', false, 'Alert on Refusals');
	const running = (await readRunning(storage, { now, ...(signal && { signal }) })).filter(
		({ name }) => !isIgnored(name),
	);
	const problems = [
		...failureProblems(state, events, isIgnored),
		...findProblems(state, { ...conditions, expected, servers, isIgnored }),
		...failedRunProblems(state, events, isIgnored),
		...deadRuns(running, state, events),
		...(alertsRefusals ? refusalProblems(state, events) : []),
	].sort((a, b) => Number(a.severity === 'warning') - Number(b.severity === 'warning'));
	const overview = overviewOf(state, problems, resultsOf(state, targets));
	return { storage, trust, state, targets, problems, overview, running, events, isIgnored, now, signal };
}

/** What the texts of a judgement are made of. */
export function textFactsOf({ state, overview, problems, running, events }: Judgement): TextFacts {
	return { at: state.at, storage: state.storage, overview, problems, running, events };
}

function targetsOf(context: IExecuteFunctions, item: number): Targets {
	const fields = collectionOf(context, 'targets', item, 'Targets');
	const share = (name: 'successRate' | 'verifiedShare', label: string) =>
		decimalIn(fields, name, DEFAULT_TARGETS[name] * 100, label, { min: 0, max: 100 }) / 100;
	return {
		rpoHours: decimalIn(fields, 'rpoHours', DEFAULT_TARGETS.rpoHours, 'RPO (Hours)', { min: 0, max: 87_600 }),
		rtoHours: decimalIn(fields, 'rtoHours', DEFAULT_TARGETS.rtoHours, 'RTO (Hours)', { min: 0, max: 87_600 }),
		successRate: share('successRate', 'Good Backups (%)'),
		verifiedShare: share('verifiedShare', 'Verified (%)'),
		windowMinutes: numberIn(
			fields,
			'windowMinutes',
			DEFAULT_TARGETS.windowMinutes,
			'Recovery Window Behind (Minutes)',
			{
				min: 1,
				max: 525_600,
			},
		),
	};
}

function conditionsOf(options: Fields, targets: Targets): Conditions {
	const { unverifiedDays: days, baseDays, slotBytes } = DEFAULT_CONDITIONS;
	return {
		targets,
		baseDays: numberIn(options, 'oldBaseDays', baseDays, 'Base Backup Older Than (Days)', { min: 0, max: 3650 }),
		slotBytes:
			1e9 * decimalIn(options, 'slotHolds', slotBytes / 1e9, 'Slot Holds More Than (GB)', { min: 0, max: 1e6 }),
		unverifiedDays: numberIn(options, 'unverifiedDays', days, 'Unverified After (Days)', { min: 0, max: 3650 }),
		lowShare:
			numberIn(options, 'lowStorage', DEFAULT_CONDITIONS.lowShare * 100, 'Low Storage (%)', { min: 0, max: 100 }) / 100,
		expected: splitList(options['expectedNames'], 'Expected Names').map((name) => ({ name: unquoted(name) })),
	};
}
