import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { beforeAll, expect, it } from 'vitest';

import { backup, NodeRunner } from '../nodes/node-runner';
import { PACKAGE } from '../nodes/workflow';
import { sharedN8n, type WorkflowUnderTest } from './harness';
import { scheduled } from './n8n/stage';
import { publishNow, template, withCredentials } from './templates';

const n8n = await sharedN8n();
const NODE_TYPE = `${PACKAGE}.n8nExport`;
/** No other test has such workflows. */
const OWN = { selection: { names: 'Export test *' } };
let node: NodeRunner<WorkflowUnderTest>;
let folder: string;
let id: string;

beforeAll(async () => {
	const { url, apiKey } = n8n.connection;
	const n8nApi = await n8n.createCredential('this n8n', 'n8nApi', { baseUrl: `${url}/api/v1`, apiKey });
	({ folder, node } = await NodeRunner.withFolder(n8n, NODE_TYPE, { n8nApi }));
	for (const name of ['Export test 1', 'Export test 2']) {
		({ id } = await n8n.publicApi<{ id: string }>('POST', '/workflows', scheduled(name)));
	}
});

it('exports workflows, lists the backup, and tells by a hint that nothing was changed since', async () => {
	const [made] = await node.ok('exportWorkflows', { form: 'list', backupName: 'own', ...OWN });
	expect(made).toMatchObject({
		name: 'own',
		file: expect.stringMatching(/^own_\d{8}_\d{6}\.json$/),
		kind: 'n8n-workflows',
		...{ workflows: 2, nodes: 6, active: 0, form: 'list', selection: ['name=Export test *'] },
		instance: n8n.url,
	});
	const [listed] = await node.ok('listBackups', { nameFilter: 'own' });
	expect(listed).toMatchObject({ id: made!['id'], archiveState: 'complete' });
	const run = await node.run('compareWorkflows', { ...backup('latest', 'own'), ...OWN });
	expect(run.items).toEqual([]);
	expect(run.hints).toEqual([
		expect.stringContaining('holds only a part (name=Export test *)'),
		'Nothing differs: 2 workflows are the same.',
	]);
	expect(JSON.stringify(run.execution)).not.toContain(n8n.connection.apiKey);
});

it('tells each change, puts the old state back, and keeps what stood there', async () => {
	await n8n.publicApi('PUT', `/workflows/${id}`, { ...scheduled('Export test 2', 'https://other.example.com') });
	const named = { ...backup('latest', 'own'), ...OWN };
	const changes = await node.ok('compareWorkflows', { ...named, options: { includeValues: true } });
	expect(changes).toEqual([
		expect.objectContaining({
			workflow: 'Export test 2',
			...{ what: 'node', change: 'changed', node: 'Request', path: 'parameters.url' },
			...{ before: 'https://example.com', after: 'https://other.example.com', workflowId: id },
		}),
	]);
	const planned = await node.ok('importWorkflows', { ...named, mode: 'updateById' });
	expect(planned.map(({ action, dryRun }) => [action, dryRun]).sort()).toEqual([
		['unchanged', true],
		['update', true],
	]);
	expect(await node.ok('compareWorkflows', named)).toHaveLength(1);
	const done = await node.ok('importWorkflows', { ...named, mode: 'updateById', dryRun: false });
	const [updated] = done.filter(({ action }) => action === 'update');
	expect(updated).toMatchObject({
		workflow: 'Export test 2',
		dryRun: false,
		overwrittenIn: expect.stringMatching(/^workflows-before-import_/),
	});
	expect(await node.ok('compareWorkflows', named)).toEqual([]);
	const later = { __rl: true, mode: 'latest', value: 'workflows-before-import' };
	const between = await node.ok('compareWorkflows', { ...named, compareWith: 'backup', laterBackup: later });
	expect(between.map(({ change, workflow }) => [workflow, change])).toEqual([
		['Export test 2', 'changed'],
		['Export test 1', 'removed'],
	]);
});

it('imports a file that somebody put into the storage, and says by name what n8n refuses', async () => {
	const good = scheduled('Export test from a file');
	const bad = { ...good, name: 'Export test refused', nodes: [{ ...good.nodes[0], position: ['left', 'right'] }] };
	writeFileSync(join(folder, 'own.json'), JSON.stringify([bad, good]));
	const named = { source: 'workflowFile', workflowFile: { __rl: true, mode: 'path', value: 'own.json' } };
	const message = await node.fails('importWorkflows', { ...named, dryRun: false });
	expect(message).toMatch(/^1 of 2 workflows were not imported: Export test refused \(.*position.*The others were/);
	const again = await node.ok('importWorkflows', { ...named, selection: { names: '*a file' } });
	expect(again).toMatchObject([{ workflow: 'Export test from a file', action: 'unchanged' }]);
});

it('exports everything by the nightly template', async () => {
	const nightly = withCredentials(template('n8n-nightly-workflow-export.json'), { [NODE_TYPE]: node.credentials });
	await publishNow(n8n, nightly, 'export-now');
	const { body } = await n8n.webhook('export-now', {});
	// Other tests change workflows of the same n8n meanwhile, of which the export may warn.
	const state: unknown = expect.stringMatching(/^whole/);
	expect(body).toMatchObject({ status: 'success', backups: [{ name: 'workflows', state }] });
});

it('offers what the n8n has for an export, and what the chosen backup holds for an import', async () => {
	const tag = await n8n.publicApi<{ id: string }>('POST', '/tags', { name: 'Export test tag' });
	await n8n.publicApi('PUT', `/workflows/${id}/tags`, [{ id: tag.id }]);
	await node.ok('exportWorkflows', {
		form: 'list',
		backupName: 'offered',
		selection: { ids: [id], tags: ['Export test tag'] },
	});
	const request = { nodeType: NODE_TYPE, credentials: node.credentials };
	const names = async (methodName: string, parameters: Record<string, unknown>) =>
		(await n8n.loadOptions({ ...request, methodName, parameters })).map(({ name }) => name);
	const exporting = { operation: 'exportWorkflows' };
	expect(await names('getWorkflows', exporting)).toEqual(expect.arrayContaining(['Export test 1', 'Export test 2']));
	expect(await names('getTags', exporting)).toContain('Export test tag');
	const [project] = await names('getProjects', exporting);
	expect(project).toMatch(/^\w{16}$/);
	const importing = { operation: 'importWorkflows', source: 'storage', ...backup('latest', 'offered') };
	expect(await names('getWorkflows', importing)).toEqual(['Export test 2']);
	expect(await names('getTags', importing)).toEqual(['Export test tag']);
	expect(await names('getProjects', importing)).toEqual([expect.stringContaining('@')]);
	const projects = await n8n.searchList({ ...request, methodName: 'searchProjects', parameters: importing });
	expect(projects.results).toEqual([{ name: project, value: project }]);
	const odd = n8n.loadOptions({
		...request,
		methodName: 'getTags',
		parameters: { ...importing, source: 'binaryData' },
	});
	await expect(odd).rejects.toThrow(/binary data/);
});

it('takes a file of the input: an export with its manifest, and one that n8n has made', async () => {
	const before = [
		{ type: NODE_TYPE, parameters: { operation: 'exportWorkflows', destination: 'binaryData', form: 'files', ...OWN } },
	];
	const input = { source: 'binaryData', ...OWN };
	for (const manifest of ['={{ $json.manifest }}', '']) {
		const planned = await (
			await node.workflow('importWorkflows', { ...input, manifest, mode: 'updateById' }, {}, before)
		).run();
		expect(planned.items.map(({ json }) => json['action'])).toEqual(expect.arrayContaining(['unchanged', 'unchanged']));
		const compared = await (await node.workflow('compareWorkflows', { ...input, manifest }, {}, before)).run();
		expect(compared.hints).toEqual([expect.stringMatching(/^Nothing differs: \d+ workflows/)]);
	}
});
