import type { INodeProperties } from 'n8n-workflow';

/** The Simplify field of operations whose items hold more than a table shows; shared/simplify.ts does what it says. */
export function simplifyField(displayOptions: INodeProperties['displayOptions']): INodeProperties {
	return {
		displayName: 'Simplify',
		name: 'simplify',
		type: 'boolean',
		default: true,
		description:
			'Whether the items hold only the most useful fields, ready to be read as a table, instead of all there are',
		displayOptions,
	};
}
