import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { exportWorkflows, type Manifest, openArchive, verifyBackup, type WorkflowChoice } from '../../../engine';
import { FolderStorage } from '../../../engine/storage';
import { type FaultyProxy, startFaultyProxy } from '../../services/faultyProxy';
import { removeFolder, temporaryFolder } from '../../services/guard';
import { type N8nServer, startN8n } from '../../services/n8n';
import { runN8n } from '../../services/n8n-cli';
import { type Created, create, keyWith, reading, scheduled } from './stage';

type Exported = Record<string, unknown> & { id: string; name: string };

const root = temporaryFolder('n8n-export');
const storage = new FolderStorage({ root: join(root, 'storage') });
let n8n: N8nServer;
let proxy: FaultyProxy;
let live: Created;
let tagged: Created;

beforeAll(async () => {
	n8n = await startN8n();
	proxy = await startFaultyProxy(n8n.url);
	await n8n.publicApi('POST', '/tags', { name: 'prod' });
	const { data: tags } = await n8n.publicApi<{ data: { id: string }[] }>('GET', '/tags');
	tagged = await create(n8n, {
		...scheduled('Tagged'),
		staticData: { last: 7 },
		pinData: { Request: [{ json: { a: 1 } }] },
	});
	await n8n.publicApi(
		'PUT',
		`/workflows/${tagged.id}/tags`,
		tags.map(({ id }) => ({ id })),
	);
	await n8n.publicApi('PUT', `/workflows/${tagged.id}`, { ...scheduled('Tagged'), description: 'What it is for' });
	live = await create(n8n, scheduled('Live'));
	await n8n.publicApi('POST', `/workflows/${live.id}/activate`, {});
	const archived = await create(n8n, scheduled('Archived'));
	await n8n.publicApi('POST', `/workflows/${archived.id}/archive`);
	for (let index = 0; index < 60; index++) await create(n8n, scheduled(`Plain ${index}`));
});

afterAll(async () => {
	await proxy.stop();
	await n8n.stop();
	removeFolder(root);
});

const choices = { storage, codec: { name: 'none' as const } };

async function exported(choice: WorkflowChoice = {}): Promise<Manifest> {
	return await exportWorkflows({ ...choices, api: reading(n8n), choice });
}

async function contentOf(manifest: Manifest): Promise<Exported[]> {
	const reader = await openArchive(storage, { manifest, folder: 'n8n' });
	return (await json(reader.raw())) as Exported[];
}

const byId = (list: Exported[]) => list.toSorted((a, b) => (a.id < b.id ? -1 : 1));

async function exportedByN8n(): Promise<Exported[]> {
	const file = join(root, 'by-n8n.json');
	await runN8n(n8n.connection, 'export:workflow', '--all', `--output=${file}`);
	return JSON.parse(readFileSync(file, 'utf8')) as Exported[];
}

describe('an export of workflows', () => {
	it('holds the very workflows of n8n export:workflow --all, in its form', async () => {
		const manifest = await exported();
		expect(manifest.file).toMatch(/^workflows_\d{8}_\d{6}\.json$/);
		expect(manifest.counts).toEqual({ workflows: 63, active: 1, archived: 1, nodes: 189 });
		expect(manifest).toMatchObject({ kind: 'n8n-workflows', warnings: [], source: { server: n8n.url } });
		const [ours, theirs] = [byId(await contentOf(manifest)), byId(await exportedByN8n())];
		expect(ours).toEqual(theirs);
		expect(ours.map((one) => Object.keys(one))).toEqual(theirs.map((one) => Object.keys(one)));
	});

	it('passes a verification of its content', async () => {
		const manifest = await exported();
		const report = await verifyBackup({ storage, manifest, folder: 'n8n', level: 'content' });
		expect(report).toMatchObject({ verdict: 'passed', reached: 'content', findings: [] });
		expect(report.levels.at(-1)?.counts).toEqual({ workflows: 63, nodes: 189 });
	});

	it.each<[string, WorkflowChoice, number]>([
		['a tag', { tags: ['prod'] }, 1],
		['a name', { names: ['plain 1*'] }, 11],
		['active ones', { active: true }, 1],
		['what is not archived', { withoutArchived: true }, 62],
	])('exports by %s', async (_what, choice, count) => {
		expect((await exported(choice)).counts['workflows']).toBe(count);
	});

	it('says which parts of a choice fit nothing', async () => {
		const choice = { names: ['Tagged', 'Renamed since'], ids: [live.id, 'goneForGood'] };
		const manifest = await exported(choice);
		expect(manifest.counts['workflows']).toBe(2);
		expect(manifest.warnings).toEqual([
			'Nothing was found for a part of what is chosen: id=goneForGood, name=Renamed since.',
		]);
		expect((await exported({ tags: ['prod', 'test'] })).warnings).toEqual([expect.stringContaining('tag=test.')]);
	});

	it('says where nothing proves that the key sees all workflows', async () => {
		const apiKey = await keyWith(n8n, ['workflow:list', 'workflow:read']);
		const manifest = await exportWorkflows({ ...choices, api: reading(n8n, { apiKey }) });
		expect(manifest.warnings).toEqual([expect.stringContaining('user:list')]);
	});

	it('exports by project', async () => {
		const [{ projectId }] = (await contentOf(await exported({ ids: [live.id] })))[0]!['shared'] as [
			{ projectId: string },
		];
		expect((await exported({ projects: [projectId] })).counts['workflows']).toBe(63);
		await expect(exported({ projects: ['other'] })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
	});

	it('makes a file a workflow in a tar, with tags beside them', async () => {
		const manifest = await exportWorkflows({ ...choices, api: reading(n8n), form: 'files', name: 'separate' });
		expect(manifest.file).toMatch(/^separate_\d{8}_\d{6}\.tar$/);
		const folder = join(root, 'separate');
		mkdirSync(folder);
		execFileSync('tar', ['-xf', join(root, 'storage', 'n8n', manifest.file), '-C', folder]);
		expect(readdirSync(folder).filter((name) => name.endsWith('.json'))).toHaveLength(63);
		const theirs = join(root, 'backup');
		const read = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));
		await runN8n(n8n.connection, 'export:workflow', '--backup', `--output=${theirs}`);
		for (const name of readdirSync(theirs)) {
			expect(read(join(folder, name))).toEqual(read(join(theirs, name)));
		}
		const tags = JSON.parse(readFileSync(join(folder, 'beside', 'tags.json'), 'utf8')) as Exported[];
		expect(tags.map(({ name }) => name)).toEqual(['prod']);
		const report = await verifyBackup({ storage, manifest, folder: 'n8n', level: 'content' });
		expect(report).toMatchObject({ verdict: 'passed', reached: 'content' });
	});

	it('is taken by n8n import:workflow as it is', async () => {
		const manifest = await exported({ names: ['Tagged', 'Live'] });
		const before = await contentOf(manifest);
		await n8n.publicApi('DELETE', `/workflows/${tagged.id}`);
		const file = join(root, 'storage', 'n8n', manifest.file);
		const output = await runN8n(n8n.connection, 'import:workflow', `--input=${file}`);
		expect(output).toContain('Successfully imported 2 workflows');
		const after = await contentOf(await exported({ names: ['Tagged', 'Live'] }));
		const substance = ({ nodes, connections, settings, pinData, staticData, description, tags }: Exported) => ({
			...{ nodes, connections, settings, pinData, staticData, description },
			tags: (tags as { name: string }[]).map(({ name }) => name),
		});
		expect(after.map(substance)).toEqual(before.map(substance));
	});

	it('says that workflows were deleted while it ran', async () => {
		const gone = await create(n8n, scheduled('Gone'));
		let isDeleted = false;
		const manifest = await exportWorkflows({
			...choices,
			api: reading(n8n),
			choice: { names: ['Gone', 'Plain 1?'] },
			storage: deletingBefore(async () => {
				if (isDeleted) return;
				isDeleted = true;
				await n8n.publicApi('DELETE', `/workflows/${gone.id}`);
			}),
		});
		expect(manifest.counts['workflows']).toBe(10);
		expect(manifest.warnings).toEqual(['1 workflow was deleted while the export ran, and left out.']);
	});

	it('keeps what is published, where that is not what is edited', async () => {
		const edited = await create(n8n, scheduled('Edited', 'https://published.example.com'));
		await n8n.publicApi('POST', `/workflows/${edited.id}/activate`, {});
		const draft = scheduled('Edited', 'https://draft.example.com');
		await n8n.publicApi('PUT', `/workflows/${edited.id}?publishIfActive=false`, draft);
		const manifest = await exported({ ids: [edited.id] });
		expect(manifest.warnings).toEqual([expect.stringContaining('another version is published')]);
		expect(manifest.partial).toEqual({ content: 'all', selection: [`id=${edited.id}`] });
		const [workflow] = await contentOf(manifest);
		expect(JSON.stringify(workflow!['nodes'])).toContain('draft.example.com');
		expect(JSON.stringify(workflow!['publishedVersion'])).toContain('published.example.com');
	});
});

/** The storage, with something that happens before the first archive is written: after the list, before the workflows. */
function deletingBefore(happens: () => Promise<void>): FolderStorage {
	return new (class extends FolderStorage {
		override async write(...given: Parameters<FolderStorage['write']>) {
			await happens();
			return await super.write(...given);
		}
	})({ root: join(root, 'storage') });
}

describe('an n8n that does not answer as it should', () => {
	it('names the scope that an API key lacks, and never the key', async () => {
		for (const [scopes, missing] of [
			[['tag:list'], 'workflow:list'],
			[['workflow:list'], 'workflow:read'],
		] as const) {
			const apiKey = await keyWith(n8n, [...scopes]);
			const failed: unknown = await exportWorkflows({ ...choices, api: reading(n8n, { apiKey }) }).catch(
				(e: unknown) => e,
			);
			expect(failed).toMatchObject({ code: 'ACCESS_DENIED', hint: expect.stringContaining(missing) });
			expect(JSON.stringify(failed) + String(failed)).not.toContain(apiKey);
		}
	});

	it('says that a key is wrong', async () => {
		const api = reading(n8n, { apiKey: 'wrong' });
		await expect(exportWorkflows({ ...choices, api })).rejects.toMatchObject({
			code: 'ACCESS_DENIED',
			message: expect.stringContaining(n8n.url),
		});
	});

	it.each(['', '/', '/rest', '/api/v9', '/api'])('says that %j is not the path of its API', async (path) => {
		const api = reading(n8n, { baseUrl: n8n.url + path });
		const failed: unknown = await exportWorkflows({ ...choices, api }).catch((error: unknown) => error);
		expect(failed).toMatchObject({ hint: expect.stringContaining('/api/v1') });
	});

	it('says that nothing listens', async () => {
		const api = reading(n8n, { baseUrl: 'http://127.0.0.1:9/api/v1' });
		await expect(api.workflow('x')).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE' });
	}, 30_000);

	it('goes on after refusals for frequency, broken connections and outages', async () => {
		const api = reading(n8n, { baseUrl: `${proxy.endpoint}/api/v1` });
		proxy.faults = [
			{ when: /GET .*\/workflows\?/, times: 2, act: { kind: 'status', status: 429, code: 'SlowDown' } },
			{ when: /GET .*\/workflows\/\w+ /, times: 2, act: { kind: 'drop' } },
			{ when: /GET .*\/workflows\/\w+ /, times: 1, act: { kind: 'status', status: 503, code: 'Down' } },
		];
		const manifest = await exportWorkflows({ ...choices, api, choice: { names: ['Plain 1?'] } });
		expect(manifest.counts['workflows']).toBe(10);
		expect(proxy.faults.map(({ times }) => times)).toEqual([0, 0, 0]);
	});

	it('does not take the key along where it is redirected', async () => {
		const seen: string[] = [];
		const server = createServer((request, response) => {
			seen.push(request.url ?? '');
			response.writeHead(302, { location: '/log-in?secret=1' }).end();
		});
		await new Promise<void>((listens) => server.listen(0, '127.0.0.1', listens));
		const { port } = server.address() as AddressInfo;
		const api = reading(n8n, { baseUrl: `http://127.0.0.1:${port}/api/v1` });
		const failed: unknown = await exportWorkflows({ ...choices, api }).catch((error: unknown) => error);
		server.close();
		server.closeAllConnections();
		expect(failed).toMatchObject({
			message: expect.stringContaining('a redirect to /log-in'),
			hint: expect.stringContaining('/api/v1'),
		});
		expect(String(failed)).not.toContain('secret');
		expect(seen).toEqual([expect.stringContaining('/api/v1/workflows')]);
	});

	it('leaves nothing where it is cancelled', async () => {
		const controller = new AbortController();
		const cancelled = exportWorkflows({
			...choices,
			name: 'cancelled',
			api: reading(n8n),
			signal: controller.signal,
			onProgress: ({ workflows }) => void (workflows === 5 && controller.abort()),
		});
		await expect(cancelled).rejects.toMatchObject({ code: 'CANCELLED' });
		expect(readdirSync(join(root, 'storage', 'n8n')).filter((name) => name.startsWith('cancelled'))).toEqual([]);
	});
});
