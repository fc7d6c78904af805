import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type IExecuteFunctions, type INode, type INodeTypes, type IWorkflowBase, Workflow } from 'n8n-workflow';
import { expect, it } from 'vitest';

import { isConnected } from '../../../../nodes/shared/connections';

const PASSED = 0;
const FAILED = 1;
const TEMPLATE = join(__dirname, '../../../../workflows/verify-weekly.json');

/** Whether an output of a node of the template leads anywhere, with some of its nodes disabled. */
function connections(...disabled: string[]) {
	const template = JSON.parse(readFileSync(TEMPLATE, 'utf8')) as IWorkflowBase;
	const nodes = template.nodes.map((node): INode => ({ ...node, disabled: disabled.includes(node.name) }));
	const nodeTypes = { getByNameAndVersion: () => undefined } as unknown as INodeTypes;
	const workflow = new Workflow({ ...template, id: '1', active: false, nodes, nodeTypes });
	return (name: string, output: number) => {
		const getNode = () => workflow.getNode(name);
		return isConnected({ workflow, getNode } as unknown as IExecuteFunctions, output);
	};
}

it('counts what leads to a node that runs', () => {
	const leads = connections();
	expect(['Test Restore', 'Verify Content'].map((name) => leads(name, FAILED))).toEqual([true, true]);
	expect(leads('Stop and Error', PASSED)).toBe(false);
});

it('goes on through a disabled node only from its first input, for n8n hands on no other', () => {
	const leads = connections('All Verdicts');
	expect(leads('Test Restore', PASSED)).toBe(true);
	expect(leads('Test Restore', FAILED)).toBe(false);
	expect(leads('Verify Content', FAILED)).toBe(false);
});

it('ends at disabled nodes with nothing behind them', () => {
	const leads = connections('All Verdicts', 'Summary', 'Anything Wrong?', 'Stop and Error');
	expect(leads('Test Restore', PASSED)).toBe(false);
});
