/** Workflows name data tables by their ids, and an imported table gets another one. */
import { isObject, type JsonObject, textIn, type Workflow } from '../workflow';

/** In their parameters, `dataTableId` is a resource locator: by id, or from a list; by name it needs no change. */
const USERS: ReadonlySet<string> = new Set([
	'n8n-nodes-base.dataTable',
	'n8n-nodes-base.dataTableTool',
	'n8n-nodes-base.evaluation',
	'n8n-nodes-base.evaluationTrigger',
]);
const NAMED = 'dataTableId';

/** The workflow with other ids in place of those of the data tables that it names. */
export function withTables(workflow: Workflow, idFor: (id: string) => string): Workflow {
	return {
		...workflow,
		nodes: workflow.nodes.map((node) => (USERS.has(textIn(node, 'type')) ? naming(node, idFor) : node)),
	};
}

function naming(node: JsonObject, idFor: (id: string) => string): JsonObject {
	const { parameters } = node;
	if (!isObject(parameters)) return node;
	const locator = parameters[NAMED];
	if (!isObject(locator) || locator['mode'] === 'name') return node;
	const { value, cachedResultUrl: _ofTheOther, ...rest } = locator;
	if (typeof value !== 'string' || idFor(value) === value) return node;
	return { ...node, parameters: { ...parameters, [NAMED]: { ...rest, value: idFor(value) } } };
}
