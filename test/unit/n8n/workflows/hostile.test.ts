import { Readable } from 'node:stream';

import { describe, expect, it } from 'vitest';

import { stateOfFile } from '../../../../engine/n8n/workflows/beside/state';
import { compareBeside } from '../../../../engine/n8n/workflows/compare/compareBeside';
import { compareWorkflow } from '../../../../engine/n8n/workflows/compare/compareWorkflow';
import { importBody } from '../../../../engine/n8n/workflows/import/body';
import { withTables } from '../../../../engine/n8n/workflows/import/tableReferences';
import { readWorkflows } from '../../../../engine/n8n/workflows/read';
import { WorkflowJudge } from '../../../../engine/n8n/workflows/verify/problems';
import { asWorkflow, type Workflow } from '../../../../engine/n8n/workflows/workflow';
import { tarEnd, tarHeader, tarPadding } from '../../../../engine/tar';

type Files = [name: string, content: string][];

function tar(files: Files) {
	const members = files.flatMap(([name, content]) => {
		const { length } = Buffer.from(content);
		return [tarHeader(name, length, new Date(0)), Buffer.from(content), tarPadding(length)];
	});
	return { name: 'forged.tar', open: () => Readable.from([Buffer.concat([...members, tarEnd()])]) };
}

const ROWS = 'beside/data-tables/t1/rows-000001.jsonl';
const TABLE = 'beside/data-tables/t1/table.json';
const described = (rows: number) =>
	JSON.stringify({ id: 't1', name: 'A', columns: [{ name: 'a', type: 'string' }], rows });

describe('a forged file beside workflows', () => {
	it.each<[string, Files]>([
		['a table with fewer rows than it says', [[TABLE, described(1)]]],
		[
			'a table that is there twice',
			[
				[ROWS, '{"id":1}\n'],
				[TABLE, described(1)],
				[ROWS, '{"id":2}\n'],
				[TABLE, described(1)],
			],
		],
		[
			'rows that are no objects',
			[
				[ROWS, '[1]\n'],
				[TABLE, described(1)],
			],
		],
		[
			'rows that are no JSON',
			[
				[ROWS, '{"secret": \n'],
				[TABLE, described(1)],
			],
		],
		['a table without columns', [[TABLE, '{"id":"t1","name":"A","rows":0}']]],
		['a table of minus one rows', [[TABLE, described(-1)]]],
		['a list that is none', [['beside/tags.json', '{"a":1}']]],
		['a list of texts', [['beside/variables.json', '["a"]']]],
	])('is refused: %s', async (_what, files) => {
		const failed: unknown = await stateOfFile(tar(files), undefined).catch((error: unknown) => error);
		expect(failed).toMatchObject({ code: 'ARCHIVE_CORRUPT' });
		expect(String(failed)).not.toContain('secret');
	});

	it('is passed over where it lies elsewhere, and rows without a table are none', async () => {
		const files: Files = [
			['beside/data-tables/t1/rows-1.sql', 'x'],
			['beside/data-tables/t1/deeper/table.json', described(0)],
			['beside/new/thing.json', '[]'],
			[ROWS, '{"id":1,"a":"b"}\n'],
		];
		const state = await stateOfFile(tar(files), undefined);
		expect([...state]).toEqual([]);
	});

	it('is compared in time, whatever names it has', async () => {
		const tags = JSON.stringify(Array.from({ length: 50_000 }, (_, index) => ({ id: `${index}`, name: '__proto__' })));
		const state = await stateOfFile(tar([['beside/tags.json', tags]]), undefined);
		expect(compareBeside(state, state, 'name')).toEqual([]);
	});
});

describe('a forged workflow', () => {
	const parsed = (json: string) => asWorkflow(JSON.parse(json))!;
	const odd = parsed(
		'{"id":"__proto__","name":"a","nodes":[{"name":"__proto__","type":"t","parameters":{"__proto__":{"x":1}},"__proto__":{"polluted":1},"credentials":{"__proto__":{"id":"1"},"api":{"id":"1","name":"n","data":{"password":"secret"}}}}],"connections":{"__proto__":{"main":[[{"node":"__proto__"}]]}},"settings":{"__proto__":{"y":1}}}',
	);

	it('changes no object but itself by the names of its members', () => {
		const { body, dropped } = importBody(odd, true);
		new WorkflowJudge().judge(odd, true);
		compareWorkflow(odd, { ...odd, nodes: [] });
		withTables(odd, (id) => id);
		expect(({} as { polluted?: unknown; x?: unknown; y?: unknown }).polluted).toBeUndefined();
		expect(Object.getPrototypeOf(body)).toBe(Object.prototype);
		expect(dropped).toEqual(expect.arrayContaining(['nodes.__proto__', 'settings.__proto__']));
	});

	it('is read and judged in time with 100,000 nodes, and each change of them is found', async () => {
		const nodes = Array.from({ length: 100_000 }, (_, index) => ({
			name: `n${index}`,
			type: 't',
			parameters: { index },
		}));
		const large = { id: 'a', name: 'Large', nodes, connections: {} };
		let read: Workflow | undefined;
		const file = { name: 'large.json', open: () => Readable.from([Buffer.from(JSON.stringify([large]))]) };
		await readWorkflows(file, (workflow) => void (read = workflow));
		expect(new WorkflowJudge().judge(read!, true)).toEqual([]);
		const after = { ...large, nodes: nodes.map((one) => ({ ...one, parameters: { index: -1 } })) };
		expect(compareWorkflow(read!, after)).toHaveLength(100_000);
	});
});
