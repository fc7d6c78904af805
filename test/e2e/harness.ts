import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { inject } from 'vitest';
import {
	chain,
	type FinishedRun,
	finishedRun,
	type NodeHost,
	type NodeUnderTest,
	type Runnable,
} from '../nodes/workflow';
import { N8nClient, type WebhookAnswer } from '../services/n8n-client';
import type { Started } from '../services/n8n-offer';

/** A started n8n, in which workflows with a node under test can be published. */
export class N8nUnderTest extends N8nClient implements NodeHost<WorkflowUnderTest> {
	async workflow(node: NodeUnderTest, before: NodeUnderTest[] = []): Promise<WorkflowUnderTest> {
		return await WorkflowUnderTest.create(this, node, before);
	}
}

/** The n8n that all tests of a project share, with our package in it, once it has started. */
export async function sharedN8n(): Promise<N8nUnderTest> {
	const { connection, error } = (await json(connect(inject('n8n')))) as Started;
	if (!connection) throw new Error(error);
	return new N8nUnderTest(connection);
}

/** A published workflow: a webhook, then the node under test (called `Node`), whose items the webhook answers. */
export class WorkflowUnderTest implements Runnable {
	private constructor(
		private readonly n8n: N8nClient,
		readonly id: string,
		private readonly path: string,
	) {}

	/** @param before Nodes to run, one after another, before the one under test. */
	static async create(n8n: N8nClient, node: NodeUnderTest, before: NodeUnderTest[] = []): Promise<WorkflowUnderTest> {
		const path = randomBytes(8).toString('hex');
		const webhook = {
			name: 'Webhook',
			type: 'n8n-nodes-base.webhook',
			typeVersion: 2,
			parameters: { httpMethod: 'POST', path, responseMode: 'lastNode', responseData: 'allEntries' },
		};
		const id = await n8n.createWorkflow({ name: `Test ${path}`, ...chain(webhook, node, before) });
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
