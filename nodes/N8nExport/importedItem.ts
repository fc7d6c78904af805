import type { IDataObject } from 'n8n-workflow';

import type { ImportedBeside, ImportedWorkflow, Manifest } from '../../engine';
import { describeRestored } from '../shared/backupItem';
import { itemOf } from '../shared/simplify';

interface ItemChoices {
	dryRun: boolean;
	isSimple: boolean;
	/** The file that what was overwritten was exported to. */
	safeguard: string | undefined;
	/** Of the backup that it comes from; undefined for a file of another tool. */
	manifest: Manifest | undefined;
	/** Of a dry run, the newest backups that there are to choose from. */
	newest: IDataObject[] | null;
}

/** What an item says of the backup that it comes from. */
function backupOf({ manifest, newest }: ItemChoices): IDataObject {
	const backup = manifest ? { ...describeRestored(manifest), storedBytes: manifest.size.stored } : null;
	return { backup, choices: newest };
}

/** What was done with a workflow, or would be. */
export function importedItem(workflow: ImportedWorkflow, choices: ItemChoices): IDataObject {
	const { dryRun, isSimple, safeguard } = choices;
	const { name, action, id, sourceId, reason, activated } = workflow;
	const { credentialsMapped, credentialsMissing, workflowsMissing, dropped } = workflow;
	const columns = {
		workflow: name,
		action,
		activated,
		credentialsMapped,
		missing: [...credentialsMissing, ...workflowsMissing.map((missing) => `workflow ${missing}`)].join(', ') || 'none',
		reason,
		dryRun,
		overwrittenIn: action === 'update' ? safeguard : undefined,
		sourceId,
		workflowId: id,
	};
	return itemOf(columns, { credentialsMissing, workflowsMissing, dropped, ...backupOf(choices) }, isSimple);
}

const KIND_WORDS = { dataTables: 'data table', tags: 'tag', variables: 'variable' };

/** What was done with something beside the workflows, or would be: in the columns of workflows, so that a table has no gaps. */
export function importedBesideItem(thing: ImportedBeside, choices: ItemChoices): IDataObject {
	const { dryRun, isSimple } = choices;
	const { kind, name, action, rows, reason, sourceId, id } = thing;
	const what = `${KIND_WORDS[kind]} ${name}${rows === undefined ? '' : `, ${rows} rows`}`;
	const columns = { workflow: what, action, reason, dryRun, sourceId, workflowId: id };
	return itemOf(columns, { kind, name, rows: rows ?? null, ...backupOf(choices) }, isSimple);
}
