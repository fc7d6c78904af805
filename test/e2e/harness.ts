import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inject } from 'vitest';
import {
	N8nClient,
	type Execution,
	type Item,
	type NodeCredentials,
	type WebhookAnswer,
	type WorkflowJson,
} from '../services/n8n-client';

/** The type prefix of our nodes, as workflows name them: `n8n-nodes-stack-backup.postgresDump`. */
export const PACKAGE = 'n8n-nodes-stack-backup';

/** The n8n that all e2e tests share, with our package in it. */
export function sharedN8n(): N8nClient {
	return new N8nClient(inject('n8n'));
}

/** A fresh folder in which nodes of the shared n8n may read and write. */
export function freshFilesFolder(n8n: N8nClient): string {
	const folder = join(n8n.connection.filesFolder, randomBytes(6).toString('hex'));
	mkdirSync(folder);
	return folder;
}

export interface NodeUnderTest {
	type: string;
	parameters: Record<string, unknown>;
	credentials?: NodeCredentials;
	typeVersion?: number;
	/** Further settings of the node: `onError`, `alwaysOutputData`, ... */
	settings?: Record<string, unknown>;
}

/** A published workflow: a webhook, then the node under test (called `Node`), whose items the webhook answers. */
export class WorkflowUnderTest {
	private constructor(
		private readonly n8n: N8nClient,
		readonly id: string,
		private readonly path: string,
	) {}

	/** @param before Nodes to run, one after another, before the one under test. */
	static async create(n8n: N8nClient, node: NodeUnderTest, before: NodeUnderTest[] = []): Promise<WorkflowUnderTest> {
		const path = randomBytes(8).toString('hex');
		const id = await n8n.createWorkflow(webhookWorkflow(path, node, before));
		await n8n.activate(id);
		return new WorkflowUnderTest(n8n, id, path);
	}

	/** Starts a run; the answer comes when it has ended. The body is `$json.body` in the node's expressions. */
	start(body: unknown = {}): Promise<WebhookAnswer> {
		return this.n8n.webhook(this.path, body);
	}

	/** Runs it to the end and answers the execution with its data, whether it succeeded or not. */
	async run(body: unknown = {}): Promise<FinishedRun> {
		const known = new Set((await this.n8n.executions(this.id)).map(({ id }) => id));
		await this.start(body);
		const [started] = (await this.n8n.executions(this.id)).filter(({ id }) => !known.has(id));
		if (!started) throw new Error('The webhook answered, but n8n knows of no execution.');
		return await this.finished(started.id);
	}

	/** The id of the newest run, as soon as one is running. */
	async running(): Promise<string> {
		for (;;) {
			const found = (await this.n8n.executions(this.id)).find(({ status }) => status === 'running');
			if (found) return found.id;
			await sleep(100);
		}
	}

	/** Waits until a run has ended and its data is stored. */
	async finished(executionId: string): Promise<FinishedRun> {
		for (;;) {
			const execution = await this.n8n.execution(executionId);
			if (!['new', 'running', 'waiting'].includes(execution.status)) return finishedRun(execution);
			await sleep(100);
		}
	}
}

export interface FinishedRun {
	execution: Execution;
	status: Execution['status'];
	/** The items that the node under test put out. */
	items: Item[];
	/** What the user sees where the run failed. */
	error?: { message: string; description?: string | null };
	hints: string[];
}

function finishedRun(execution: Execution): FinishedRun {
	const { error, runData } = execution.data.resultData;
	const run = runData['Node']?.at(-1);
	return {
		execution,
		status: execution.status,
		items: run?.data?.main[0] ?? [],
		...(error && { error }),
		hints: run?.hints?.map(({ message }) => message) ?? [],
	};
}

function webhookWorkflow(path: string, node: NodeUnderTest, before: NodeUnderTest[]): WorkflowJson {
	const webhook = {
		name: 'Webhook',
		type: 'n8n-nodes-base.webhook',
		typeVersion: 2,
		parameters: { httpMethod: 'POST', path, responseMode: 'lastNode', responseData: 'allEntries' },
	};
	const earlier = before.map((one, index) => workflowNode(`Before ${index + 1}`, one));
	const nodes = [webhook, ...earlier, workflowNode('Node', node)];
	const links = nodes
		.slice(1)
		.map(({ name }, index) => [nodes[index]!.name, { main: [[{ node: name, type: 'main', index: 0 }]] }]);
	return { name: `Test ${path}`, nodes, connections: Object.fromEntries(links) as Record<string, unknown> };
}

function workflowNode(name: string, node: NodeUnderTest) {
	return {
		name,
		type: node.type,
		typeVersion: node.typeVersion ?? 1,
		parameters: node.parameters,
		...(node.credentials && { credentials: node.credentials }),
		...node.settings,
	};
}
