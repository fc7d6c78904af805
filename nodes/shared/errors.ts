import { NodeOperationError, type IDataObject, type INode, type INodeExecutionData } from 'n8n-workflow';

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

/** The item that stands for what failed where the node is set to continue on errors. */
export function errorItem(error: NodeOperationError, cause: unknown, itemIndex: number): INodeExecutionData {
	const json: IDataObject = { error: error.message };
	if (error.description) json.hint = error.description;
	if (cause instanceof BackupError) {
		json.code = cause.code;
		if (cause.details) json.details = cause.details;
	}
	return { json, error, pairedItem: { item: itemIndex } };
}
