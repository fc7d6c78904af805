/**
 * Workflows that name others: by nodes that run one (Execute Workflow, Call n8n Workflow Tool), and as the workflow that is run
 * after an error. An imported workflow may get another id, and then they have to name that.
 */
import { isObject, type JsonObject, textIn, type Workflow } from '../workflow';

/** In its parameters, `workflowId` is an id, or a resource locator with one. */
const CALLERS: ReadonlySet<string> = new Set([
	'n8n-nodes-base.executeWorkflow',
	'@n8n/n8n-nodes-langchain.toolWorkflow',
	'@n8n/n8n-nodes-langchain.retrieverWorkflow',
]);
const CALLED = 'workflowId';
const AFTER_ERROR = 'errorWorkflow';

/**
 * The ids of the workflows that a workflow names, in the order in which it names them and as often; those that expressions compute
 * left out.
 */
export function referencesOf(workflow: Workflow): string[] {
	const found: string[] = [];
	withReferences(workflow, (id) => {
		found.push(id);
		return id;
	});
	return found;
}

/** The workflow with other ids in place of those that it names. */
export function withReferences(workflow: Workflow, idFor: (id: string) => string): Workflow {
	const nodes = workflow.nodes.map((node) => (CALLERS.has(textIn(node, 'type')) ? called(node, idFor) : node));
	const { settings } = workflow;
	if (!isObject(settings) || !isId(settings[AFTER_ERROR])) return { ...workflow, nodes };
	return { ...workflow, nodes, settings: { ...settings, [AFTER_ERROR]: idFor(settings[AFTER_ERROR]) } };
}

function called(node: JsonObject, idFor: (id: string) => string): JsonObject {
	const { parameters } = node;
	if (!isObject(parameters)) return node;
	const locator = parameters[CALLED];
	if (isId(locator)) return { ...node, parameters: { ...parameters, [CALLED]: idFor(locator) } };
	if (!isObject(locator) || !isId(locator['value'])) return node;
	const { value } = locator;
	return { ...node, parameters: { ...parameters, [CALLED]: { ...locator, value: idFor(value) } } };
}

/** An expression begins with an equals sign. n8n writes DEFAULT where no workflow is named. */
function isId(value: unknown): value is string {
	return typeof value === 'string' && value !== '' && !value.startsWith('=') && value !== 'DEFAULT';
}
