import { expect, it } from 'vitest';

import { WorkflowJudge } from '../../../../../engine/n8n/workflows/verify/problems';
import type { Workflow } from '../../../../../engine/n8n/workflows/workflow';

const start = { id: 'n1', name: 'Start', type: 'n8n-nodes-base.manualTrigger' };
const done = { id: 'n2', name: 'Done', type: 'n8n-nodes-base.noOp' };
const to = (node: string) => ({ Start: { main: [[{ node, type: 'main', index: 0 }]] } });
const whole: Workflow = { id: 'a', name: 'A', nodes: [start, done], connections: to('Done') };

function told(...workflows: object[]): string[] {
	const judge = new WorkflowJudge();
	return workflows
		.flatMap((workflow) => judge.judge(workflow as Workflow, true))
		.map(({ severity, message }) => `${severity}: ${message}`);
}

it.each<[object, RegExp[]]>([
	[whole, []],
	[{ ...whole, id: 12 }, []],
	[{ ...whole, id: undefined }, [/^error: It has no id/]],
	[{ ...whole, nodes: [], connections: {} }, [/^warning: It has no nodes/]],
	[{ ...whole, nodes: [start, { ...done, type: '' }] }, [/^error: .*no type/]],
	[{ ...whole, nodes: [start, done, { type: 't' }] }, [/^error: .*no name/]],
	[{ ...whole, nodes: [start, done, done] }, [/^warning: Two of its nodes/]],
	[{ ...whole, connections: to('Gone') }, [/^warning: One of its connections/]],
	[{ ...whole, connections: { Gone: { main: [[{ node: 'Done', type: 'main', index: 0 }]] } } }, [/^warning: .*conn/]],
	[{ ...whole, connections: { Start: { main: [null, 'x', [null]] }, Other: 1 } }, []],
])('judges workflow %#', (workflow, messages) => {
	expect(told(workflow)).toEqual(messages.map((message) => expect.stringMatching(message)));
});

it('tells of two workflows with one id', () => {
	expect(told(whole, { ...whole, name: 'B' })).toEqual([expect.stringMatching(/^error: .*same id/)]);
});
