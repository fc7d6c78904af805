import {
	BackupError,
	type BesideImportKind,
	type ImportedWorkflow,
	type ImportMode,
	importWorkflows as importThem,
	listed,
} from '../../../engine';
import { encryptionKeys } from '../../shared/encryption';
import { collectionOf, locatedIn, yesNoIn } from '../../shared/fields';
import { showWarnings } from '../../shared/hints';
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
		return await withNamedWorkflows(context, item, choice, async ({ side, storage, keys, folder, remark }) => {
			// What is overwritten is as secret as what it is overwritten by.
			const encryption = keys && !dryRun ? await encryptionKeys(context, item) : undefined;
			const signal = context.getExecutionCancelSignal();
			const { workflows, beside, safeguard, warnings } = await importThem({
				side,
				api: await n8nApi(context, item, 'target'),
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
			const choices = { dryRun, isSimple, safeguard: safeguard?.file };
			const all = [...beside, ...workflows];
			const failed = all.filter(({ action }) => action === 'failed');
			if (failed.length > 0 && !context.continueOnFail()) {
				const of = beside.length === 0 ? `${all.length} workflows` : `${all.length} workflows, tables and others`;
				throw notAll(failed, of, safeguard?.file);
			}
			return [
				...beside.map((one) => ({ json: importedBesideItem(one, choices) })),
				...workflows.map((one) => ({ json: importedItem(one, choices) })),
			];
		});
	},
};

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
