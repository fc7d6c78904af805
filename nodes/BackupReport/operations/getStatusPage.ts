import { nextDeletions, statusPage, subjectLine } from '../../../engine';
import { collectionOf, numberIn, textOf } from '../../shared/fields';
import { type Operation, shownFor } from '../../shared/operation';
import { judge, textFactsOf } from '../judgement';

/** A page that shows what is safe and what is not, for a browser. */
export const getStatusPage: Operation = {
	description: [
		{
			displayName: 'Title',
			name: 'title',
			type: 'string',
			default: 'Backups',
			placeholder: 'e.g. Backups of our shop',
			description: 'What stands above the page',
			displayOptions: shownFor(['getStatusPage']),
		},
		{
			displayName:
				'The page is in the field <code>html</code>. Answer a webhook with it by Respond to Webhook: as text, with the header <code>Content-Type: text/html; charset=utf-8</code>. It names what you back up: protect the webhook.',
			name: 'statusPageNotice',
			type: 'notice',
			default: '',
			displayOptions: shownFor(['getStatusPage']),
		},
	],
	async execute(context, item) {
		const options = collectionOf(context, 'options', item, 'Options');
		const seconds = numberIn(options, 'refreshSeconds', 0, 'Refresh After (Seconds)', { min: 0, max: 86_400 });
		const title = textOf(context.getNodeParameter('title', item, ''), 'Title').trim() || 'Backups';
		const judgement = await judge(context, item, { forForecast: true });
		const { storage, state, overview, problems, targets, running, events, now, signal } = judgement;
		const next = await nextDeletions(storage, state, { now, ...(signal && { signal }) });
		const html = statusPage(state, overview, problems, {
			title,
			targets,
			next,
			running,
			events,
			...(seconds > 0 && { refreshSeconds: seconds }),
		});
		return [
			{
				json: {
					headline: overview.headline,
					tone: overview.tone,
					problems: problems.length,
					at: state.at,
					subject: subjectLine(textFactsOf(judgement)),
					html,
				},
			},
		];
	},
};
