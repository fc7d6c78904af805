import { NodeApiError, NodeOperationError, type IDataObject, type INode, type INodeExecutionData } from 'n8n-workflow';

import { BackupError, messageOf } from '../../engine';

/** Anything thrown, as n8n shows errors: what happened as the message, what to do about it as the description. */
export function toNodeError(node: INode, error: unknown, itemIndex?: number): NodeOperationError {
	if (error instanceof NodeOperationError) return error;
	const message = messageOf(error);
	const options = {
		...(itemIndex === undefined ? {} : { itemIndex }),
		...(error instanceof BackupError && error.hint ? { description: error.hint } : {}),
	};
	const result =
		error instanceof BackupError || !(error instanceof Error)
			? new NodeOperationError(node, message, options)
			: new NodeOperationError(node, error, options);
	// n8n replaces messages in which it finds ECONNREFUSED and the like by vaguer ones of its own.
	result.message = message;
	result.messages = [];
	return result;
}

/** The same for a list to choose from in the editor, to which n8n hands on the description of no other class of errors. */
export function toListError(node: INode, cause: unknown): NodeApiError {
	const { message, description } = toNodeError(node, cause);
	const error = new NodeApiError(node, { message }, { message, ...(description && { description }) });
	error.message = message;
	return error;
}

/**
 * The item that stands for what failed where the node is set to continue on errors. n8n takes an item for a failed one, and
 * sends it to the error output, by these two names of fields alone; of an item with an `error` of its own it keeps nothing
 * but the message.
 */
export function errorItem(cause: unknown, itemIndex: number, more: IDataObject = {}): INodeExecutionData {
	const known = cause instanceof BackupError ? { code: cause.code, hint: cause.hint ?? null, ...cause.details } : {};
	const details = { ...known, ...more } as IDataObject;
	return { json: { error: messageOf(cause), details }, pairedItem: { item: itemIndex } };
}
