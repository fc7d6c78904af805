import { expect, it } from 'vitest';

import { type Asked, fakeN8n, fakeWorkflow } from '../fake';

/** An n8n before 2.x, which knows no drafts and takes no other parameters than those that it knows. */
function old(active: boolean) {
	const standing = fakeWorkflow('a', { active });
	return ({ method, query }: Asked) => {
		if (!query.has('publishIfActive')) return { json: standing };
		return { status: 400, json: { message: `Unknown query parameter 'publishIfActive'`, method } };
	};
}

it('updates a workflow that is not active without saying that it must not go live', async () => {
	const n8n = await fakeN8n(old(false));
	const api = n8n.api('target');
	for (let run = 0; run < 2; run++)
		expect(await api.updateWorkflow('a', { name: 'A' }, false)).toMatchObject({ id: 'a' });
	const update = ['GET /workflows/a', 'PUT /workflows/a'];
	expect(n8n.requests).toEqual(['PUT /workflows/a', ...update, ...update]);
});

it('does not let an active workflow go live unasked', async () => {
	const n8n = await fakeN8n(old(true));
	await expect(n8n.api('target').updateWorkflow('a', { name: 'A' }, false)).rejects.toMatchObject({
		code: 'TARGET_FAILED',
		message: expect.stringContaining('knows no drafts'),
	});
	expect(n8n.requests).toEqual(['PUT /workflows/a', 'GET /workflows/a']);
	expect(await n8n.api('target').updateWorkflow('a', { name: 'A' }, true)).toMatchObject({ id: 'a' });
});
