import type { INodeProperties } from 'n8n-workflow';

import { shownFor } from '../operation';

/** What each choice means for somebody who looks at the workflow a month later. */
const noticesFor = (what: string) => ({
	failUnlessConnected: `${what} ends the run with an error, once everything was looked at. Connect something to the output <b>Failed</b>, and it gets the items instead.`,
	putOut: `${what} does not end the run, which shows as a success: only what is connected to the output <b>Failed</b> hears of it.`,
});

/** What becomes of what has not passed. @param operation one that judges; @param what it fails over, as a sentence begins */
export function onFailureFields(operation: string, what = 'What has not passed'): INodeProperties[] {
	return [
		{
			displayName: 'On Failure',
			name: 'onFailure',
			type: 'options',
			options: [
				{ name: 'Continue', value: 'putOut', description: 'With items on the output Failed, connected or not' },
				{ name: 'Fail', value: 'fail', description: 'With an error, once everything was looked at' },
				{
					name: 'Fail Unless Failed Is Connected',
					value: 'failUnlessConnected',
					description: 'With an error, or with items where something is connected to the output Failed',
				},
			],
			default: 'failUnlessConnected',
			description: 'What to do where something has not passed',
			displayOptions: shownFor([operation]),
		},
		...Object.entries(noticesFor(what)).map(([choice, displayName]): INodeProperties => ({
			displayName,
			name: `${choice}Notice`,
			type: 'notice',
			default: '',
			displayOptions: shownFor([operation], { onFailure: [choice] }),
		})),
	];
}
