import type { IExecuteFunctions, INodeExecutionData, INodeProperties } from 'n8n-workflow';

import { errorItem, toNodeError } from './errors';

/** One operation of a node: its fields, and what it does for one incoming item. */
export interface Operation {
	description: INodeProperties[];
	execute(context: IExecuteFunctions, itemIndex: number): Promise<INodeExecutionData[]>;
}

/** Runs an operation for every incoming item and links what comes out to it. */
export async function runOperation(context: IExecuteFunctions, operation: Operation): Promise<INodeExecutionData[]> {
	const result: INodeExecutionData[] = [];
	for (const item of context.getInputData().keys()) {
		try {
			const items = await operation.execute(context, item);
			result.push(...items.map((output) => ({ ...output, pairedItem: { item } })));
		} catch (error) {
			const nodeError = toNodeError(context.getNode(), error, item);
			// A cancelled run ends, whatever the node is told to do about errors.
			if (!context.continueOnFail() || context.getExecutionCancelSignal()?.aborted) throw nodeError;
			result.push(errorItem(error, item));
		}
	}
	return result;
}

/** Limits fields to operations. */
export function shownFor(operations: string[], more: Record<string, Array<string | boolean>> = {}) {
	return { show: { operation: operations, ...more } };
}
