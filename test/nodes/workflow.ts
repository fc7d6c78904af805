import type { Execution, Item, N8nConnection, NodeCredentials, WorkflowJson } from '../services/n8n-client';

/** The type prefix of our nodes, as workflows name them: `n8n-nodes-stack-backup.postgresDump`. */
export const PACKAGE = 'n8n-nodes-stack-backup';

export interface NodeUnderTest {
	type: string;
	parameters: Record<string, unknown>;
	credentials?: NodeCredentials;
	typeVersion?: number;
	/** Which of its outputs leads to the next node; the first unless told. */
	outputIndex?: number;
	/** Further settings of the node: `onError`, `alwaysOutputData`, ... */
	settings?: Record<string, unknown>;
	/** What its outputs are connected to: a node that does nothing, on or off. Nothing, where it is left out. */
	connected?: Array<'on' | 'off' | undefined>;
}

export interface FinishedRun {
	execution: Execution;
	status: Execution['status'];
	/** The items that the node under test put out, on its first output. */
	items: Item[];
	/** Those on each of its outputs. */
	outputs: Item[][];
	/** What the user sees where the run failed. */
	error?: { message: string; description?: string | null };
	hints: string[];
}

/** A workflow that can be run, with a body that is `$json.body` in the node's expressions. */
export interface Runnable {
	run(body?: unknown): Promise<FinishedRun>;
}

/** Where nodes run: in a started n8n (test/e2e), or on n8n's execution engine in this process. */
export interface NodeHost<W extends Runnable = Runnable> {
	readonly connection: Pick<N8nConnection, 'userFolder' | 'filesFolder'>;
	createCredential(name: string, type: string, data: Record<string, unknown>): Promise<NodeCredentials[string]>;
	/** @param before Nodes to run, one after another, before the one under test. */
	workflow(node: NodeUnderTest, before?: NodeUnderTest[]): Promise<W>;
}

/** A trigger, some nodes and the node under test (called `Node`), one after another. */
export function chain(trigger: WorkflowJson['nodes'][number], node: NodeUnderTest, before: NodeUnderTest[]) {
	const earlier = before.map((one, index) => workflowNode(`Before ${index + 1}`, one));
	const nodes = [trigger, ...earlier, workflowNode('Node', node)];
	const links = nodes.slice(1).map(({ name }, index) => {
		const others = Array.from({ length: before[index - 1]?.outputIndex ?? 0 }, () => []);
		return [nodes[index]!.name, { main: [...others, [{ node: name, type: 'main', index: 0 }]] }];
	});
	const after = (node.connected ?? []).map((state, output) => ({ state, name: `After ${output}` }));
	const ends = after.filter(({ state }) => state !== undefined);
	const leadsTo = after.map(({ state, name }) => (state ? [{ node: name, type: 'main', index: 0 }] : []));
	return {
		nodes: [...nodes, ...ends.map(({ state, name }) => workflowNode(name, nothing(state === 'off')))],
		connections: Object.fromEntries([...links, ['Node', { main: leadsTo }]]) as WorkflowJson['connections'],
	};
}

function nothing(disabled: boolean): NodeUnderTest {
	return { type: 'n8n-nodes-base.noOp', parameters: {}, settings: { disabled } };
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

/** What an execution, as n8n stores it, says of the node under test. */
export function finishedRun(execution: Execution): FinishedRun {
	const { error, runData } = execution.data.resultData;
	const run = runData['Node']?.at(-1);
	return {
		execution,
		status: execution.status,
		items: run?.data?.main[0] ?? [],
		outputs: (run?.data?.main ?? []).map((items) => items ?? []),
		...(error && { error }),
		hints: run?.hints?.map(({ message }) => message) ?? [],
	};
}
