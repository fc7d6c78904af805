import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
	archiveSide,
	chosenBy,
	compareWorkflows,
	type ComparedWorkflow,
	exportWorkflows,
	foreignSide,
	type ImportedWorkflow,
	importWorkflows,
	type ImportWorkflowsOptions,
	instanceSide,
	listManifests,
	type Manifest,
	openArchive,
	type WorkflowSide,
} from '../../../engine';
import { FolderStorage } from '../../../engine/storage';
import { type FaultyProxy, startFaultyProxy } from '../../services/faultyProxy';
import { removeFolder, temporaryFolder } from '../../services/guard';
import { type N8nServer, startN8n } from '../../services/n8n';
import { runN8n } from '../../services/n8n-cli';
import { apiOf, create, type Created, inARow, keyWith, node, reading, scheduled, writing } from './stage';
import { N8nApi } from '../../../engine';

const root = temporaryFolder('n8n-import');
const storage = new FolderStorage({ root: join(root, 'storage') });
const choices = { storage, codec: { name: 'none' as const } };
const ALL = chosenBy({});
let source: N8nServer;
let target: N8nServer;
let proxy: FaultyProxy;
let backup: Manifest;
const made: Record<string, Created> = {};

beforeAll(async () => {
	[source, target] = await Promise.all([startN8n(), startN8n()]);
	proxy = await startFaultyProxy(target.url);
	const credential = await source.createCredential('shop', 'httpBasicAuth', { user: 'u', password: 'p' });
	const other = await source.createCredential('gone', 'httpBasicAuth', { user: 'u', password: 'p' });
	await target.createCredential('shop', 'httpBasicAuth', { user: 'u', password: 'p' });
	const request = (name: string, named: object) =>
		node(name, 'n8n-nodes-base.httpRequest', { url: 'https://example.com' }, { credentials: { httpBasicAuth: named } });
	made['called'] = await create(source, {
		name: 'Called',
		...inARow([
			node('When Called', 'n8n-nodes-base.executeWorkflowTrigger', { inputSource: 'passthrough' }),
			request('Request', credential),
		]),
		settings: {},
	});
	made['caller'] = await create(source, {
		name: 'Caller',
		...inARow([
			node('Start', 'n8n-nodes-base.scheduleTrigger', { rule: { interval: [{}] } }),
			node(
				'Call',
				'n8n-nodes-base.executeWorkflow',
				{
					workflowId: { __rl: true, mode: 'list', value: made['called'].id, cachedResultName: 'Called' },
				},
				{ typeVersion: 1.2 },
			),
		]),
		settings: { errorWorkflow: made['called'].id },
	});
	made['live'] = await create(source, scheduled('Live'));
	await source.publicApi('POST', `/workflows/${made['live'].id}/activate`, {});
	made['poor'] = await create(source, { name: 'Poor', ...inARow([request('Request', other)]), settings: {} });
	await source.publicApi('POST', '/tags', { name: 'prod' });
	const { data: tags } = await source.publicApi<{ data: { id: string }[] }>('GET', '/tags');
	await source.publicApi(
		'PUT',
		`/workflows/${made['live'].id}/tags`,
		tags.map(({ id }) => ({ id })),
	);
	await source.publicApi('PUT', `/workflows/${made['live'].id}`, {
		...scheduled('Live'),
		description: 'Runs every day',
	});
	const archived = await create(source, scheduled('Archived'));
	await source.publicApi('POST', `/workflows/${archived.id}/archive`);
	backup = await exportWorkflows({ ...choices, api: reading(source) });
});

afterAll(async () => {
	await proxy.stop();
	await Promise.all([source.stop(), target.stop()]);
	removeFolder(root);
});

async function ofBackup(manifest = backup): Promise<WorkflowSide> {
	return archiveSide(await openArchive(storage, { manifest, folder: 'n8n' }), ALL);
}

async function imported(more: Partial<ImportWorkflowsOptions> = {}) {
	const side = more.side ?? (await ofBackup());
	return await importWorkflows({ side, api: writing(target), mode: 'create', safeguard: choices, ...more });
}

const actions = (workflows: ImportedWorkflow[]) =>
	Object.fromEntries(workflows.map(({ name, action }) => [name, action]));

type Whole = Record<string, unknown> & { id: string; name: string; active: boolean; nodes: { parameters: object }[] };

async function inTarget(): Promise<Map<string, Whole>> {
	const { data } = await target.publicApi<{ data: Whole[] }>('GET', '/workflows');
	const whole = await Promise.all(data.map(({ id }) => target.publicApi<Whole>('GET', `/workflows/${id}`)));
	return new Map(whole.map((workflow) => [workflow.name, workflow]));
}

async function compared(before: WorkflowSide, after: WorkflowSide, matchBy: 'id' | 'name') {
	const workflows: ComparedWorkflow[] = [];
	const counts = await compareWorkflows({ before, after, matchBy, onWorkflow: (one) => workflows.push(one) });
	return { counts, workflows };
}

describe('an import into another n8n', () => {
	it('says what it would do, and changes nothing', async () => {
		const { workflows, safeguard } = await imported({ activate: true });
		expect(safeguard).toBeUndefined();
		expect(actions(workflows)).toEqual({
			Called: 'create',
			Caller: 'create',
			Live: 'create',
			Poor: 'create',
			Archived: 'skip',
		});
		const byName = new Map(workflows.map((one) => [one.name, one]));
		expect(byName.get('Called')).toMatchObject({ credentialsMapped: 1, credentialsMissing: [], activated: false });
		expect(byName.get('Poor')).toMatchObject({ credentialsMapped: 0, credentialsMissing: ['httpBasicAuth "gone"'] });
		expect(byName.get('Live')).toMatchObject({ activated: true });
		expect((await inTarget()).size).toBe(0);
	});

	it('goes on where a run before broke, and makes nothing twice', async () => {
		const api = new N8nApi(apiOf(target, { baseUrl: `${proxy.endpoint}/api/v1` }), 'target');
		let creations = 0;
		proxy.onRequest = (line) => {
			if (!line.startsWith('POST /api/v1/workflows ')) return;
			if (++creations === 2) proxy.faults = [{ when: /./, times: 1000, act: { kind: 'drop' } }];
		};
		await expect(imported({ api, dryRun: false })).rejects.toMatchObject({ code: 'TARGET_UNREACHABLE' });
		proxy.onRequest = undefined;
		proxy.faults = [];
		expect((await inTarget()).size).toBe(1);
		const { workflows } = await imported({ dryRun: false });
		expect(workflows.filter(({ action }) => action === 'create')).toHaveLength(3);
		expect(workflows.map(({ reason }) => reason).filter(Boolean)).toEqual(['It is archived in the backup.']);
		expect((await inTarget()).size).toBe(4);
	});

	it('has brought the same workflows, inactive, with credentials and workflows of the other n8n', async () => {
		const now = await inTarget();
		const [shop] = (await target.publicApi<{ data: { id: string }[] }>('GET', '/credentials')).data;
		expect([...now.values()].filter(({ active }) => active)).toEqual([]);
		expect(JSON.stringify(now.get('Called'))).toContain(
			`"credentials":{"httpBasicAuth":{"id":"${shop!.id}","name":"shop"}}`,
		);
		const called = now.get('Called')!.id;
		expect(called).not.toBe(made['called']!.id);
		expect(now.get('Caller')).toMatchObject({ settings: { errorWorkflow: called } });
		expect(now.get('Caller')!.nodes[1]!.parameters).toMatchObject({ workflowId: { value: called } });
		expect(now.get('Live')).toMatchObject({ description: 'Runs every day', tags: [{ name: 'prod' }] });
		const { counts, workflows } = await compared(await ofBackup(), instanceSide(reading(target), ALL), 'name');
		const paths = workflows.flatMap(({ changes }) => changes.map(({ path }) => path));
		expect(new Set(paths)).toEqual(
			new Set(['credentials.httpBasicAuth.id', 'parameters.workflowId.value', 'settings.errorWorkflow', 'active']),
		);
		expect(counts).toEqual({ added: 0, removed: 1, changed: 3, moved: 0, unchanged: 1 });
	});

	it('finds nothing to do when it is run again', async () => {
		for (const mode of ['create', 'updateByName'] as const) {
			const { workflows, safeguard } = await imported({ mode, dryRun: false });
			expect(new Set(workflows.map(({ action }) => action))).toEqual(new Set(['unchanged', 'skip']));
			expect(safeguard).toBeUndefined();
		}
		expect((await inTarget()).size).toBe(4);
	});

	it('exports what it overwrites before, by name, and lets what is live stay as it is until asked', async () => {
		const live = (await inTarget()).get('Live')!;
		await target.publicApi('PUT', `/workflows/${live.id}`, { ...scheduled('Live', 'https://mine.example.com') });
		await target.publicApi('POST', `/workflows/${live.id}/activate`, {});
		const { workflows, safeguard } = await imported({ mode: 'updateByName', dryRun: false });
		expect(actions(workflows)).toMatchObject({ Live: 'update', Called: 'unchanged' });
		const now = (await inTarget()).get('Live')! as Whole & { activeVersion: Whole };
		expect(now.id).toBe(live.id);
		expect(JSON.stringify(now.nodes)).toContain('https://example.com');
		expect(JSON.stringify(now.activeVersion.nodes)).toContain('https://mine.example.com');
		expect(safeguard!.counts).toMatchObject({ workflows: 1 });
		const before = await compared(await ofBackup(safeguard), instanceSide(reading(target), ALL), 'id');
		expect(before.workflows.find(({ name }) => name === 'Live')!.changes).toContainEqual(
			expect.objectContaining({
				path: 'parameters.url',
				before: 'https://mine.example.com',
				after: 'https://example.com',
			}),
		);
	});

	it('makes active what is active in the backup where that is asked for, and lets it go live', async () => {
		const { workflows } = await imported({ mode: 'updateByName', dryRun: false, activate: true });
		expect(workflows.filter(({ activated }) => activated).map(({ name }) => name)).toEqual(['Live']);
		const now = (await inTarget()).get('Live')! as Whole & { activeVersion: Whole };
		expect(now.active).toBe(true);
		expect(JSON.stringify(now.activeVersion.nodes)).toContain('https://example.com');
	});

	it('updates by id what it came from, and nothing that is the same', async () => {
		const live = made['live']!;
		await source.publicApi('PUT', `/workflows/${live.id}`, scheduled('Live', 'https://changed.example.com'));
		const { workflows } = await importWorkflows({
			side: await ofBackup(),
			api: writing(source),
			mode: 'updateById',
			dryRun: false,
			safeguard: choices,
		});
		expect(actions(workflows)).toEqual({
			Called: 'unchanged',
			Caller: 'unchanged',
			Live: 'update',
			Poor: 'unchanged',
			Archived: 'skip',
		});
		const { counts } = await compared(await ofBackup(), instanceSide(reading(source), ALL), 'id');
		expect(counts).toEqual({ added: 0, removed: 0, changed: 0, moved: 0, unchanged: 5 });
		const series = await listManifests(storage, 'n8n/', { name: 'workflows-before-import' });
		expect(series.backups.length).toBeGreaterThanOrEqual(2);
	});

	it('takes what n8n export:workflow makes, as a list, a tar of its folder and single', async () => {
		const separate = join(root, 'separate');
		await runN8n(source.connection, 'export:workflow', '--backup', `--output=${separate}`);
		execFileSync('tar', ['-czf', join(root, 'storage', 'separate.tar.gz'), '-C', root, 'separate']);
		// `--all` makes one list of the same objects, as the tests of exports see.
		const files = readdirSync(separate).map((name) => readFileSync(join(separate, name), 'utf8'));
		writeFileSync(join(root, 'storage', 'all.json'), `[${files.join(',')}]`);
		writeFileSync(join(root, 'storage', 'one.json'), files[0]!);
		for (const [key, unchanged] of [
			['all.json', 5],
			['separate.tar.gz', 5],
			['one.json', 1],
		] as const) {
			const side = foreignSide({ storage, key }, ALL);
			const { counts } = await compared(side, instanceSide(reading(source), ALL), 'id');
			expect(counts).toMatchObject({ unchanged, changed: 0, removed: 0 });
		}
	});

	it('takes what older versions of n8n have left in a workflow, and makes it once', async () => {
		const start = { name: 'Start', type: 'n8n-nodes-base.manualTrigger', position: [0, 0], parameters: {} };
		const hook = { id: 'h', name: 'Hook', type: 'n8n-nodes-base.webhook', typeVersion: 2, position: [0, 0] };
		const odd = (name: string, nodes: object[], more = {}) => ({
			id: name,
			name,
			nodes,
			connections: {},
			settings: {},
			...more,
		});
		const to = (...names: string[]) => ({ main: [names.map((one) => ({ node: one, type: 'main', index: 0 }))] });
		const workflows = [
			odd('Without ids', [start, { ...hook, parameters: { path: 'odd' } }], { tags: [{ name: ' odd ' }] }),
			odd('One id', [
				{ ...start, id: 'x' },
				{ ...start, id: 'x', name: 'Other' },
				{ ...start, id: '', name: 'Third' },
			]),
			odd('Gone', [{ ...start, id: 'x' }], { connections: { Start: to('Start', 'Gone'), Ghost: to('Start') } }),
		];
		writeFileSync(join(root, 'storage', 'odd.json'), JSON.stringify(workflows));
		const run = async () => await imported({ side: foreignSide({ storage, key: 'odd.json' }, ALL), dryRun: false });
		const first = await run();
		expect(first.workflows.map(({ action, dropped }) => [action, dropped])).toEqual([
			['create', []],
			['create', ['nodes.id']],
			['create', ['connections']],
		]);
		expect((await inTarget()).get('Gone')).toMatchObject({ connections: { Start: to('Start') } });
		const again = await run();
		expect(actions(again.workflows)).toEqual({ 'Without ids': 'unchanged', 'One id': 'unchanged', Gone: 'unchanged' });
	});

	it('names what the entities of n8n are read with', async () => {
		await runN8n(source.connection, 'export:entities', `--outputDir=${join(root, 'storage', 'entities')}`);
		const side = foreignSide({ storage, key: 'entities/entities.zip' }, ALL);
		await expect(side.each(() => {})).rejects.toMatchObject({
			code: 'INVALID_INPUT',
			hint: expect.stringContaining('import:entities'),
		});
	});

	it('names the scope that the key lacks before anything is changed', async () => {
		const apiKey = await keyWith(target, ['workflow:list', 'workflow:read', 'workflow:create']);
		const api = new N8nApi(apiOf(target, { apiKey }), 'target');
		await expect(imported({ api, dryRun: false })).rejects.toMatchObject({
			code: 'ACCESS_DENIED',
			hint: expect.stringContaining('credential:list'),
		});
	});
});
