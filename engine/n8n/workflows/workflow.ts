/**
 * A workflow as n8n exports it and its API gives it: one object, of which only what is used here has a type. It comes out of a
 * file or from a server, so nothing but what `asWorkflow` has looked at is relied on.
 */
export type JsonObject = { readonly [name: string]: unknown };

export interface Workflow extends JsonObject {
	readonly name: string;
	readonly nodes: readonly JsonObject[];
	readonly connections: JsonObject;
}

/** Takes a value for a workflow where it is one: an object with nodes, connections and a name. */
export function asWorkflow(value: unknown): Workflow | undefined {
	if (!isObject(value) || typeof value['name'] !== 'string') return undefined;
	const { nodes, connections } = value;
	if (!Array.isArray(nodes) || !nodes.every(isObject) || !isObject(connections)) return undefined;
	return value as Workflow;
}

/** Whether a value has what makes it a workflow, be the rest of it wrong. */
export function seemsWorkflow(value: unknown): boolean {
	return isObject(value) && 'nodes' in value && 'connections' in value;
}

export function isObject(value: unknown): value is JsonObject {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The id of a workflow; numbers are those of n8n before 1.0. Undefined where a file holds one without. */
export function idOf({ id }: JsonObject): string | undefined {
	if (typeof id === 'number' && Number.isSafeInteger(id)) return String(id);
	return typeof id === 'string' && id !== '' ? id : undefined;
}

export function isActive({ active }: JsonObject): boolean {
	return active === true;
}

export function isArchived(workflow: JsonObject): boolean {
	return workflow['isArchived'] === true;
}

/** The names of its tags, without the spaces around them that n8n does not keep. */
export function tagsOf({ tags }: JsonObject): string[] {
	if (!Array.isArray(tags)) return [];
	const names = tags.map((tag: unknown) => (typeof tag === 'string' ? tag : isObject(tag) ? textIn(tag, 'name') : ''));
	return names.map((name) => name.trim()).filter((name) => name !== '');
}

/** The projects that it belongs to or is shared with, by id and, where it is told, by name. */
export function projectsOf({ shared }: JsonObject): string[] {
	if (!Array.isArray(shared)) return [];
	return shared.flatMap((one: unknown) => {
		if (!isObject(one)) return [];
		const project = isObject(one['project']) ? one['project'] : {};
		return [one['projectId'], project['id'], project['name']].filter((text) => typeof text === 'string');
	});
}

/** The names of those projects by their ids; the id again where the name is not told. */
export function projectNamesOf({ shared }: JsonObject): Map<string, string> {
	const names = new Map<string, string>();
	for (const one of Array.isArray(shared) ? (shared as unknown[]) : []) {
		if (!isObject(one) || typeof one['projectId'] !== 'string') continue;
		const name = isObject(one['project']) ? textIn(one['project'], 'name') : '';
		names.set(one['projectId'], name || one['projectId']);
	}
	return names;
}

/** Empty where it has none. */
export function descriptionOf(workflow: JsonObject): string {
	return textIn(workflow, 'description');
}

/** A text of a node, empty where it has none. */
export function textIn(object: JsonObject, name: string): string {
	const value = object[name];
	return typeof value === 'string' ? value : '';
}
