/** The folder that the image holds: made by the script that the image is built with, and loaded by a real n8n. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { WorkflowUnderTest } from '../../e2e/harness';
import { backup as chosen } from '../../nodes/node-runner';
import { removeFolder, temporaryFolder } from '../../services/guard';
import { startN8n, type N8nServer } from '../../services/n8n';
import { runN8n } from '../../services/n8n-cli';

const ROOT = join(__dirname, '..', '..', '..');
const { N8N_VERSION } = JSON.parse(
	readFileSync(join(ROOT, '.cache', 'n8n', 'node_modules', 'n8n', 'package.json'), 'utf8').replace(
		'"version"',
		'"N8N_VERSION"',
	),
) as { N8N_VERSION: string };
const dockerfile = readFileSync(join(ROOT, 'deploy', 'Dockerfile'), 'utf8');
const ours = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
	n8n: { nodes: string[]; credentials: string[] };
};

describe('the Dockerfile', () => {
	const lines = dockerfile.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
	const last = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM')));

	it('takes images of one version each, and the n8n that the tests run', () => {
		expect(dockerfile).toContain(`ARG N8N_VERSION=${N8N_VERSION}\n`);
		const images = lines.filter((line) => line.startsWith('FROM')).map((line) => line.split(' ')[1]);
		for (const image of images) expect(image).toMatch(/:(?:\d+\.\d+|\$\{N8N_VERSION\})/);
	});

	it('runs nothing in the image of n8n, which need not have a shell, and leaves it to its own user', () => {
		expect(last.filter((line) => /^(?:RUN|SHELL|ADD)\b/.test(line))).toEqual([]);
		expect(last.filter((line) => line.startsWith('USER'))).toEqual(['USER node']);
	});

	it('names the folder that the script fills', () => {
		expect(dockerfile).toContain('scripts/run.mjs image /opt/stack-backup ');
		expect(dockerfile).toContain('COPY --from=nodes /opt/stack-backup /opt/stack-backup\n');
		expect(dockerfile).toContain('N8N_CUSTOM_EXTENSIONS=/opt/stack-backup/nodes ');
	});
});

describe('n8n with that folder', () => {
	const place = temporaryFolder('image');
	const folder = join(place, 'stack-backup');
	let n8n: N8nServer;
	beforeAll(async () => {
		const hooks = join(ROOT, 'scripts', 'typescript-hooks.mjs');
		execFileSync(process.execPath, ['--import', hooks, join(ROOT, 'scripts', 'image.mjs'), folder], { cwd: ROOT });
		// No setting that n8n 3 asks for where community packages are not verified.
		const env = { N8N_CUSTOM_EXTENSIONS: join(folder, 'nodes'), N8N_UNVERIFIED_PACKAGES_ENABLED: 'false' };
		n8n = await startN8n({ env, editor: true });
	});
	afterAll(async () => {
		await n8n.stop();
		removeFolder(place);
	});

	it('has all node and credential types, with their icons', async () => {
		const typeOf = (path: string) =>
			path
				.split('/')
				.at(-1)!
				.split('.')[0]!
				.replace(/^./, (first) => first.toLowerCase());
		const nodes = await n8n.nodeTypes();
		expect(nodes.map(({ name }) => name)).toEqual(
			expect.arrayContaining(ours.n8n.nodes.map((path) => `CUSTOM.${typeOf(path)}`)),
		);
		const credentials = (await n8n.credentialTypes()).map(({ name }) => name);
		expect(credentials).toEqual(expect.arrayContaining(ours.n8n.credentials.map(typeOf)));
		const { iconUrl } = nodes.find(({ name }) => name === 'CUSTOM.filesArchive') as unknown as {
			iconUrl: { light: string };
		};
		const icon = await fetch(`${n8n.connection.url}/${iconUrl.light}`);
		expect([icon.status, icon.headers.get('content-type')]).toEqual([200, expect.stringMatching(/svg/)]);
	});

	it('imports the templates of the folder, each of whose nodes it knows', async () => {
		const known = new Set((await n8n.nodeTypes()).map(({ name }) => name));
		const files = readdirSync(join(folder, 'workflows'));
		for (const file of files) {
			const { nodes } = JSON.parse(readFileSync(join(folder, 'workflows', file), 'utf8')) as {
				nodes: Array<{ type: string }>;
			};
			expect(
				nodes.filter(({ type }) => !known.has(type)),
				file,
			).toEqual([]);
		}
		await runN8n(n8n.connection, 'import:workflow', '--separate', `--input=${join(folder, 'workflows')}`);
		const imported = await n8n.rest<Array<{ name: string }>>('GET', '/workflows');
		expect(imported.length).toBeGreaterThanOrEqual(files.length);
	});

	it('backs up and restores by them', async () => {
		const { filesFolder } = n8n.connection;
		const source = join(filesFolder, 'source');
		mkdirSync(source);
		execFileSync('sh', ['-c', 'echo one >"$0/a.txt"', source]);
		const folderPath = join(filesFolder, 'backups');
		const credentials = {
			backupStorageApi: await n8n.createCredential('Folder', 'backupStorageApi', { type: 'folder', folderPath }),
		};
		const type = 'CUSTOM.filesArchive';
		const run = async (parameters: Record<string, unknown>) => {
			const workflow = await WorkflowUnderTest.create(n8n, { type, parameters, credentials });
			return (await workflow.run()).items[0]!.json;
		};
		const made = await run({ operation: 'backUp', path: source });
		expect(made).toMatchObject({ name: 'source', state: 'whole', files: 1 });
		const target = join(filesFolder, 'target');
		await run({ operation: 'restore', ...chosen('id', made['id'] as string), targetFolder: target });
		expect(readFileSync(join(target, 'a.txt'), 'utf8')).toBe('one\n');
	});
});
