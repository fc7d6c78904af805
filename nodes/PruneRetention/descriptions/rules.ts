import type { INodeProperties, INodePropertyOptions } from 'n8n-workflow';

/** The presets of engine/retention, in plain words. */
export const PRESET_CHOICES: INodePropertyOptions[] = [
	{
		name: '7 Days',
		value: '7-days',
		description: 'All of the last 7 days, and weekly copies for 12 weeks',
	},
	{
		name: '30 Days',
		value: '30-days',
		description: 'All of the last 30 days, and weekly copies for 12 weeks',
	},
	{
		name: '7 Daily, 4 Weekly, 12 Monthly',
		value: '7-4-12',
		description: 'The newest of each of 7 days, 4 weeks and 12 months, and weekly copies for 12 weeks',
	},
	{
		name: '7 Daily, 4 Weekly, 12 Monthly, Yearly for Ever',
		value: '7-4-12-yearly',
		description: 'The same, and the newest of each year',
	},
	{
		name: '30/90/365 Days and 7 Years',
		value: '30-90-365-days-7-years',
		description:
			'One a day for 30 days, one a week for 90 days, one a month for 365 days, one a year for 7 years, and weekly copies for 12 weeks',
	},
];

export const CUSTOM_CHOICE: INodePropertyOptions = {
	name: 'Custom',
	value: 'custom',
	description: 'Your own rules; what any of them keeps is kept',
};

/** A rule by its name in the engine, as the editor calls it. */
export const COUNTED_RULES = [
	{ name: 'daily', label: 'Daily', keeps: 'The newest backup of each of so many days that have one' },
	{ name: 'last', label: 'Keep Last', keeps: 'The newest so many backups' },
	{ name: 'monthly', label: 'Monthly', keeps: 'The newest backup of each of so many months that have one' },
	{ name: 'weekly', label: 'Weekly', keeps: 'The newest backup of each of so many ISO weeks that have one' },
	{
		name: 'weeklySnapshots',
		label: 'Weekly Snapshots',
		keeps: 'A copy of the newest backup of every week goes to weekly/YYYY_Wnn/; those of so many weeks stay',
	},
	{ name: 'yearly', label: 'Yearly', keeps: 'The newest backup of each of so many years that have one' },
] as const;

/** The greatest number that a rule takes: more than a century of days. */
export const MAX_COUNT = 40_000;

const countFields = COUNTED_RULES.map(({ name, label, keeps }): INodeProperties => ({
	displayName: label,
	name,
	type: 'number',
	typeOptions: { minValue: 0, maxValue: MAX_COUNT },
	default: 0,
	description: `${keeps}. 0 is none.`,
}));

/** The rules of a custom policy, shown under a condition of where they stand. */
export function rulesField(displayOptions: INodeProperties['displayOptions']): INodeProperties {
	return {
		displayName: 'Rules',
		name: 'rules',
		type: 'collection',
		placeholder: 'Add Rule',
		default: {},
		description:
			'For each name apart. What any of the rules keeps is kept; at least one besides Weekly Snapshots is needed.',
		...(displayOptions && { displayOptions }),
		options: [
			...countFields,
			{
				displayName: 'Count Days From',
				name: 'withinFrom',
				type: 'options',
				options: [
					{ name: 'Newest Backup', value: 'newest', description: 'Keeps as many days when no new backups come' },
					{ name: 'Now', value: 'now' },
				],
				default: 'now',
				description: 'What the days of Keep Within Days are counted from',
			},
			{
				displayName: 'Keep Within Days',
				name: 'withinDays',
				type: 'number',
				typeOptions: { minValue: 0, maxValue: MAX_COUNT },
				default: 0,
				description: 'All backups of the last so many days. 0 is none.',
			},
			{
				displayName: 'Without Limit',
				name: 'unlimited',
				type: 'multiOptions',
				options: COUNTED_RULES.map(({ name, label }) => ({ name: label, value: name })),
				default: [],
				description: 'Rules that keep all of their kind, such as the newest backup of every year, for ever',
			},
		].sort((a, b) => a.displayName.localeCompare(b.displayName)) as INodeProperties[],
	};
}
