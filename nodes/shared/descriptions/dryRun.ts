import type { IExecuteFunctions, INodeProperties } from 'n8n-workflow';

/** An entry of Options of a restore: what it would do. */
export const dryRunOption: INodeProperties = {
	displayName: 'Dry Run',
	name: 'dryRun',
	type: 'boolean',
	default: false,
	description:
		'Whether to only tell what would be done: which backup, how old, whether it is whole, what would be replaced, and what would be in the way',
};

/** An entry of Options of what can be a dry run. */
export const asRunOption: INodeProperties = {
	displayName: 'Refuse Like a Run',
	name: 'asRun',
	type: 'boolean',
	default: false,
	description:
		'Whether a dry run fails, and leaves an entry in the journal, where the run itself would be refused or could not succeed. For workflows that answer somebody before they restore.',
};

/** Whether the option Dry Run is on. */
export function isDryRun(context: IExecuteFunctions, item: number): boolean {
	return isOn(context, item, 'dryRun');
}

/** Whether the option Refuse Like a Run is on. */
export function refusesAsRun(context: IExecuteFunctions, item: number): boolean {
	return isOn(context, item, 'asRun');
}

function isOn(context: IExecuteFunctions, item: number, name: 'dryRun' | 'asRun'): boolean {
	const options: unknown = context.getNodeParameter('options', item, {});
	const value = (Object(options) as Record<string, unknown>)[name];
	return value === true || value === 'true';
}
