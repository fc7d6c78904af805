import { type IDataObject, type IExecuteFunctions, type INodeExecutionData, NodeOperationError } from 'n8n-workflow';

import { errorItem, toNodeError } from '../shared/errors';
import { showWarnings } from '../shared/hints';
import type { Operation } from '../shared/operation';
import { withoutGaps } from '../shared/simplify';

import { oneOf } from './choice';
import { isConnected } from './connections';

/** What an operation found out about one backup: an item, and which of the two outputs it goes to. */
export interface Outcome {
	json: IDataObject;
	passed: boolean;
	/** For the error of a node that fails over it: `postgres/shop_1.sql.zst: failed. The archive is damaged.` */
	told: string;
	/** How many results stand beside their backups now; of a drill, several. */
	recorded?: number;
}

/** An operation whose items go to Passed or Failed. */
export interface JudgingOperation {
	description: Operation['description'];
	/** That it only tells of what was found earlier, over which no run fails. */
	isListing?: true;
	execute(context: IExecuteFunctions, itemIndex: number): Promise<Outcome[]>;
}

const MAX_TOLD = 20;
const FAILED_OUTPUT = 1;
const HOW_TO_GO_ON =
	'To go on with items instead, connect something to the output Failed, or set On Failure to Continue.';
const ON_FAILURE = ['failUnlessConnected', 'fail', 'putOut'] as const;

/**
 * Runs an operation for every incoming item and links what comes out to it. Answers the items of Passed, and those of
 * Failed. Where the node is to fail over what has not passed, it does so once everything was looked at.
 */
export async function runJudging(
	context: IExecuteFunctions,
	operation: JudgingOperation,
): Promise<[INodeExecutionData[], INodeExecutionData[]]> {
	const passed: INodeExecutionData[] = [];
	const failed: INodeExecutionData[] = [];
	const judged: Outcome[] = [];
	const over: Outcome[] = [];
	let last = 0;
	for (const item of context.getInputData().keys()) {
		try {
			const fails = failsOver(context, operation, item);
			for (const outcome of await operation.execute(context, item)) {
				judged.push(outcome);
				(outcome.passed ? passed : failed).push({ json: outcome.json, pairedItem: { item } });
				if (!fails || outcome.passed) continue;
				over.push(outcome);
				last = item;
			}
		} catch (error) {
			const nodeError = toNodeError(context.getNode(), error, item);
			// A cancelled run ends, whatever the node is told to do about errors.
			if (!context.continueOnFail() || context.getExecutionCancelSignal()?.aborted) throw nodeError;
			// What could not be looked at has not passed.
			failed.push(errorItem(error, item));
		}
	}
	if (over.length > 0) {
		const failure = failureOf(context, over, judged);
		if (!context.continueOnFail()) throw failure;
		// Who has chosen to go on with an error output listens there, and maybe nowhere else.
		if (context.getNode().onError === 'continueErrorOutput') {
			failed.push(errorItem(failure, last, { hint: failure.description }));
		}
	}
	showWarnings(context, whereTheyAre(judged));
	return [withoutGaps(context, passed), withoutGaps(context, failed)];
}

/** The editor opens on Passed, which may be empty. */
function whereTheyAre(judged: readonly Outcome[]): string[] {
	const bad = judged.filter(({ passed }) => !passed).length;
	if (bad === 0) return [];
	const what = bad === 1 ? 'has not passed: it is' : 'have not passed: they are';
	return [`${bad} of ${judged.length} ${what} in Failed, the second output.`];
}

function failsOver(context: IExecuteFunctions, { isListing }: JudgingOperation, item: number): boolean {
	if (isListing) return false;
	const choice = oneOf(context.getNodeParameter('onFailure', item), ON_FAILURE, 'On Failure');
	return choice === 'fail' || (choice === 'failUnlessConnected' && !isConnected(context, FAILED_OUTPUT));
}

function failureOf(
	context: IExecuteFunctions,
	over: readonly Outcome[],
	judged: readonly Outcome[],
): NodeOperationError {
	const told = over.map((outcome) => outcome.told);
	const [first = ''] = told;
	const has = told.length === 1 ? 'has' : 'have';
	const message = judged.length === 1 ? first : `${told.length} of ${judged.length} ${has} not passed. ${first}`;
	const all = told.length === 1 ? [] : told.slice(0, MAX_TOLD);
	const more = told.length > MAX_TOLD ? [`And ${told.length - MAX_TOLD} more.`] : [];
	const description = [...all, ...more, `${recordedOf(judged)} ${HOW_TO_GO_ON}`].join('\n');
	const error = new NodeOperationError(context.getNode(), message, { description });
	// n8n puts words of its own in the place of messages in which it finds ECONNREFUSED and the like.
	error.message = message;
	error.messages = [];
	return error;
}

function recordedOf(judged: readonly Outcome[]): string {
	const recorded = judged.reduce((sum, outcome) => sum + (outcome.recorded ?? 0), 0);
	if (recorded === 0) return 'Everything was looked at.';
	const results = recorded === 1 ? 'the result of 1 backup is' : `the results of ${recorded} backups are`;
	return `Everything was looked at, and ${results} recorded in the storage.`;
}
