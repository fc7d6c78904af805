import { expect, it } from 'vitest';
import { sharedN8n, WorkflowUnderTest } from './harness';

const n8n = await sharedN8n();

const setNode = {
	type: 'n8n-nodes-base.set',
	typeVersion: 3.4,
	parameters: { mode: 'raw', jsonOutput: '={{ { doubled: $json.body.number * 2 } }}' },
};

it('runs a published workflow by its webhook and reads its items', async () => {
	const workflow = await WorkflowUnderTest.create(n8n, setNode);
	const run = await workflow.run({ number: 21 });
	expect(run.status).toBe('success');
	expect(run.items.map(({ json }) => json)).toEqual([{ doubled: 42 }]);
});

it('reports the error of a run that failed', async () => {
	const workflow = await WorkflowUnderTest.create(n8n, {
		type: 'n8n-nodes-base.stopAndError',
		parameters: { errorMessage: 'no disk' },
	});
	const run = await workflow.run();
	expect(run.status).toBe('error');
	expect(run.error?.message).toBe('no disk');
});

it('stops a running execution', async () => {
	const workflow = await WorkflowUnderTest.create(n8n, {
		type: 'n8n-nodes-base.wait',
		typeVersion: 1.1,
		parameters: { amount: 50, unit: 'seconds' },
	});
	const answer = workflow.start();
	const id = await workflow.running();
	await n8n.stopExecution(id);
	const run = await workflow.finished(id);
	await answer;
	expect(run.status).toBe('canceled');
});

it('tests credentials, and passes on what the server says', async () => {
	const result = await n8n.testCredential('wrong', 'postgres', {
		host: '127.0.0.1',
		port: 1,
		database: 'none',
		user: 'nobody',
		password: 'none',
		ssl: 'disable',
	});
	expect(result.status).toBe('Error');
});

it('keeps our nodes to one folder', async () => {
	const workflow = await WorkflowUnderTest.create(n8n, {
		type: 'n8n-nodes-base.readWriteFile',
		parameters: { operation: 'read', fileSelector: '/etc/hostname' },
	});
	const run = await workflow.run();
	expect(run.status).toBe('error');
	expect(run.error?.message).toMatch(/not allowed/i);
});
