import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

/** A workflow as n8n exports it. */
export interface WorkflowJson {
	name: string;
	nodes: Array<Record<string, unknown> & { name: string; type: string }>;
	connections: Record<string, unknown>;
	settings?: Record<string, unknown>;
	[key: string]: unknown;
}

export interface Item {
	json: Record<string, unknown>;
	binary?: Record<string, Record<string, unknown>>;
	pairedItem?: { item: number };
}

export interface Execution {
	id: string;
	workflowId: string;
	status: 'new' | 'running' | 'waiting' | 'success' | 'error' | 'canceled' | 'crashed';
	finished: boolean;
	data: {
		resultData: {
			error?: { message: string; description?: string | null; [key: string]: unknown };
			lastNodeExecuted?: string;
			/** Runs of each node, by the node's name. */
			runData: Record<string, NodeRun[]>;
		};
	};
}

export interface NodeRun {
	executionStatus: string;
	executionTime: number;
	error?: { message: string; description?: string | null; [key: string]: unknown };
	hints?: Array<{ message: string }>;
	/** Items, by output. */
	data?: { main: Array<Item[] | null> };
}

/** Where an n8n keeps its data. */
export interface N8nDatabase {
	host: string;
	port: number;
	user: string;
	password: string;
	database: string;
}

export interface WebhookOptions {
	method?: string;
	headers?: Record<string, string>;
	signal?: AbortSignal;
}

export interface WebhookAnswer {
	status: number;
	headers: Headers;
	/** Parsed where it is JSON, otherwise the text. */
	body: unknown;
}

export interface DropDownRequest {
	/** The full type: `n8n-nodes-stack-backup.postgresDump`. */
	nodeType: string;
	/** The name of the method under `methods.loadOptions` or `methods.listSearch`. */
	methodName: string;
	/** The parameter that asks, as n8n calls it: `parameters.backup`. */
	path?: string;
	parameters?: Record<string, unknown>;
	credentials?: NodeCredentials;
	version?: number;
}

/** What is asked of a resource locator's list. */
export interface ListRequest extends DropDownRequest {
	/** What was typed into its search box. */
	filter?: string;
	/** For the next page: what the one before it came with. */
	paginationToken?: string;
}

export type NodeCredentials = Record<string, { id: string; name: string }>;

/** What is needed to talk to a running n8n as its owner; plain data, so that it can cross processes. */
export interface N8nConnection {
	url: string;
	/** The owner's login, for a person. */
	email: string;
	password: string;
	cookie: string;
	apiKey: string;
	/** n8n's user folder; its `.n8n` lies in it. */
	userFolder: string;
	/** The only folder that nodes may read and write, unless told otherwise. */
	filesFolder: string;
	/** What it keeps its own data in; undefined for SQLite. */
	database: N8nDatabase | undefined;
}

interface PublicationStatus {
	status: 'not_published' | 'in_progress' | 'published' | 'partial' | 'failed';
	triggers: Array<{ errorMessage: string | null }>;
}

interface ApiError {
	message?: string;
}

/** Drives a running n8n over HTTP, as the editor does. Every method throws with n8n's own message where it refuses. */
export class N8nClient {
	constructor(readonly connection: N8nConnection) {}

	get url(): string {
		return this.connection.url;
	}

	/** A request to the editor's own API; answers the `data` in the body. */
	async rest<T>(method: string, path: string, body?: unknown): Promise<T> {
		const answer = await this.#request<{ data: T }>(method, `/rest${path}`, { cookie: this.connection.cookie }, body);
		return answer.data;
	}

	/** A request to the public API (`/api/v1`). */
	async publicApi<T>(method: string, path: string, body?: unknown): Promise<T> {
		return await this.#request<T>(method, `/api/v1${path}`, { 'x-n8n-api-key': this.connection.apiKey }, body);
	}

	/** Stores a credential; answers what a node's `credentials` needs to name it. */
	async createCredential(
		name: string,
		type: string,
		data: Record<string, unknown>,
	): Promise<{ id: string; name: string }> {
		const { id } = await this.rest<{ id: string }>('POST', '/credentials', { name, type, data });
		return { id, name };
	}

	/** What the editor's test of a credential says. */
	async testCredential(
		name: string,
		type: string,
		data: Record<string, unknown>,
	): Promise<{ status: 'OK' | 'Error'; message: string }> {
		const { id } = await this.createCredential(name, type, data);
		return await this.rest('POST', '/credentials/test', { credentials: { id, name, type, data } });
	}

	/** Imports a workflow's JSON; answers its id. Webhook nodes get the id that n8n's editor would give them. */
	async createWorkflow(workflow: WorkflowJson): Promise<string> {
		const nodes = workflow.nodes.map((node, index) => ({
			typeVersion: 1,
			position: [index * 200, 0],
			parameters: {},
			id: randomUUID(),
			...(node.type === 'n8n-nodes-base.webhook' && { webhookId: randomUUID() }),
			...node,
		}));
		const created = await this.rest<{ id: string }>('POST', '/workflows', { settings: {}, ...workflow, nodes });
		return created.id;
	}

	/** Publishes a workflow and waits until n8n has registered its webhooks and schedules, which it does in the background. */
	async activate(workflowId: string): Promise<void> {
		const { versionId } = await this.rest<{ versionId: string }>('GET', `/workflows/${workflowId}`);
		await this.rest('POST', `/workflows/${workflowId}/activate`, { versionId });
		for (;;) {
			const { status, triggers } = await this.rest<PublicationStatus>(
				'GET',
				`/workflows/${workflowId}/publication-status`,
			);
			if (status === 'published') return;
			if (status === 'failed' || status === 'partial') {
				throw new Error(`n8n could not publish the workflow: ${triggers.map((t) => t.errorMessage).join('; ')}`);
			}
			await sleep(50);
		}
	}

	/** Takes a workflow back: its webhooks and triggers end in the background. */
	async deactivate(workflowId: string): Promise<void> {
		await this.rest('POST', `/workflows/${workflowId}/deactivate`, {});
	}

	/** Calls a published webhook; any status is an answer. */
	async webhook(path: string, body?: unknown, options: WebhookOptions = {}): Promise<WebhookAnswer> {
		const response = await fetch(`${this.url}/webhook/${path}`, {
			method: options.method ?? 'POST',
			headers: {
				connection: 'close',
				...(body !== undefined && { 'content-type': 'application/json' }),
				...options.headers,
			},
			...(body !== undefined && { body: JSON.stringify(body) }),
			...(options.signal && { signal: options.signal }),
		});
		return { status: response.status, headers: response.headers, body: parsed(await response.text()) };
	}

	/** Newest first, without their data. */
	async executions(workflowId?: string): Promise<Array<Pick<Execution, 'id' | 'status' | 'workflowId'>>> {
		const filter = workflowId ? `&filter=${encodeURIComponent(JSON.stringify({ workflowId }))}` : '';
		const { results } = await this.rest<{ results: Execution[] }>('GET', `/executions?limit=100${filter}`);
		return results;
	}

	/** An execution with the data of all its nodes. */
	async execution(id: string): Promise<Execution> {
		return await this.publicApi<Execution>('GET', `/executions/${id}?includeData=true`);
	}

	/** Cancels a running execution, as the editor's Stop button does. */
	async stopExecution(id: string): Promise<void> {
		await this.rest('POST', `/executions/${id}/stop`);
	}

	/** The entries of a drop-down that a node fills by `methods.loadOptions`. */
	async loadOptions(request: DropDownRequest): Promise<Array<{ name: string; value: unknown; description?: string }>> {
		return await this.rest('POST', '/dynamic-node-parameters/options', dropDownBody(request));
	}

	/** The entries of a resource locator's list (`methods.listSearch`). */
	async searchList(
		request: ListRequest,
	): Promise<{ results: Array<{ name: string; value: unknown; url?: string }>; paginationToken?: string }> {
		const { filter, paginationToken } = request;
		return await this.rest('POST', '/dynamic-node-parameters/resource-locator-results', {
			...dropDownBody(request),
			...(filter !== undefined && { filter }),
			...(paginationToken !== undefined && { paginationToken }),
		});
	}

	/** Descriptions of all node types, as the editor loads them. */
	async nodeTypes(): Promise<Array<{ name: string; displayName: string; version: number | number[] }>> {
		return await this.#request('GET', '/types/nodes.json', { cookie: this.connection.cookie });
	}

	/** Descriptions of all credential types. */
	async credentialTypes(): Promise<Array<{ name: string; displayName: string }>> {
		return await this.#request('GET', '/types/credentials.json', { cookie: this.connection.cookie });
	}

	async #request<T>(method: string, path: string, headers: Record<string, string>, body?: unknown): Promise<T> {
		const response = await fetch(`${this.url}${path}`, {
			method,
			// n8n closes connections that were idle for five seconds: none is used again, it might be just then.
			headers: { ...headers, connection: 'close', ...(body !== undefined && { 'content-type': 'application/json' }) },
			...(body !== undefined && { body: JSON.stringify(body) }),
		});
		const answer = parsed(await response.text());
		if (response.ok) return answer as T;
		const message = (answer as ApiError | undefined)?.message ?? JSON.stringify(answer);
		throw new Error(`n8n answered ${method} ${path} with ${response.status}: ${message}`);
	}
}

function parsed(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return text;
	}
}

function dropDownBody(request: DropDownRequest): Record<string, unknown> {
	return {
		path: request.path ?? 'parameters',
		nodeTypeAndVersion: { name: request.nodeType, version: request.version ?? 1 },
		currentNodeParameters: request.parameters ?? {},
		methodName: request.methodName,
		...(request.credentials && { credentials: request.credentials }),
	};
}
