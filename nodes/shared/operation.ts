import type { IExecuteFunctions, INodeExecutionData, INodeProperties } from 'n8n-workflow';

import { errorItem, toNodeError } from './errors';
import { journaled, type Journaled } from './journal';
import { withoutGaps } from './simplify';

/** One operation of a node: its fields, and what it does for one incoming item. */
export interface Operation {
	description: INodeProperties[];
	/** What it is in the journal of the storage; none for what only looks. */
	journal?: Journaled;
	execute(context: IExecuteFunctions, itemIndex: number): Promise<INodeExecutionData[]>;
}

/** One whose items go to several outputs, to the same ones each time: a list of items for each of them. */
export interface BranchingOperation {
	description: INodeProperties[];
	journal?: Journaled;
	/** Where what stands for a failed item goes: the output that is sure to be listened to. */
	errorOutput: number;
	execute(context: IExecuteFunctions, itemIndex: number): Promise<[INodeExecutionData[], ...INodeExecutionData[][]]>;
}

/** Runs an operation for every incoming item and links what comes out to it. */
export async function runOperation(context: IExecuteFunctions, operation: Operation): Promise<INodeExecutionData[]> {
	const [items = []] = await runBranching(context, {
		...operation,
		errorOutput: 0,
		execute: async (...given) => [await operation.execute(...given)],
	});
	return items;
}

/** The same with several outputs. */
export async function runBranching(
	context: IExecuteFunctions,
	operation: BranchingOperation,
): Promise<INodeExecutionData[][]> {
	const outputs: INodeExecutionData[][] = [];
	const put = (output: number, items: INodeExecutionData[]) => (outputs[output] ??= []).push(...items);
	for (const item of context.getInputData().keys()) {
		try {
			const results = await journaled(context, item, operation, () => operation.execute(context, item));
			for (const [output, items] of results.entries()) {
				put(
					output,
					items.map((one) => ({ ...one, pairedItem: { item } })),
				);
			}
		} catch (error) {
			const nodeError = toNodeError(context.getNode(), error, item);
			// A cancelled run ends, whatever the node is set to do about errors.
			if (!context.continueOnFail() || context.getExecutionCancelSignal()?.aborted) throw nodeError;
			put(operation.errorOutput, [errorItem(error, item)]);
		}
	}
	// An array with gaps would be no outputs to n8n.
	return Array.from(outputs, (items = []) => withoutGaps(context, items));
}

/** Limits fields to operations. */
export function shownFor(operations: string[], more: Record<string, Array<string | boolean>> = {}) {
	return { show: { operation: operations, ...more } };
}
