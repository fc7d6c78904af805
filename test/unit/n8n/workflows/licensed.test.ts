/** Variables, projects and folders, which an n8n without a licence does not tell: as n8n 2.41.3 answers by its source (public-api/v1/controllers). */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, it, onTestFinished } from 'vitest';

import {
	archiveSide,
	chosenBy,
	compareWorkflows,
	exportWorkflows,
	importWorkflows,
	instanceSide,
	openArchive,
} from '../../../../engine';
import { FolderStorage } from '../../../../engine/storage';
import { type Asked, type Answer, fakeN8n, fakeWorkflow, holding, page } from '../fake';

const TEAM = { id: 'p1', name: 'Team', type: 'team' };
const workflow = fakeWorkflow('a', { tags: [], shared: [{ role: 'workflow:owner', projectId: 'p1', project: TEAM }] });
const variable = (id: string, key: string, value: string, project: object | null = null) => ({
	id,
	key,
	value,
	type: 'string',
	project,
});

/** An n8n with a licence, and these variables; those that are created come to them. */
function licensed(variables: ReturnType<typeof variable>[]) {
	const workflows = holding([workflow]);
	const folder = { id: 'f1', name: 'Reports', parentFolderId: null };
	return (asked: Asked): Answer | undefined => {
		const { method, path, query, body } = asked;
		if (path === '/variables' && method === 'POST') {
			const { key, value, projectId } = body as { key: string; value: string; projectId?: string };
			variables.push(
				variable(`new ${variables.length}`, key, value, projectId === undefined ? null : { id: projectId }),
			);
			return { status: 201, text: '' };
		}
		if (path === '/variables') return { json: page(variables, query) };
		if (path === '/projects') return { json: page([TEAM], query) };
		if (path === '/projects/p1/folders') {
			return { json: { count: 1, data: query.get('skip') === '0' ? [folder] : [] } };
		}
		return workflows(asked);
	};
}

it('an export holds them, a comparison tells what has become of them, and an import makes the variables that are not there', async () => {
	const root = mkdtempSync(join(tmpdir(), 'licensed-'));
	onTestFinished(() => rmSync(root, { recursive: true }));
	const storage = new FolderStorage({ root });
	const choices = { storage, codec: { name: 'none' as const } };
	const same = variable('1', 'same', 'x');
	const source = await fakeN8n(
		licensed([same, variable('2', 'key', 'all'), variable('3', 'key', 'team', TEAM), variable('4', 'other', 'here')]),
	);
	const manifest = await exportWorkflows({ ...choices, api: source.api(), form: 'files' });
	expect(manifest.warnings).toEqual([]);
	const side = archiveSide(await openArchive(storage, { manifest, folder: 'n8n' }), chosenBy({}));
	const state = await side.beside();
	const told = (kind: 'variables' | 'projects' | 'folders') => state.get(kind)!.map(({ name }) => name);
	expect([told('variables'), told('projects'), told('folders')]).toEqual([
		['same', 'key', 'key', 'other'],
		['Team'],
		['Reports'],
	]);

	const there = [same, variable('2', 'other', 'there')];
	const target = await fakeN8n(licensed(there));
	const after = instanceSide(target.api(), chosenBy({}));
	const changes: unknown[] = [];
	const onBeside = ({ kind, name }: { kind: string; name: string }) => changes.push(`${kind} ${name}`);
	await compareWorkflows({ before: side, after, matchBy: 'name', onWorkflow: () => {}, onBeside });
	expect(changes).toEqual(expect.arrayContaining(['variables key', 'variables other']));
	expect(changes).not.toContain('variables same');

	const imported = async () => {
		const options = { side, api: target.api('target'), mode: 'updateById', safeguard: choices } as const;
		const { beside } = await importWorkflows({ ...options, dryRun: false, beside: ['variables'] });
		return beside.map(({ name, action }) => `${name} ${action}`);
	};
	expect(await imported()).toEqual(['same unchanged', 'key create', 'key create', 'other skip']);
	expect(await imported()).toEqual(['same unchanged', 'key unchanged', 'key unchanged', 'other skip']);
	expect(there.map(({ key, value, project }) => [key, value, project])).toEqual([
		['same', 'x', null],
		['other', 'there', null],
		['key', 'all', null],
		['key', 'team', { id: 'p1' }],
	]);
});
