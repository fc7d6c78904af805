import {
	BackupError,
	type BesideImportKind,
	type ImportedWorkflow,
	type ImportMode,
	importWorkflows as importThem,
	listed,
} from '../../../engine';
import { newestOfItsName } from '../../shared/choices';
import { encryptionKeys } from '../../shared/encryption';
import { refusesAsRun } from '../../shared/descriptions/dryRun';
import { collectionOf, type Fields, locatedIn, textOf, yesNoIn } from '../../shared/fields';
import { showWarnings } from '../../shared/hints';
import { eventOf } from '../../shared/journal';
import { splitList } from '../../shared/lists';
import type { Operation } from '../../shared/operation';
import { isSimplified } from '../../shared/simplify';
import { n8nApi } from '../connection';
import { importFields } from '../descriptions/importWorkflows';
import { importedBesideItem, importedItem } from '../importedItem';
import { workflowChoice } from '../workflowChoice';
import { withNamedWorkflows } from '../workflowSource';

/** Imports workflows: an item for each of them. */
export const importWorkflows: Operation = {
	description: importFields,
	journal: {
		action: 'import',
		kind: 'n8n-workflows',
		isDryRun: (context, item) => context.getNodeParameter('dryRun', item) !== false,
	},
	async execute(context, item) {
		const options = collectionOf(context, 'options', item, 'Options');
		const dryRun = context.getNodeParameter('dryRun', item) !== false;
		const isSimple = isSimplified(context, item);
		const projectId = locatedIn(options, 'projectId', 'Project').trim();
		const choice = workflowChoice(context, item);
		const api = await n8nApi(context, item, 'target');
		if (!dryRun || refusesAsRun(context, item)) assertConfirmed(new URL(api.instance).host, options);
		return await withNamedWorkflows(
			context,
			item,
			choice,
			async ({ side, storage, keys, folder, remark, manifest }) => {
				// What is overwritten is as secret as what it is overwritten by.
				const encryption = keys && !dryRun ? await encryptionKeys(context, item) : undefined;
				const signal = context.getExecutionCancelSignal();
				const { workflows, beside, safeguard, warnings } = await importThem({
					side,
					api,
					mode: context.getNodeParameter('mode', item) as ImportMode,
					beside: splitList(context.getNodeParameter('beside', item, []), 'Also Import') as BesideImportKind[],
					dryRun,
					activate: yesNoIn({ activate: context.getNodeParameter('activate', item) }, 'activate', false, 'Activate'),
					withArchived: yesNoIn(options, 'withArchived', false, 'Import Archived'),
					projectId: projectId === '' ? undefined : projectId,
					safeguard: {
						storage,
						folder,
						codec: { name: 'none' },
						runId: `n8n-${context.getExecutionId()}`,
						...(encryption && { encryption }),
						...(signal && { signal }),
					},
					signal,
					onProgress: ({ workflows: done, of }) => {
						if (done % 100 === 0) context.logger.info(`n8n Export: imported ${done} of ${of} workflows`);
					},
				});
				showWarnings(context, [...(remark === undefined ? [] : [remark]), ...warnings]);
				const isChosen = context.getNodeParameter('source', item) === 'storage';
				const newest =
					manifest && isChosen && dryRun && !isSimple
						? await newestOfItsName(context, { storage, folder, keys }, manifest)
						: null;
				const choices = { dryRun, isSimple, safeguard: safeguard?.file, manifest, newest };
				const all = [...beside, ...workflows];
				const failed = all.filter(({ action }) => action === 'failed');
				if (failed.length > 0 && !context.continueOnFail()) {
					const of = beside.length === 0 ? `${all.length} workflows` : `${all.length} workflows, tables and others`;
					throw notAll(failed, of, safeguard?.file);
				}
				if (!dryRun) eventOf(context, item).tell({ summary: summaryOf(all, safeguard?.file) });
				return [
					...beside.map((one) => ({ json: importedBesideItem(one, choices) })),
					...workflows.map((one) => ({ json: importedItem(one, choices) })),
				];
			},
		);
	},
};

/** @throws BackupError NOT_CONFIRMED where the option Confirm n8n was added, and does not name the host */
function assertConfirmed(host: string, options: Fields): void {
	if (!Object.hasOwn(options, 'confirmHost')) return;
	if (textOf(options['confirmHost'], 'Confirm n8n').trim() === host) return;
	throw new BackupError('NOT_CONFIRMED', `Importing into the n8n at ${host} is not confirmed; nothing was changed.`, {
		hint: `Give ${host} as Confirm n8n.`,
	});
}

/** `2 created, 1 updated, 14 unchanged; what was overwritten is in workflows-before-import_….json` */
function summaryOf(all: Pick<ImportedWorkflow, 'action'>[], safeguard: string | undefined): string {
	const words = { create: 'created', update: 'updated', unchanged: 'unchanged', skip: 'skipped', failed: 'failed' };
	const counts = Object.entries(words).flatMap(([action, word]) => {
		const count = all.filter((one) => (one.action as string) === action).length;
		return count === 0 ? [] : [`${count} ${word}`];
	});
	const kept = safeguard === undefined ? '' : `; what was overwritten is in ${safeguard}`;
	return `${counts.join(', ') || 'nothing to import'}${kept}`;
}

function notAll(
	failed: Pick<ImportedWorkflow, 'name' | 'reason'>[],
	of: string,
	safeguard: string | undefined,
): BackupError {
	const names = listed(failed.map(({ name, reason = '' }) => `${name} (${reason})`));
	return new BackupError('TARGET_FAILED', `${failed.length} of ${of} were not imported: ${names}`, {
		hint: `The others were, and importing again passes over them. ${safeguard === undefined ? '' : `What was overwritten is in ${safeguard}.`}`.trim(),
		details: { failed: failed.length },
	});
}
