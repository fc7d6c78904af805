/**
 * What n8n has kept from older versions and does not take any more (`workflow-structure-validation` of n8n-workflow 2.41): connections of nodes
 * that are gone, which it passes over when it runs a workflow, and ids that several nodes have, of which it gives the others new ones.
 */
import { isObject, type JsonObject, textIn } from '../workflow';

/** The nodes, of which no two have one id. */
export function withOwnIds(nodes: readonly JsonObject[], dropped: Set<string>): JsonObject[] {
	const seen = new Set<string>();
	return nodes.map((node) => {
		const id = textIn(node, 'id');
		if (id !== '' && seen.has(id)) {
			dropped.add('nodes.id');
			const { id: _again, ...others } = node;
			return others;
		}
		seen.add(id);
		return node;
	});
}

/** The connections between these nodes. */
export function withoutStrays(connections: JsonObject, nodes: readonly JsonObject[], dropped: Set<string>): JsonObject {
	const names = new Set(nodes.map((node) => textIn(node, 'name')));
	const isKnown = (name: string) => {
		if (!names.has(name)) dropped.add('connections');
		return names.has(name);
	};
	const targets = (list: unknown): unknown =>
		Array.isArray(list) ? list.filter((one) => !isObject(one) || isKnown(textIn(one, 'node'))) : list;
	const outputs = (lists: unknown): unknown => (Array.isArray(lists) ? lists.map(targets) : lists);
	const byType = (value: unknown): unknown =>
		isObject(value) ? Object.fromEntries(Object.entries(value).map(([type, lists]) => [type, outputs(lists)])) : value;
	return Object.fromEntries(
		Object.entries(connections).flatMap(([name, value]) => (isKnown(name) ? [[name, byType(value)]] : [])),
	);
}
