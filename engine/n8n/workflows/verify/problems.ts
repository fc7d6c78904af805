import { connectionsOf } from '../connections';
import { idOf, textIn, type Workflow } from '../workflow';

/** What is wrong with a workflow. An `error` is damage; a `warning` is something that n8n itself can have stored. */
export interface Problem {
	severity: 'error' | 'warning';
	/** A sentence that quotes nothing of the workflow. */
	message: string;
}

/** Judges workflows one after the other: each by itself, and their ids among each other. */
export class WorkflowJudge {
	readonly #ids = new Set<string>();
	readonly counts = { workflows: 0, nodes: 0 };

	/** @param needsId Whether it comes from an export of all workflows, which have ids. */
	judge(workflow: Workflow, needsId: boolean): Problem[] {
		const { counts } = this;
		counts.workflows++;
		counts.nodes += workflow.nodes.length;
		return [...this.#idProblems(workflow, needsId), ...nodeProblems(workflow), ...connectionProblems(workflow)];
	}

	#idProblems(workflow: Workflow, needsId: boolean): Problem[] {
		const id = idOf(workflow);
		if (id === undefined) return needsId ? [{ severity: 'error', message: 'It has no id.' }] : [];
		if (this.#ids.has(id)) return [{ severity: 'error', message: 'Another workflow before it has the same id.' }];
		this.#ids.add(id);
		return [];
	}
}

function nodeProblems({ nodes }: Workflow): Problem[] {
	if (nodes.length === 0) return [{ severity: 'warning', message: 'It has no nodes.' }];
	const names = new Set<string>();
	const problems = new Map<string, Problem['severity']>();
	for (const node of nodes) {
		const name = textIn(node, 'name');
		if (textIn(node, 'type') === '') problems.set('One of its nodes has no type.', 'error');
		if (name === '') problems.set('One of its nodes has no name.', 'error');
		else if (names.has(name)) problems.set('Two of its nodes have one name.', 'warning');
		names.add(name);
	}
	return Array.from(problems, ([message, severity]) => ({ severity, message }));
}

/** n8n takes and keeps connections with nodes that are gone, and runs the rest of the workflow. */
function connectionProblems(workflow: Workflow): Problem[] {
	const names = new Set(workflow.nodes.map((node) => textIn(node, 'name')));
	for (const { from, to } of connectionsOf(workflow)) {
		if (names.has(from) && names.has(to)) continue;
		return [{ severity: 'warning', message: 'One of its connections leads to or from a node that it does not have.' }];
	}
	return [];
}
