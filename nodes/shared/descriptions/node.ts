import type { INodeProperties, INodePropertyOptions } from 'n8n-workflow';

/**
 * The version of each node, written so that n8n does not add _Custom API Call_ to its operations. It does so where one of the
 * credentials can sign HTTP requests, as n8n's own Qdrant credential can, and the node's version equals its default version;
 * a list equals no number. What these nodes do is no single request.
 */
export const VERSION = { version: [1], defaultVersion: 1 };

/**
 * A resource that is not shown. Only a node with one gets its name from the action that it was chosen by, such as "Restore a
 * database"; its Operation field has to name it in displayOptions. n8n's own Postgres node has the like.
 */
export function onlyResource(resource: INodePropertyOptions): INodeProperties {
	return {
		displayName: 'Resource',
		name: 'resource',
		type: 'hidden',
		noDataExpression: true,
		options: [resource],
		default: resource.value,
	};
}
