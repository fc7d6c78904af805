import type { IExecuteFunctions } from 'n8n-workflow';

import { ownerOf } from '../../engine';

/** The workflow, as people know it. */
export function workflowOf(context: IExecuteFunctions): string {
	const { name, id } = context.getWorkflow();
	return String(name ?? id);
}

/** Who holds the storage's lock, as the messages for others name it: `the workflow "Nightly prune", execution 17`. */
export function lockOwner(context: IExecuteFunctions): string {
	return ownerOf({ workflow: workflowOf(context), execution: context.getExecutionId() });
}
