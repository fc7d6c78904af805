import type { IExecuteFunctions, Workflow } from 'n8n-workflow';

/**
 * What n8n's own contexts have (`NodeExecutionContext` of n8n-core) and n8n-workflow's types do not tell of. It is the whole
 * workflow in every mode: in production and by hand, also where single steps are run, and in n8n's workers.
 */
interface InWorkflow {
	workflow?: Pick<Workflow, 'connectionsBySourceNode' | 'nodes'>;
}

const FIRST = 0;

/**
 * Whether what this node puts out there gets anywhere: to a node that is not disabled, maybe through disabled ones, which
 * hand on to their first output what comes to their first input, and nothing else. Where n8n does not tell, it counts as
 * if nothing were connected.
 */
export function isConnected(context: IExecuteFunctions, output: number): boolean {
	const { workflow } = context as unknown as InWorkflow;
	if (!workflow) return false;
	const passed = new Set<string>();
	const leadsOn = (name: string, from: number): boolean => {
		const next = workflow.connectionsBySourceNode[name]?.['main']?.[from] ?? [];
		return next.some(({ node, index }) => {
			if (!workflow.nodes[node]?.disabled) return workflow.nodes[node] !== undefined;
			if (index !== FIRST || passed.has(node)) return false;
			passed.add(node);
			return leadsOn(node, FIRST);
		});
	};
	return leadsOn(context.getNode().name, output);
}
