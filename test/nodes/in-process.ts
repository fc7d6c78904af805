import { randomUUID } from 'node:crypto';
import type {
	ICredentialTestFunction,
	INode,
	INodeTypes,
	IWorkflowBase,
	IWorkflowExecuteAdditionalData,
} from 'n8n-workflow';
import type { DropDownRequest, Execution, ListRequest, N8nClient, NodeCredentials } from '../services/n8n-client';
import { Credentials } from './credentials';
import { loadEngine, type N8nEngine } from './n8n-core';
import { chain, type FinishedRun, finishedRun, type NodeHost, type NodeUnderTest, type Runnable } from './workflow';

/** Hands on what a run is started with, as a webhook does. */
const START = 'test.start';
/** Addresses of the server that expressions can ask for. */
const URLS = [
	'instanceBaseUrl',
	'restApiUrl',
	'webhookBaseUrl',
	'webhookWaitingBaseUrl',
	'webhookTestBaseUrl',
	'formBaseUrl',
	'formWaitingBaseUrl',
	'formTestBaseUrl',
	'mcpBaseUrl',
	'mcpTestBaseUrl',
];

/**
 * n8n without its server: nodes run on n8n's own execution engine in this process, with its own contexts and helpers. It answers what
 * N8nClient answers of a started n8n. Not to be had: webhooks, the Stop button, stored executions, the log.
 */
export class InProcessN8n implements NodeHost, Pick<N8nClient, 'testCredential' | 'loadOptions' | 'searchList'> {
	readonly #credentials: Credentials;
	readonly #nodeTypes: INodeTypes;
	#executions = 0;

	private constructor(private readonly engine: N8nEngine) {
		this.#credentials = new Credentials(engine);
		this.#nodeTypes = nodeTypes(engine);
	}

	static async load(): Promise<InProcessN8n> {
		return new InProcessN8n(await loadEngine());
	}

	get connection() {
		const { userFolder, filesFolder } = this.engine;
		return { userFolder, filesFolder };
	}

	async createCredential(name: string, type: string, data: Record<string, unknown>): Promise<NodeCredentials[string]> {
		return this.#credentials.store(name, type, data);
	}

	async testCredential(name: string, type: string, data: Record<string, unknown>) {
		const context = new this.engine.core.CredentialTestContext(this.#additionalData());
		const credential = { id: randomUUID(), name, type, data: this.#credentials.withDefaults(type, data) };
		const result = await this.#testOf(type).call(context, credential);
		return { status: result.status, message: result.message };
	}

	/** The test that one of our nodes brings for a credential type. */
	#testOf(type: string): ICredentialTestFunction {
		for (const { type: node } of Object.values(this.engine.ours.nodeTypes)) {
			if ('nodeVersions' in node) continue;
			const test = node.description.credentials?.find(({ name }) => name === type)?.testedBy;
			const found = typeof test === 'string' && node.methods?.credentialTest?.[test];
			if (found) return found;
		}
		throw new Error(`No node brings a test for ${type}.`);
	}

	async loadOptions(request: DropDownRequest) {
		const { method, context } = this.#dropDown('loadOptions', request);
		return asStored(await method.call(context)) as Awaited<ReturnType<N8nClient['loadOptions']>>;
	}

	async searchList(request: ListRequest) {
		const { method, context } = this.#dropDown('listSearch', request);
		return asStored(await method.call(context, request.filter, request.paginationToken)) as Awaited<
			ReturnType<N8nClient['searchList']>
		>;
	}

	#dropDown(kind: 'loadOptions' | 'listSearch', request: DropDownRequest) {
		const { nodeType, methodName, path = 'parameters', parameters = {}, credentials, version = 1 } = request;
		const node = {
			id: randomUUID(),
			name: 'Temp-Node',
			type: nodeType,
			typeVersion: version,
			position: [0, 0],
			parameters,
			...(credentials && { credentials }),
		} as INode;
		const workflow = this.#workflow([node], {});
		const additionalData = { ...this.#additionalData(), currentNodeParameters: node.parameters };
		const method = this.#nodeTypes.getByNameAndVersion(nodeType, version).methods?.[kind]?.[methodName];
		if (!method) throw new Error(`${nodeType} has no ${kind} called ${methodName}.`);
		const context = new this.engine.core.LoadOptionsContext(workflow, node, additionalData, path);
		return { method: method as (...args: unknown[]) => Promise<unknown>, context };
	}

	async workflow(node: NodeUnderTest, before: NodeUnderTest[] = []): Promise<Runnable> {
		const start = { name: 'Webhook', type: START, typeVersion: 1, parameters: {} };
		const { nodes, connections } = chain(start, node, before);
		const whole = nodes.map((one) => ({ id: randomUUID(), position: [0, 0], ...one }) as unknown as INode);
		return { run: async (body = {}) => await this.#run(whole, connections, body) };
	}

	/** Starts a trigger as n8n does when its workflow is activated, or when its step is tested. */
	async startTrigger({ type, parameters = {}, credentials }: NodeUnderTest, mode: 'trigger' | 'manual') {
		const node = {
			id: randomUUID(),
			name: 'Trigger',
			type,
			typeVersion: 1,
			position: [0, 0],
			parameters,
			...(credentials && { credentials }),
		} as unknown as INode;
		const items: Record<string, unknown>[] = [];
		const errors: Error[] = [];
		const workflow = this.#workflow([node], {});
		const context = new this.engine.core.TriggerContext(
			workflow,
			workflow.getNode('Trigger')!,
			this.#additionalData(),
			mode,
			'activate',
			(data) => void items.push(...data.flat().map(({ json }) => json)),
			(error) => void errors.push(error),
			(error) => void errors.push(error),
		);
		const response = await this.#nodeTypes.getByNameAndVersion(type, 1).trigger!.call(context);
		return { items, errors, response };
	}

	async #run(nodes: INode[], connections: Record<string, unknown>, body: unknown): Promise<FinishedRun> {
		const { core } = this.engine;
		const id = String(++this.#executions);
		const workflow = this.#workflow(nodes, connections);
		const stored = { id: workflow.id, name: 'Test', nodes, connections, active: false } as unknown as IWorkflowBase;
		const additionalData = {
			...this.#additionalData(),
			executionId: id,
			hooks: new core.ExecutionLifecycleHooks('webhook', id, stored),
		};
		const data = { main: [[{ json: { body } }]] } as never;
		const run = await new core.WorkflowExecute(additionalData, 'webhook').run({
			workflow,
			startNode: workflow.getNode('Webhook')!,
			triggerToStartFrom: { name: 'Webhook', data: { data } },
		});
		const { status, finished, data: result } = run;
		return finishedRun(asStored({ id, workflowId: workflow.id, status, finished, data: result }) as Execution);
	}

	#workflow(nodes: INode[], connections: Record<string, unknown>) {
		return new this.engine.workflow.Workflow({
			id: randomUUID(),
			nodes,
			connections: connections as never,
			active: false,
			nodeTypes: this.#nodeTypes,
			settings: { executionOrder: 'v1' },
		});
	}

	#additionalData(): IWorkflowExecuteAdditionalData {
		return {
			currentNodeExecutionIndex: 0,
			credentialsHelper: this.#credentials,
			...Object.fromEntries(URLS.map((name) => [name, 'http://127.0.0.1:5678/'])),
			variables: {},
			setExecutionStatus: () => {},
		} as unknown as IWorkflowExecuteAdditionalData;
	}
}

function nodeTypes({ ours, builtInNode, workflow }: N8nEngine): INodeTypes {
	const start = {
		description: { name: START, group: ['trigger'], version: 1, inputs: [], outputs: ['main'], properties: [] },
		async execute(this: { getInputData(): unknown }) {
			return [this.getInputData()];
		},
	};
	const byType = (type: string) => {
		const own = type.startsWith(`${ours.packageName}.`) && ours.nodeTypes[type.slice(ours.packageName.length + 1)];
		if (own) return own.type;
		return type === START ? (start as never) : builtInNode(type);
	};
	return {
		getByName: byType,
		getByNameAndVersion: (type, version) => workflow.NodeHelpers.getVersionedNodeType(byType(type), version),
		getKnownTypes: () => ({}),
	};
}

/** As n8n stores it, and its API answers it. */
function asStored(value: unknown): unknown {
	return JSON.parse(JSON.stringify(value));
}
