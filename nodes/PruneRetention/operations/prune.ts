import type { IExecuteFunctions } from 'n8n-workflow';

import { prune as pruneStorage } from '../../../engine';
import { decryptionKeys } from '../../shared/encryption';
import { showWarnings } from '../../shared/hints';
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
		now,
		...(signal && { signal }),
	});
	const summary = summaryOf(report, storage.description, now);
	context.logger.info(`Prune Retention: ${summary.subject}`);
	const failure = (fails ? refusalError(report, summary) : undefined) ?? allFailedError(report, summary);
	if (failure) throw failure;
	const warnings = warningsOf(report, settings);
	showWarnings(context, [...refusalWarnings(report), ...warnings]);
	return [backupItems(report, isSimple), [summaryItem(report, { settings, summary, warnings }, isSimple)]];
}

/** Deletes what the policy does not keep: an item for each backup, and one with the summary. */
export const prune: BranchingOperation = {
	description: [...policyFields, ...runFields, ...specialFields],
	errorOutput: SUMMARY,
	execute: async (context, item) => await apply(context, item, false),
};

/** Tells what Prune would do; it has the fields of Prune, which describes them. */
export const dryRun: BranchingOperation = {
	description: [],
	errorOutput: SUMMARY,
	execute: async (context, item) => await apply(context, item, true),
};
