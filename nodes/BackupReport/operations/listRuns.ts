import type { INodeProperties } from 'n8n-workflow';

import { ACTION_WORDS, listRuns as runsOf, oneLine, readableHours, readableSize, type ToldRun } from '../../../engine';
import { optionsField } from '../../shared/descriptions/options';
import { simplifyField } from '../../shared/descriptions/simplify';
import { collectionOf, numberIn, textOf, yesNoIn } from '../../shared/fields';
import { type Operation, shownFor } from '../../shared/operation';
import { isSimplified, itemOf } from '../../shared/simplify';
import { openStorage } from '../../shared/storage';

const OPERATION = 'listRuns';
const HOURS = 24;

const description: INodeProperties[] = [
	{
		displayName: 'Execution ID',
		name: 'executionId',
		type: 'string',
		default: '',
		placeholder: 'e.g. 4711',
		description: 'Only what this execution runs or has run. Leave empty for all executions.',
		displayOptions: shownFor([OPERATION]),
	},
	simplifyField(shownFor([OPERATION])),
	optionsField(OPERATION, [
		{
			displayName: 'Look Back (Hours)',
			name: 'lookBackHours',
			type: 'number',
			typeOptions: { minValue: 1, maxValue: 87_600 },
			default: HOURS,
			description: 'How far back runs are listed that have ended, by the journal of the storage',
		},
		{
			displayName: 'Restores Only',
			name: 'restoresOnly',
			type: 'boolean',
			default: false,
			description: 'Whether to list only restores and imports, which is quicker where there are many backups',
		},
		{
			displayName: 'Workflow ID',
			name: 'workflowId',
			type: 'string',
			default: '',
			placeholder: 'e.g. {{ $workflow.id }}',
			description:
				'Only runs of this workflow. Where several n8n store into the same storage, their executions may have the same IDs.',
		},
	]),
];

/** What runs now and what ended lately: one item each. */
export const listRuns: Operation = {
	description,
	async execute(context, item) {
		const options = collectionOf(context, 'options', item, 'Options');
		const isSimple = isSimplified(context, item);
		const execution = textOf(context.getNodeParameter('executionId', item, ''), 'Execution ID').trim();
		const workflowId = textOf(options['workflowId'], 'Workflow ID').trim();
		const hours = numberIn(options, 'lookBackHours', HOURS, 'Look Back (Hours)', { min: 1, max: 87_600 });
		const isOfRestores = yesNoIn(options, 'restoresOnly', false, 'Restores Only');
		const storage = await openStorage(context, item);
		const now = new Date();
		const runs = await runsOf(storage, {
			hours,
			now,
			...(execution !== '' && { execution }),
			...(workflowId !== '' && { workflowId }),
			...(isOfRestores && { actions: ['restore', 'import'] }),
			signal: context.getExecutionCancelSignal(),
		});
		const told = isOfRestores ? runs.filter(({ action }) => action === 'restore' || action === 'import') : runs;
		return told.map((run) => ({ json: runItem(run, now, isSimple) }));
	},
};

function runItem(run: ToldRun, now: Date, isSimple: boolean) {
	const { state, action, kind, name, startedAt, endedAt, percent, result, problem, execution } = run;
	const until = endedAt === undefined ? now.getTime() : Date.parse(endedAt);
	const columns = {
		state,
		what: oneLine([ACTION_WORDS[action], 'of', kind, name].filter((part) => part !== '').join(' ')),
		percent,
		progress: progressOf(run),
		result,
		problem,
		startedAt,
		endedAt,
		durationSeconds: Math.max(0, until - Date.parse(startedAt)) / 1000,
		execution,
	};
	const { state: _, percent: _percent, result: _result, problem: _problem, ...facts } = run;
	return itemOf(columns, facts, isSimple);
}

/** `1.2 GB of 3.4 GB, 20.5 MB/s, 2 min left`; undefined for what has ended. */
function progressOf({ bytes, totalBytes, bytesPerSecond = 0, secondsLeft, state }: ToldRun): string | undefined {
	if (bytes === undefined) return undefined;
	const of = totalBytes === undefined ? '' : ` of ${readableSize(totalBytes)}`;
	const rate = state === 'running' ? `, ${readableSize(bytesPerSecond)}/s` : '';
	const left = secondsLeft === undefined ? '' : `, ${readableHours(secondsLeft / 3600)} left`;
	return `${readableSize(bytes)}${of}${rate}${left}`;
}
