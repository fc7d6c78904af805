import { describe, expect, it } from 'vitest';

import { compareWorkflow } from '../../../../engine/n8n/workflows/compare/compareWorkflow';
import { digestOf } from '../../../../engine/n8n/workflows/compare/digest';
import type { Workflow } from '../../../../engine/n8n/workflows/workflow';

const http = {
	id: 'n2',
	name: 'HTTP',
	type: 'n8n-nodes-base.httpRequest',
	typeVersion: 4,
	position: [200, 0],
	parameters: { url: 'https://a.example.com', options: { timeout: 10, list: [1, 2] } },
	credentials: { httpBasicAuth: { id: 'c1', name: 'basic' } },
};
const start = {
	id: 'n1',
	name: 'Start',
	type: 'n8n-nodes-base.manualTrigger',
	typeVersion: 1,
	position: [0, 0],
	parameters: {},
};
const workflow: Workflow = {
	id: 'w1',
	name: 'Shop',
	active: false,
	nodes: [start, http],
	connections: { Start: { main: [[{ node: 'HTTP', type: 'main', index: 0 }]] } },
	settings: { executionOrder: 'v1', timezone: 'UTC' },
	tags: [{ id: 't1', name: 'prod' }],
	versionId: 'v1',
	updatedAt: '2026-01-01T00:00:00.000Z',
	staticData: { last: 1 },
};

function changed(more: object): ReturnType<typeof compareWorkflow> {
	const after = { ...workflow, ...more };
	const changes = compareWorkflow(workflow, after);
	// Whatever is told makes another digest: otherwise nobody would look.
	if (changes.length > 0) expect(digestOf(after)).not.toBe(digestOf(workflow));
	return changes;
}

describe('two versions of a workflow', () => {
	it('are the same whatever n8n has counted, saved and remembered, and however it writes nothing', () => {
		const same = {
			versionId: 'v2',
			updatedAt: '2027-01-01T00:00:00.000Z',
			staticData: { last: 2 },
			triggerCount: 1,
			meta: { templateId: '1' },
			description: null,
			pinData: {},
			nodeGroups: [],
			tags: [{ id: 'other id', name: 'prod' }],
			settings: { timezone: 'UTC', executionOrder: 'v1' },
			nodes: [{ ...start, credentials: {} }, http],
		};
		expect(changed(same)).toEqual([]);
		expect(digestOf({ ...workflow, settings: same.settings, tags: same.tags, description: null })).toBe(
			digestOf(workflow),
		);
	});

	it('tells a changed parameter by its path', () => {
		const parameters = { url: 'https://b.example.com', options: { list: [1, 3] } };
		expect(changed({ nodes: [start, { ...http, parameters }] })).toEqual([
			{
				what: 'node',
				change: 'changed',
				node: 'HTTP',
				path: 'parameters.url',
				before: 'https://a.example.com',
				after: 'https://b.example.com',
			},
			{
				what: 'node',
				change: 'changed',
				node: 'HTTP',
				path: 'parameters.options.timeout',
				before: 10,
				after: undefined,
			},
			{ what: 'node', change: 'changed', node: 'HTTP', path: 'parameters.options.list[1]', before: 2, after: 3 },
		]);
	});

	it('tells a renamed node as renamed, and its connections as what they are', () => {
		const connections = { Start: { main: [[{ node: 'Request', type: 'main', index: 0 }]] } };
		expect(changed({ nodes: [start, { ...http, name: 'Request' }], connections })).toEqual([
			{ what: 'node', change: 'renamed', node: 'Request', path: 'name', before: 'HTTP', after: 'Request' },
		]);
	});

	it('tells nodes that were only moved apart from substance', () => {
		expect(changed({ nodes: [{ ...start, position: [5, 5] }, http] })).toEqual([
			{ what: 'node', change: 'moved', node: 'Start', path: 'position' },
		]);
	});

	it('tells nodes and connections that came and went', () => {
		const done = { ...start, id: 'n3', name: 'Done' };
		const connections = { Start: { main: [[{ node: 'Done', type: 'main', index: 0 }]] } };
		expect(changed({ nodes: [start, done], connections })).toEqual([
			{ what: 'node', change: 'removed', node: 'HTTP' },
			{ what: 'node', change: 'added', node: 'Done' },
			{ what: 'connection', change: 'removed', node: 'Start → HTTP' },
			{ what: 'connection', change: 'added', node: 'Start → Done' },
		]);
	});

	it('finds a node again by its name where it has another id', () => {
		expect(
			changed({
				nodes: [
					{ ...start, id: 'x1' },
					{ ...http, id: 'x2' },
				],
			}),
		).toEqual([]);
	});

	it('tells another output and another input as another connection', () => {
		const connections = { Start: { main: [null, [{ node: 'HTTP', type: 'main', index: 1 }]] } };
		expect(changed({ connections }).map(({ change, node }) => [change, node])).toEqual([
			['removed', 'Start → HTTP'],
			['added', 'Start → HTTP'],
		]);
	});

	it('tells name, settings, tags and state', () => {
		const after = {
			name: 'Shop 2',
			active: true,
			settings: { executionOrder: 'v1', timezone: 'Europe/Berlin' },
			tags: [],
		};
		expect(changed(after).map(({ what, change, path }) => [what, change, path])).toEqual([
			['workflow', 'renamed', 'name'],
			['workflow', 'changed', 'active'],
			['workflow', 'changed', 'tags'],
			['setting', 'changed', 'settings.timezone'],
		]);
	});

	it('does not take members of every object for those of a workflow', () => {
		const parameters = JSON.parse(
			'{"url":"https://a.example.com","options":{"timeout":10,"list":[1,2]},"__proto__":{"a":1}}',
		) as object;
		expect(changed({ nodes: [start, { ...http, parameters }] }).map(({ path }) => path)).toEqual([
			'parameters.__proto__',
		]);
	});
});

it('says how many differences there are besides those that it tells', () => {
	const list = (length: number) => ({ ...http, parameters: { list: Array.from({ length }, (_, index) => index) } });
	const before = { ...workflow, nodes: [list(0)] };
	const changes = compareWorkflow(before, { ...workflow, nodes: [list(250)] });
	expect(changes).toHaveLength(201);
	expect(changes.at(-1)).toEqual({ what: 'node', change: 'changed', node: 'HTTP', path: 'and 50 more' });
});
