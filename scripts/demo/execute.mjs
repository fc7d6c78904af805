import { setTimeout as sleep } from 'node:timers/promises';

/** Runs an imported workflow as the editor's Execute button does; answers the execution, or throws what it failed with. */
export async function execute({ n8n, templates }, file, trigger) {
	const { id } = templates.find((template) => template.file === file);
	const workflowData = await n8n.rest('GET', `/workflows/${id}`);
	const { executionId } = await n8n.rest('POST', `/workflows/${id}/run`, {
		workflowData,
		triggerToStartFrom: { name: trigger },
	});
	for (;;) {
		const execution = await n8n.execution(executionId);
		if (['new', 'running', 'waiting'].includes(execution.status)) {
			await sleep(200);
			continue;
		}
		const { error } = execution.data.resultData;
		if (execution.status !== 'success') throw new Error(error?.message ?? `The workflow ended as ${execution.status}.`);
		return execution;
	}
}

/** The single item that a node of an execution put out, on one of its outputs. */
export function outputOf(execution, node, output = 0) {
	return itemsOf(execution, node, output)[0];
}

/** All items that a node of an execution put out, on one of its outputs. */
export function itemsOf(execution, node, output = 0) {
	return execution.data.resultData.runData[node][0].data.main[output].map(({ json }) => json);
}

/** Runs a single node in a workflow of its own, started by a webhook; answers the item that it puts out. */
export async function runNode({ n8n }, { name, type, parameters, credentials }) {
	const path = name.toLowerCase().replaceAll(' ', '-');
	const webhook = {
		id: 'a',
		name: 'Webhook',
		type: 'n8n-nodes-base.webhook',
		typeVersion: 2,
		position: [0, 0],
		parameters: { httpMethod: 'POST', path, responseMode: 'lastNode' },
	};
	const node = { id: 'b', name, type, typeVersion: 1, position: [240, 0], parameters, credentials };
	const connections = { Webhook: { main: [[{ node: name, type: 'main', index: 0 }]] } };
	await n8n.activate(await n8n.createWorkflow({ name, nodes: [webhook, node], connections, settings: {} }));
	const { status, body } = await n8n.webhook(path, {});
	if (status !== 200) throw new Error(`The webhook answered ${status}: ${JSON.stringify(body)}`);
	return body;
}

/** Writes into the node Settings of a template, as a person would in the editor. */
export async function writeSettings({ n8n, templates }, file, settings) {
	const { id } = templates.find((template) => template.file === file);
	const workflow = await n8n.rest('GET', `/workflows/${id}`);
	const nodes = workflow.nodes.map((node) => (node.name === 'Settings' ? withSettings(node, settings) : node));
	await n8n.rest('PATCH', `/workflows/${id}`, { ...workflow, nodes });
}

/** What callers of webhooks that restore send along: the secret. */
export const CALLER = { 'x-restore-secret': 'demo' };

/** Publishes a template that a webhook starts, with a secret that its callers must know, as a person would set it up in the editor. */
export async function publishGuarded(environment, file, settings) {
	const { n8n, templates } = environment;
	await writeSettings(environment, file, settings);
	const [[header, value]] = Object.entries(CALLER);
	const { id, name } = templates.find((template) => template.file === file);
	const credential = await n8n.createCredential(`Secret of ${name}`, 'httpHeaderAuth', { name: header, value });
	const workflow = await n8n.rest('GET', `/workflows/${id}`);
	const nodes = workflow.nodes.map((node) =>
		node.type === 'n8n-nodes-base.webhook' ? { ...node, credentials: { httpHeaderAuth: credential } } : node,
	);
	await n8n.rest('PATCH', `/workflows/${id}`, { ...workflow, nodes });
	await n8n.activate(id);
}

/** Restores by the webhook of a template, as a program does: asks for the plan, begins, and waits for the end. */
export async function restoreByWebhook({ n8n }, path, body) {
	const asked = await n8n.webhook(path, body, { headers: CALLER });
	if (asked.status !== 200)
		throw new Error(`The plan was answered with ${asked.status}: ${JSON.stringify(asked.body)}`);
	const begun = await n8n.webhook(path, { ...body, dryRun: false }, { headers: CALLER });
	if (begun.status !== 202) throw new Error(`The webhook answered ${begun.status}: ${JSON.stringify(begun.body)}`);
	for (;;) {
		const progress = `${path}-progress?id=${begun.body.id}`;
		const { body: told } = await n8n.webhook(progress, undefined, { method: 'GET', headers: CALLER });
		if (told.state === 'succeeded') return { plan: asked.body.plan, told };
		if (told.state !== 'running' && told.state !== 'unknown')
			throw new Error(`The restore ${told.state}: ${told.problem}`);
		await sleep(200);
	}
}

/** The node Settings with other values in its fields. */
function withSettings(node, settings) {
	const assignments = node.parameters.assignments.assignments.map((field) =>
		field.name in settings ? { ...field, value: written(settings[field.name]) } : field,
	);
	return { ...node, parameters: { ...node.parameters, assignments: { assignments } } };
}

function written(value) {
	return typeof value === 'object' ? JSON.stringify(value) : value;
}
