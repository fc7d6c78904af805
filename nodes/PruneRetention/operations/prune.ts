import type { IExecuteFunctions } from 'n8n-workflow';

import { prune as pruneStorage } from '../../../engine';
import { decryptionKeys } from '../../shared/encryption';
import { showWarnings } from '../../shared/hints';
import type { Operation } from '../../shared/operation';
import { openStorage } from '../../shared/storage';
import { policyFields, specialFields } from '../descriptions/policy';
import { runFields } from '../descriptions/run';
import { lockOwner } from '../lockOwner';
import { allFailedError, backupItems, refusalError, summaryItem, warningsOf } from '../reportItems';
import { failsOnRefusal, prefixesOf, runSettings } from '../runSettings';
import { summaryOf } from '../summary';
import { verifiedState } from '../verifiedState';

async function apply(context: IExecuteFunctions, item: number, dryRun: boolean) {
	const settings = runSettings(context, item);
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
	showWarnings(context, warningsOf(report, settings));
	const isSummary = context.getNodeParameter('output', item) === 'summary';
	return isSummary ? [summaryItem(report, settings, summary)] : backupItems(report);
}

/** Deletes what the policy does not keep. */
export const prune: Operation = {
	description: [...policyFields, ...runFields, ...specialFields],
	execute: async (context, item) => await apply(context, item, false),
};

/** Tells what Prune would do; it has the fields of Prune, which describes them. */
export const dryRun: Operation = {
	description: [],
	execute: async (context, item) => await apply(context, item, true),
};
