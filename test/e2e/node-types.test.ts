import type { INodeTypeDescription } from 'n8n-workflow';
import { expect, it } from 'vitest';
import { PACKAGE } from '../nodes/workflow';
import { sharedN8n } from './harness';

const n8n = await sharedN8n();

it('n8n adds no calls of its own to the operations of our nodes', async () => {
	const types = (await n8n.nodeTypes()) as unknown as INodeTypeDescription[];
	const operationsOf = (isWanted: (name: string) => boolean) =>
		types
			.filter(({ name }) => isWanted(name))
			.flatMap(({ properties }) => properties.filter(({ name }) => name === 'operation'))
			.flatMap(({ options = [] }) => options.map(({ name }) => name));
	const ours = operationsOf((name) => name.startsWith(`${PACKAGE}.`));
	expect(ours).toContain('Delete Server Snapshots');
	expect(ours).not.toContain('Custom API Call');
	// It does so elsewhere: by this name.
	expect(operationsOf((name) => !name.startsWith(PACKAGE))).toContain('Custom API Call');
});
