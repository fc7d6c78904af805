import type { IExecuteFunctions } from 'n8n-workflow';

import { messageOf, prune as pruneStorage, pruneJournal, type Storage } from '../../../engine';
import { decryptionKeys } from '../../shared/encryption';
import { showWarnings } from '../../shared/hints';
import { eventOf } from '../../shared/journal';
import type { BranchingOperation } from '../../shared/operation';
import { isSimplified } from '../../shared/simplify';
import { openStorage } from '../../shared/storage';
import { policyFields, specialFields } from '../descriptions/policy';
import { runFields } from '../descriptions/run';
import { lockOwner } from '../../shared/lockOwner';
import { allFailedError, backupItems, refusalError, refusalWarnings, summaryItem, warningsOf } from '../reportItems';
import { failsOnRefusal, prefixesOf, runSettings } from '../runSettings';
import { summaryOf } from '../summary';
import { verifiedState } from '../verifiedState';

/** What is mailed hangs there, and a failed run belongs in the mail. */
const SUMMARY = 1;

async function apply(
	context: IExecuteFunctions,
	item: number,
	dryRun: boolean,
): ReturnType<BranchingOperation['execute']> {
	const settings = runSettings(context, item);
	const isSimple = isSimplified(context, item);
	const fails = !dryRun && failsOnRefusal(context, item);
	const trust = await decryptionKeys(context, item);
	const storage = await openStorage(context, item);
	const signal = context.getExecutionCancelSignal();
	const { policy, timeZone, removeOrphans, removeUnproven } = settings;
	const now = new Date();
	const report = await pruneStorage({
		storage,
		policy,
		timeZone,
		prefixes: prefixesOf(settings),
		dryRun,
		removeOrphans,
		removeUnproven,
		...verifiedState(storage, signal),
		...(trust && { trust }),
		owner: lockOwner(context),
		ranBy: { node: `${context.getWorkflow().id}/${context.getNode().id}`, execution: context.getExecutionId() },
		now,
		...(signal && { signal }),
	});
	const summary = summaryOf(report, storage.description, now);
	context.logger.info(`Prune Retention: ${summary.subject}`);
	eventOf(context, item).tell({ summary: summary.subject });
	const ofJournal = dryRun
		? []
		: await pruneOldEvents(storage, { days: settings.journalDays, now, ...(signal && { signal }) });
	const failure = (fails ? refusalError(report, summary) : undefined) ?? allFailedError(report, summary);
	if (failure) throw failure;
	const refusal = refusalError(report, summary);
	if (refusal) eventOf(context, item).failed({}, refusal);
	const warnings = [...warningsOf(report, settings), ...ofJournal];
	showWarnings(context, [...refusalWarnings(report), ...warnings]);
	return [backupItems(report, isSimple), [summaryItem(report, { settings, summary, warnings }, isSimple)]];
}

/** @returns what there is to say of it: that old events stay makes no prune fail */
async function pruneOldEvents(
	storage: Storage,
	options: { days: number; now: Date; signal?: AbortSignal },
): Promise<string[]> {
	if (options.days === 0) return [];
	try {
		const { failures } = await pruneJournal(storage, options);
		const [first] = failures;
		if (!first) return [];
		const what = failures.length === 1 ? 'An old event' : `${failures.length} old events`;
		return [`${what} of the journal could not be removed: ${first.error.message}`];
	} catch (error) {
		return [`Old events of the journal could not be removed: ${messageOf(error)}`];
	}
}

/** Deletes what the policy does not keep: an item for each backup, and one with the summary. */
export const prune: BranchingOperation = {
	description: [...policyFields, ...runFields, ...specialFields],
	journal: { action: 'prune' },
	errorOutput: SUMMARY,
	execute: async (context, item) => await apply(context, item, false),
};

/** Tells what Prune would do; it has the fields of Prune, which describes them. */
export const dryRun: BranchingOperation = {
	description: [],
	errorOutput: SUMMARY,
	execute: async (context, item) => await apply(context, item, true),
};
