import type { IExecuteFunctions } from 'n8n-workflow';

/** Who holds the storage's lock, as the messages for others name it: `the workflow "Nightly prune", execution 17`. */
export function lockOwner(context: IExecuteFunctions): string {
	const { name, id } = context.getWorkflow();
	return `the workflow "${name ?? id}", execution ${context.getExecutionId()}`;
}
