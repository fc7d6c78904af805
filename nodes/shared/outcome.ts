import type { IDataObject, IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';

import { errorItem, toNodeError } from './errors';
import { showWarnings } from './hints';
import { eventOf, journaled, type EventFacts, type Journaled } from './journal';
import type { Operation } from './operation';
import { withoutGaps } from './simplify';

import { oneOf } from './choice';
import { isConnected } from './connections';
import { alsoTelling, failureOf, type Judged, type JudgedWords, NOT_PASSED } from './judgedFailure';

/** What an operation found out about one backup: an item, and which of the two outputs it goes to. */
export interface Outcome extends Judged {
	json: IDataObject;
	/** Whether it only tells what would be: no run fails over it. */
	isPlanned?: boolean;
	/** Which backup it is about, for the journal; undefined for what is not noted by itself. */
	about?: Partial<EventFacts>;
}

/** An operation whose items go to Passed or Failed. */
export interface JudgingOperation {
	description: Operation['description'];
	/** Whether it only repeats what was found earlier, over which no run fails. */
	isListing?: true;
	/** What is said of what is bad; by default that it has not passed. */
	words?: JudgedWords;
	/** What it is in the journal of the storage. */
	journal?: Journaled;
	execute(context: IExecuteFunctions, itemIndex: number): Promise<Outcome[]>;
}

const FAILED_OUTPUT = 1;
const ON_FAILURE = ['failUnlessConnected', 'fail', 'putOut'] as const;
type OnFailure = (typeof ON_FAILURE)[number];

/**
 * Runs an operation for every incoming item and links what comes out to it. Answers the items of Passed, and those of
 * Failed. Where the node is to fail over what has not passed, it does so once everything was looked at. Any other error ends
 * it at once, and tells what was found bad until then.
 */
export async function runJudging(
	context: IExecuteFunctions,
	operation: JudgingOperation,
): Promise<[INodeExecutionData[], INodeExecutionData[]]> {
	const passed: INodeExecutionData[] = [];
	const failed: INodeExecutionData[] = [];
	const judged: Outcome[] = [];
	const over: Outcome[] = [];
	let isConnectingOffered = true;
	let last = 0;
	for (const item of context.getInputData().keys()) {
		try {
			const { choice, outcomes } = await journaled(context, item, operation, async () => {
				const choice = operation.isListing ? 'putOut' : onFailureOf(context, item);
				const outcomes = await operation.execute(context, item);
				for (const outcome of outcomes) noteOutcome(context, item, outcome);
				return { choice, outcomes };
			});
			const fails = failsOver(context, choice);
			for (const outcome of outcomes) {
				judged.push(outcome);
				(outcome.passed ? passed : failed).push({ json: outcome.json, pairedItem: { item } });
				if (!fails || outcome.passed || outcome.isPlanned) continue;
				over.push(outcome);
				if (choice === 'fail') isConnectingOffered = false;
				last = item;
			}
		} catch (error) {
			const nodeError = toNodeError(context.getNode(), error, item);
			// A cancelled run ends, whatever the node's setting for errors.
			if (!context.continueOnFail() || context.getExecutionCancelSignal()?.aborted) {
				throw operation.isListing ? nodeError : alsoTelling(nodeError, judged, operation.words);
			}
			// What could not be looked at has not passed.
			failed.push(errorItem(error, item));
		}
	}
	if (over.length > 0) {
		const failure = failureOf(context.getNode(), over, judged, isConnectingOffered, operation.words);
		if (!context.continueOnFail()) throw failure;
		// Who has chosen to go on with an error output listens there, and maybe nowhere else.
		if (context.getNode().onError === 'continueErrorOutput') {
			failed.push(errorItem(failure, last, { hint: failure.description }));
		}
	}
	showWarnings(context, whereTheyAre(judged, operation.words));
	return [withoutGaps(context, passed), withoutGaps(context, failed)];
}

/** What an operation tells as a whole, it notes by itself. */
function noteOutcome(context: IExecuteFunctions, item: number, { passed, told, about }: Outcome): void {
	if (!about) return;
	const event = eventOf(context, item);
	if (passed) event.succeeded({ ...about, summary: told });
	else event.failed(about, new Error(told));
}

/** The editor opens on the first output, which may be empty. */
function whereTheyAre(judged: readonly Outcome[], { one, many } = NOT_PASSED): string[] {
	const bad = judged.filter(({ passed }) => !passed).length;
	if (bad === 0) return [];
	const what = bad === 1 ? `${one}: it is` : `${many}: they are`;
	return [`${bad} of ${judged.length} ${what} in Failed, the second output.`];
}

function onFailureOf(context: IExecuteFunctions, item: number): OnFailure {
	return oneOf(context.getNodeParameter('onFailure', item), ON_FAILURE, 'On Failure');
}

function failsOver(context: IExecuteFunctions, choice: OnFailure): boolean {
	return choice === 'fail' || (choice === 'failUnlessConnected' && !isConnected(context, FAILED_OUTPUT));
}
