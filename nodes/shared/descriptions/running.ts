import type { INodeProperties } from 'n8n-workflow';

const wait = {
	name: 'Wait',
	value: 'wait',
	description: 'Until the other run is over; fail when that takes longer than Wait at Most',
};
const refuse = { name: 'Refuse', value: 'refuse', description: 'Fail at once, and say which run it is' };

const waitAtMost: INodeProperties = {
	displayName: 'Wait at Most (Minutes)',
	name: 'waitAtMost',
	type: 'number',
	typeOptions: { minValue: 1, maxValue: 10000 },
	default: 30,
	description: 'How long to wait for another run, with If This Is Running Already: Wait',
};

/** Entries of Options of a back up: what to do where another run makes a backup of the same (../runControl.ts). */
export const runningOptions: INodeProperties[] = [
	{
		displayName: 'If This Is Running Already',
		name: 'ifRunning',
		type: 'options',
		options: [
			refuse,
			{ name: 'Run Anyway', value: 'runAnyway', description: 'Beside the other run: each makes a backup of its own' },
			wait,
		],
		default: 'wait',
		description: 'What to do where another run, on any n8n, makes a backup of the same into this storage',
	},
	waitAtMost,
];

/** The same of a mirror: two into one target would undo what the other does. */
export const mirroringOptions: INodeProperties[] = [
	{
		displayName: 'If This Is Running Already',
		name: 'ifMirroring',
		type: 'options',
		options: [refuse, wait],
		default: 'wait',
		description: 'What to do where another run, on any n8n, mirrors into the same target',
	},
	waitAtMost,
];
