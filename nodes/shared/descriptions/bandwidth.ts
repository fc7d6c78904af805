import type { INodeProperties } from 'n8n-workflow';

/** An entry of Options: how fast bytes may go to and from the storage (../bandwidth.ts). */
export const bandwidthOption: INodeProperties = {
	displayName: 'Bandwidth Limit (MB/s)',
	name: 'bandwidthLimit',
	type: 'number',
	typeOptions: { minValue: 0, maxValue: 100000, numberPrecision: 2 },
	default: 0,
	description:
		'How many megabytes a second may go to or come from the storage, shared by all that runs in parallel. 0 is no limit.',
};
