import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
	archiveSide,
	chosenBy,
	compareWorkflows,
	exportWorkflows,
	foreignSide,
	importWorkflows,
	type ImportWorkflowsOptions,
	instanceSide,
	type Manifest,
	openArchive,
	type WorkflowChoice,
	type WorkflowSide,
} from '../../../engine';
import { FolderStorage } from '../../../engine/storage';
import { removeFolder, temporaryFolder } from '../../services/guard';
import { type N8nServer, startN8n } from '../../services/n8n';
import { runN8n } from '../../services/n8n-cli';
import { create, type Created, inARow, node, reading, scheduled, writing } from './stage';

const root = temporaryFolder('n8n-import-over');
const storage = new FolderStorage({ root: join(root, 'storage') });
const choices = { storage, codec: { name: 'none' as const } };
let n8n: N8nServer;
let backup: Manifest;
let caller: Created;
let first: Created;
let second: Created;

type Whole = Created & { nodes: { parameters: { workflowId?: string }; credentials?: unknown }[] };

const calling = (id: string) => ({
	name: 'Caller',
	...inARow([
		node('Start', 'n8n-nodes-base.manualTrigger'),
		node('Call', 'n8n-nodes-base.executeWorkflow', { workflowId: id }),
	]),
	settings: {},
});

beforeAll(async () => {
	n8n = await startN8n();
	first = await create(n8n, scheduled('First'));
	second = await create(n8n, scheduled('Second'));
	caller = await create(n8n, calling(first.id));
	backup = await exportWorkflows({ ...choices, api: reading(n8n) });
});

afterAll(async () => {
	await n8n.stop();
	removeFolder(root);
});

async function ofBackup(choice: WorkflowChoice = {}, manifest = backup): Promise<WorkflowSide> {
	return archiveSide(await openArchive(storage, { manifest, folder: 'n8n' }), chosenBy(choice));
}

async function imported(more: Partial<ImportWorkflowsOptions>) {
	const side = more.side ?? (await ofBackup());
	const api = writing(n8n);
	return await importWorkflows({ side, api, mode: 'updateById', dryRun: false, safeguard: choices, ...more });
}

async function whole(id: string): Promise<Whole> {
	return await n8n.publicApi<Whole>('GET', `/workflows/${id}`);
}

const calledBy = ({ nodes }: Whole) => nodes.find(({ parameters }) => parameters.workflowId)?.parameters.workflowId;

function written(workflow: object): WorkflowSide {
	writeFileSync(join(root, 'storage', 'one.json'), JSON.stringify(workflow));
	return foreignSide({ storage, key: 'one.json' }, chosenBy({}));
}

describe('an import over workflows that are there', () => {
	it('brings back which workflow another one calls, and exports what called another before', async () => {
		const nodes = (await whole(caller.id)).nodes.map((one) =>
			one.parameters.workflowId ? { ...one, parameters: { workflowId: second.id } } : one,
		);
		const { connections } = calling(first.id);
		await n8n.publicApi('PUT', `/workflows/${caller.id}`, { name: 'Caller', nodes, connections, settings: {} });

		const asNew = await imported({ mode: 'create', dryRun: true });
		expect(asNew.workflows.find(({ name }) => name === 'Caller')).toMatchObject({ action: 'create' });
		const { workflows, safeguard } = await imported({});
		expect(workflows.map(({ name, action }) => [name, action]).sort()).toEqual([
			['Caller', 'update'],
			['First', 'unchanged'],
			['Second', 'unchanged'],
		]);
		expect(safeguard?.counts).toMatchObject({ workflows: 1 });
		expect(calledBy(await whole(caller.id))).toBe(first.id);
	});

	it('changes nothing that it has not exported, where what is called has another id now', async () => {
		const { id: _id, ...rest } = (await whole(first.id)) as Whole & { connections: object };
		await n8n.publicApi('POST', `/workflows/${first.id}/archive`);
		const anew = await create(n8n, {
			name: 'First',
			nodes: rest.nodes,
			connections: rest.connections,
			settings: scheduled('').settings,
		});
		const { workflows, safeguard } = await imported({ mode: 'updateByName' });
		expect(workflows.map(({ name, action, id }) => [name, action, id]).sort()).toEqual([
			['Caller', 'update', caller.id],
			['First', 'unchanged', anew.id],
			['Second', 'unchanged', second.id],
		]);
		expect(safeguard?.counts).toMatchObject({ workflows: 1 });
		expect(calledBy(await whole(caller.id))).toBe(anew.id);
		await n8n.publicApi('POST', `/workflows/${first.id}/unarchive`);
		await n8n.publicApi('POST', `/workflows/${anew.id}/archive`);
		await imported({ mode: 'updateById' });
	});

	it('does not take one that is archived for one that is there', async () => {
		await n8n.publicApi('POST', `/workflows/${second.id}/archive`);
		const only = await ofBackup({ ids: [second.id] });
		const over = await imported({ side: only, dryRun: true });
		expect(over.workflows).toMatchObject([{ action: 'skip', reason: expect.stringContaining('archived') }]);
		for (const mode of ['create', 'updateByName'] as const) {
			const { workflows } = await imported({ side: only, mode, dryRun: true });
			expect(workflows).toMatchObject([{ action: 'create' }]);
		}
		await n8n.publicApi('POST', `/workflows/${second.id}/unarchive`);
	});

	it('leaves tags of workflows alone where new ones are made', async () => {
		const { id } = await n8n.publicApi<{ id: string }>('POST', '/tags', { name: 'mine' });
		await n8n.publicApi('PUT', `/workflows/${second.id}/tags`, [{ id }]);
		const { workflows } = await imported({ mode: 'create', side: await ofBackup({ ids: [second.id] }), dryRun: true });
		expect(workflows).toMatchObject([{ action: 'create' }]);
		await n8n.publicApi('PUT', `/workflows/${second.id}/tags`, []);
	});

	it('does not give a workflow the credential of another n8n that has its number', async () => {
		const file = join(root, 'credentials.json');
		const credential = (id: string, name: string) => ({
			id,
			name,
			type: 'httpBasicAuth',
			data: { user: name, password: 'p' },
		});
		writeFileSync(file, JSON.stringify([credential('1', 'bank')]));
		await runN8n(n8n.connection, 'import:credentials', `--input=${file}`);
		const shop = await n8n.createCredential('shop', 'httpBasicAuth', { user: 'u', password: 'p' });
		const using = (name: string) => {
			const more = { credentials: { httpBasicAuth: { id: '1', name } } };
			return { ...inARow([node('Request', 'n8n-nodes-base.httpRequest', {}, more)]), name: `With ${name}` };
		};
		const found = await imported({ mode: 'create', side: written(using('shop')) });
		expect(found.workflows).toMatchObject([{ action: 'create', credentialsMapped: 1, credentialsMissing: [] }]);
		expect((await whole(found.workflows[0]!.id!)).nodes[0]!.credentials).toMatchObject({
			httpBasicAuth: { id: shop.id },
		});
		const missing = await imported({ mode: 'create', side: written(using('gone')) });
		expect(missing.workflows).toMatchObject([{ action: 'create', credentialsMissing: ['httpBasicAuth "gone"'] }]);
		expect(JSON.stringify((await whole(missing.workflows[0]!.id!)).nodes)).not.toContain('"id":"1"');
		const again = await imported({ mode: 'create', side: written(using('bank')) });
		expect(again.workflows).toMatchObject([{ credentialsMapped: 0, credentialsMissing: [] }]);
	});

	it('is refused where nothing of the backup is chosen, and so is a comparison', async () => {
		const side = await ofBackup({ names: ['No such'] });
		await expect(imported({ side })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
		const after = instanceSide(reading(n8n), chosenBy({ names: ['No such'] }));
		const compared = compareWorkflows({ before: side, after, matchBy: 'id', onWorkflow: () => {} });
		await expect(compared).rejects.toMatchObject({ code: 'INVALID_INPUT' });
	});

	it('puts new workflows into the project that is named, and says of one that is not there that it is not', async () => {
		const { shared } = (await whole(first.id)) as Whole & { shared: { projectId: string }[] };
		const [{ projectId }] = shared as [{ projectId: string }];
		const made = await imported({ mode: 'create', side: written(scheduled('Into a project')), projectId });
		expect(made.workflows).toMatchObject([{ action: 'create' }]);
		const now = (await whole(made.workflows[0]!.id!)) as Whole & { shared: unknown[] };
		expect(now.shared).toMatchObject([{ projectId, role: 'workflow:owner' }]);
		const side = written(scheduled('Into no project'));
		const refused = await imported({ mode: 'create', side, projectId: 'goneForGood' });
		expect(refused.workflows).toMatchObject([{ action: 'failed', reason: expect.stringMatching(/project/i) }]);
	});

	it('imports what is archived in the backup where that is asked for, and does not archive it', async () => {
		const archived = { ...scheduled('Put away'), isArchived: true };
		const left = await imported({ mode: 'create', side: written(archived) });
		expect(left.workflows).toMatchObject([{ action: 'skip', reason: 'It is archived in the backup.' }]);
		const { workflows } = await imported({ mode: 'create', side: written(archived), withArchived: true });
		expect(workflows).toMatchObject([{ action: 'create' }]);
		expect(await whole(workflows[0]!.id!)).toMatchObject({ name: 'Put away', isArchived: false });
	});

	it('takes an encrypted export, which shows nobody else what is in it', async () => {
		const keys = { passphrase: 'correct horse' };
		const manifest = await exportWorkflows({ ...choices, api: reading(n8n), name: 'sealed', encryption: keys });
		expect(manifest.file).toMatch(/^sealed_\d{8}_\d{6}\.json\.gpg$/);
		expect(readFileSync(join(root, 'storage', 'n8n', manifest.file)).includes('Caller')).toBe(false);
		const side = archiveSide(await openArchive(storage, { manifest, folder: 'n8n' }, keys), chosenBy({}));
		const after = instanceSide(reading(n8n), chosenBy({}));
		const counts = await compareWorkflows({ before: side, after, matchBy: 'id', onWorkflow: () => {} });
		expect(counts).toMatchObject({ changed: 0, added: 0, removed: 0, unchanged: manifest.counts['workflows'] });
		const { workflows } = await imported({ side, dryRun: true });
		// What is archived there is left out.
		expect(workflows.filter(({ action }) => action !== 'unchanged' && action !== 'skip')).toEqual([]);
		const without = archiveSide(await openArchive(storage, { manifest, folder: 'n8n' }), chosenBy({}));
		await expect(without.each(() => {})).rejects.toMatchObject({ code: 'KEY_MISSING' });
	});

	it('misses no workflow that was there all the time, although others are deleted while pages are read', async () => {
		const going: string[] = [];
		for (let index = 0; index < 60; index++) going.push((await create(n8n, scheduled(`Going ${index}`))).id);
		for (let index = 0; index < 40; index++) await create(n8n, scheduled(`Staying ${index}`));
		const staying = await idsOf(({ name }) => !name.startsWith('Going'));
		const seen = new Set<string>();
		for await (const { id } of reading(n8n).workflows()) {
			seen.add(id);
			// The first page is read; the places of all that follow move.
			if (seen.size === 50) for (const gone of going) await n8n.publicApi('DELETE', `/workflows/${gone}`);
		}
		expect(seen.size).toBeLessThan(staying.length + going.length);
		expect(staying.filter((id) => !seen.has(id))).toEqual([]);
	});
});

async function idsOf(isMeant: (workflow: Created) => boolean): Promise<string[]> {
	const { data } = await n8n.publicApi<{ data: Created[] }>('GET', '/workflows?limit=250');
	return data.filter(isMeant).map(({ id }) => id);
}
