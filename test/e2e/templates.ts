import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { N8nClient, NodeCredentials, WorkflowJson } from '../services/n8n-client';

const FOLDER = join(__dirname, '..', '..', 'workflows');

export const TEMPLATES = readdirSync(FOLDER).filter((file) => file.endsWith('.json'));

export function template(file: string): WorkflowJson {
	return JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as WorkflowJson;
}

/** Whom mails are from and to, where a test says nothing else. */
const ADDRESSES: Record<string, string> = { mailFrom: 'n8n@example.com', mailTo: 'admin@example.com' };

/**
 * What a user does after the import: selects credentials, here by the name or by the type of the nodes, and writes whom mails are
 * from and to into the node Settings, where it has room for that and nothing stands there yet.
 */
export function withCredentials(workflow: WorkflowJson, credentials: Record<string, NodeCredentials>): WorkflowJson {
	const nodes = workflow.nodes.map((one) => {
		const own = credentials[one.name] ?? credentials[one.type];
		return own ? { ...one, credentials: own } : one;
	});
	const given = { ...workflow, nodes };
	const missing = settingsOf(given).flatMap(({ name, value }) => (value === '' ? [name] : []));
	return withSettings(given, Object.fromEntries(missing.map((name) => [name, ADDRESSES[name]])));
}

function settingsOf({ nodes }: WorkflowJson): Array<{ name: string; value: unknown }> {
	return nodes
		.filter(({ name }) => name === 'Settings')
		.flatMap((one) => {
			const fields = one['parameters'] as { assignments: { assignments: Array<{ name: string; value: unknown }> } };
			return fields.assignments.assignments;
		});
}

/** What a user does who lacks a system: deletes its nodes, and with them what leads to and from them. */
export function withoutNodes(workflow: WorkflowJson, ...names: string[]): WorkflowJson {
	const connections = workflow.connections as Record<string, { main: Array<Array<{ node: string }>> }>;
	const left = Object.entries(connections).filter(([from]) => !names.includes(from));
	const links = left.map(([from, { main }]) => {
		const outputs = main.map((ends) => ends.filter(({ node }) => !names.includes(node)));
		return [from, { main: outputs }];
	});
	const nodes = workflow.nodes.filter(({ name }) => !names.includes(name));
	return { ...workflow, nodes, connections: Object.fromEntries(links) as Record<string, unknown> };
}

/** What a user does next: writes into the node Settings. Fields that are objects are given as such. */
export function withSettings(workflow: WorkflowJson, settings: Record<string, unknown>): WorkflowJson {
	const nodes = workflow.nodes.map((one) => {
		if (one.name !== 'Settings') return one;
		const fields = one.parameters as { assignments: { assignments: Array<{ name: string; value: unknown }> } };
		const assignments = fields.assignments.assignments.map((field) => {
			const value = settings[field.name] ?? field.value;
			return { ...field, value: typeof value === 'object' ? JSON.stringify(value) : value };
		});
		return { ...one, parameters: { ...fields, assignments: { assignments } } };
	});
	return { ...workflow, nodes };
}

/** Publishes a workflow with a webhook in the place of its schedule, or of the button in the editor. */
export async function publishNow(n8n: N8nClient, workflow: WorkflowJson, path: string): Promise<string> {
	const parameters = { httpMethod: 'POST', path, responseMode: 'lastNode' };
	const nodes = workflow.nodes.map((one) =>
		one.type === 'n8n-nodes-base.scheduleTrigger' || one.type === 'n8n-nodes-base.manualTrigger'
			? { ...one, type: 'n8n-nodes-base.webhook', typeVersion: 2, parameters }
			: one,
	);
	const id = await n8n.createWorkflow({ ...workflow, nodes });
	await n8n.activate(id);
	return id;
}

/** Publishes a template that webhooks start, whose callers must know a secret; answers its id. */
export async function publishGuarded(
	n8n: N8nClient,
	workflow: WorkflowJson,
	credentials: Record<string, NodeCredentials>,
	secret: { name: string; value: string },
): Promise<string> {
	const header = await n8n.createCredential('webhook', 'httpHeaderAuth', secret);
	const whole = withCredentials(workflow, { 'n8n-nodes-base.webhook': { httpHeaderAuth: header }, ...credentials });
	const id = await n8n.createWorkflow(whole);
	await n8n.activate(id);
	return id;
}
