import { expect, it } from 'vitest';

import { N8nApi } from '../../../../engine';
import { exportedForm } from '../../../../engine/n8n/workflows/exported';

// Nothing is asked of it: the workflow has no version.
const api = new N8nApi({ baseUrl: 'http://127.0.0.1:9/api/v1', apiKey: 'key' }, 'source');

it('leaves out nothing that a newer n8n tells of a workflow, and changes the order of what is known alone', async () => {
	const told = { nodes: [], newMember: { a: 1 }, connections: {}, name: 'Shop', activeVersion: null, id: 'a1' };
	const form = await exportedForm(api, told, undefined);
	expect(form).toEqual({
		id: 'a1',
		name: 'Shop',
		nodes: [],
		connections: {},
		newMember: { a: 1 },
		versionMetadata: null,
	});
	expect(Object.keys(form)).toEqual(['id', 'name', 'nodes', 'connections', 'newMember', 'versionMetadata']);
});
