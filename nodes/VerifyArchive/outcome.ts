import { type IDataObject, type IExecuteFunctions, type INodeExecutionData, NodeOperationError } from 'n8n-workflow';

import { errorItem, toNodeError } from '../shared/errors';
import { collectionOf } from '../shared/fields';
import { showWarnings } from '../shared/hints';
import type { Operation } from '../shared/operation';

import { oneOf } from './choice';

/** What an operation found out about one backup: an item, and which of the two outputs it goes to. */
export interface Outcome {
	json: IDataObject;
	passed: boolean;
	/** For the error of a node that stops on failures: `postgres/shop_1.sql.zst: failed. The archive is damaged.` */
	told: string;
}

/** An operation whose items go to Passed or Failed. */
export interface JudgingOperation {
	description: Operation['description'];
	execute(context: IExecuteFunctions, itemIndex: number): Promise<Outcome[]>;
}

const MAX_TOLD = 20;

/**
 * Runs an operation for every incoming item and links what comes out to it. Answers the items of Passed, and those of
 * Failed. Where the node is to stop on failures, it does so once everything was looked at.
 */
export async function runJudging(
	context: IExecuteFunctions,
	operation: JudgingOperation,
): Promise<[INodeExecutionData[], INodeExecutionData[]]> {
	const passed: INodeExecutionData[] = [];
	const failed: INodeExecutionData[] = [];
	const stopping: string[] = [];
	const judged: Outcome[] = [];
	for (const item of context.getInputData().keys()) {
		try {
			const stops = stopsOnFailure(context, item);
			for (const outcome of await operation.execute(context, item)) {
				judged.push(outcome);
				(outcome.passed ? passed : failed).push({ json: outcome.json, pairedItem: { item } });
				if (stops && !outcome.passed) stopping.push(outcome.told);
			}
		} catch (error) {
			const nodeError = toNodeError(context.getNode(), error, item);
			// A cancelled run ends, whatever the node is told to do about errors.
			if (!context.continueOnFail() || context.getExecutionCancelSignal()?.aborted) throw nodeError;
			// What could not be looked at has not passed.
			failed.push(errorItem(error, item));
		}
	}
	if (stopping.length > 0 && !context.continueOnFail()) throw stopped(context, stopping, judged.length);
	showWarnings(context, whereTheyAre(judged));
	return [passed, failed];
}

/** The editor opens on Passed, which may be empty. */
function whereTheyAre(judged: readonly Outcome[]): string[] {
	const bad = judged.filter(({ passed }) => !passed).length;
	if (bad === 0) return [];
	const what = bad === 1 ? 'has not passed: it is' : 'have not passed: they are';
	return [`${bad} of ${judged.length} ${what} in Failed, the second output.`];
}

function stopsOnFailure(context: IExecuteFunctions, item: number): boolean {
	const { onFailure = 'putOut' } = collectionOf(context, 'options', item, 'Options');
	return oneOf(onFailure, ['putOut', 'stop'], 'On Failure') === 'stop';
}

function stopped(context: IExecuteFunctions, told: string[], total: number): NodeOperationError {
	const [first = ''] = told;
	const message = total === 1 ? first : `${told.length} of ${total} have not passed. ${first}`;
	const more = told.length > MAX_TOLD ? [`And ${told.length - MAX_TOLD} more.`] : [];
	const error = new NodeOperationError(context.getNode(), message, {
		description: [...told.slice(0, MAX_TOLD), ...more].join('\n'),
	});
	// n8n puts words of its own in the place of messages in which it finds ECONNREFUSED and the like.
	error.message = message;
	error.messages = [];
	return error;
}
