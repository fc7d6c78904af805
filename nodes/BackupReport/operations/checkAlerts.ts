import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import {
	type AlertDecision,
	checkAlerts as check,
	mailHtml,
	markdown,
	type Overview,
	plainText,
	slackBlocks,
	subjectLine,
	type TextFacts,
} from '../../../engine';
import { simplifyField } from '../../shared/descriptions/simplify';
import { numberOf, textOf } from '../../shared/fields';
import { type BranchingOperation, shownFor } from '../../shared/operation';
import { isSimplified, itemOf } from '../../shared/simplify';
import { judge, textFactsOf } from '../judgement';
import { refreshLogOf } from '../refreshLog';

const ALERT = 1;
const shown = shownFor(['checkAlerts']);

/** Tells what is wrong when it begins, again after a while, and when it is over. */
export const checkAlerts: BranchingOperation = {
	errorOutput: ALERT,
	description: [
		{
			displayName:
				'An item comes out of <b>Alert</b> when something changed: a problem is new, graver, due for a reminder, or over. Otherwise one comes out of <b>Fine</b>, also while known problems last. What was told is noted in the storage.',
			name: 'alertNotice',
			type: 'notice',
			default: '',
			displayOptions: shown,
		},
		{
			displayName: 'Remind After (Hours)',
			name: 'reminderHours',
			type: 'number',
			typeOptions: { minValue: 0, maxValue: 8760 },
			default: 24,
			description: 'After how many hours a problem that lasts is reported again; 0 for never',
			displayOptions: shown,
		},
		{
			displayName: 'Alert Name',
			name: 'alertName',
			type: 'string',
			default: '',
			placeholder: 'e.g. on-call',
			description:
				'Which alerts these are: nodes of one name share what was told, others tell it for themselves. Leave empty for the workflow and the node.',
			displayOptions: shown,
		},
		simplifyField(shown),
	],
	async execute(context, item) {
		const isSimple = isSimplified(context, item);
		const reminderHours = numberOf(context.getNodeParameter('reminderHours', item), 'Remind After (Hours)', {
			min: 0,
			max: 8760,
		});
		const name = alertNameOf(context, item);
		const judgement = await judge(context, item);
		const { storage, state, problems, overview, now, signal } = judgement;
		const decision = await check(storage, problems, { name, reminderHours, now, ...(signal && { signal }) });
		await refreshLogOf(context, storage, signal);
		const { fresh, reminders, cleared, open, isToTell } = decision;
		const told = [...fresh, ...reminders].map(({ problem }) => problem);
		const facts: TextFacts = isToTell
			? {
					...textFactsOf(judgement),
					overview: { ...overview, headline: changesIn(decision, overview) },
					problems: told,
					cleared,
				}
			: textFactsOf(judgement);
		const columns = {
			subject: subjectLine(facts),
			state: overview.tone,
			new: fresh.length,
			reminders: reminders.length,
			over: cleared.length,
			open: open.length,
			text: plainText(facts),
			markdown: markdown(facts),
			html: mailHtml(facts),
			slack: JSON.stringify({ blocks: slackBlocks(facts) }),
		};
		const listed = (some: AlertDecision['open']) => some.map(({ problem, since }) => ({ ...problem, since }));
		const details: IDataObject = {
			headline: overview.headline,
			at: state.at,
			alertName: name,
			newProblems: listed(fresh),
			remindedProblems: listed(reminders),
			clearedProblems: cleared.map((problem) => ({ ...problem })),
			openProblems: listed(open),
		};
		const items = [{ json: itemOf(columns, details, isSimple) }];
		return isToTell ? [[], items] : [items, []];
	},
};

/** `2 new problems, 1 over; 2 of 4 are not safe` */
function changesIn({ fresh, reminders, cleared, open }: AlertDecision, { headline }: Overview): string {
	const counted = (count: number, words: string) => (count > 0 ? [`${count} ${words}`] : []);
	const changes = [
		...counted(fresh.length, fresh.length === 1 ? 'new problem' : 'new problems'),
		...counted(reminders.length, reminders.length === 1 ? 'problem lasts' : 'problems last'),
		...counted(cleared.length, cleared.length === 1 ? 'is over' : 'are over'),
	].join(', ');
	return open.length === 0 ? `All clear: ${changes}` : `${changes}; ${headline}`;
}

/** The same from run to run, and another one for each node that tells somebody. */
function alertNameOf(context: IExecuteFunctions, item: number): string {
	const name = textOf(context.getNodeParameter('alertName', item, ''), 'Alert Name').trim();
	return name === '' ? `${context.getWorkflow().id ?? 'workflow'} ${context.getNode().name}` : name;
}
