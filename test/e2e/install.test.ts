import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { removeFolder, temporaryFolder } from '../services/guard';
import { startN8n, type N8nServer } from '../services/n8n';
import { preparedN8nData } from '../services/n8n-data';
import { startPostgres, type PostgresServer } from '../services/postgres';
import { PACKAGE } from '../nodes/workflow';
import { WorkflowUnderTest } from './harness';

const ROOT = join(__dirname, '..', '..');

interface PackageJson {
	version: string;
	dependencies: Record<string, string>;
	n8n: { nodes: string[]; credentials: string[] };
	[key: string]: unknown;
}

const readPackage = (folder: string) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as PackageJson;
const ours = readPackage(ROOT);
/** `dist/nodes/PostgresDump/PostgresDump.node.js` is the type `postgresDump`. */
const typeName = (path: string) => {
	const name = basename(path).split('.')[0]!;
	return name[0]!.toLowerCase() + name.slice(1);
};

/**
 * A folder with an `npm` for n8n that stands between it and the registry for our package alone, which is in no registry yet:
 * `npm view` and `npm pack` of it answer with the tarball packed here. Everything else is the real npm, with the
 * registry that this machine is set up for.
 */
function npmThatKnowsOurPackage(folder: string): string {
	const realNpm = execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim();
	const tarball = execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], {
		cwd: ROOT,
		encoding: 'utf8',
	}).trim();
	const bin = join(folder, 'bin');
	mkdirSync(bin);
	writeFileSync(
		join(bin, 'npm'),
		`#!/bin/sh
case "$1 $2" in
	"view ${PACKAGE}@"*) echo '"${ours.version}"'; exit ;;
	"pack ${PACKAGE}@"*) cp '${join(folder, tarball)}' . && echo '${tarball}'; exit ;;
esac
for argument do
	shift
	[ "$argument" = "--registry=https://registry.npmjs.org" ] || set -- "$@" "$argument"
done
exec '${realNpm}' "$@"
`,
	);
	chmodSync(join(bin, 'npm'), 0o755);
	return bin;
}

function megabytesBelow(root: string): number {
	const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
	return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0) / 1e6;
}

/** How this machine reaches its npm registry: n8n's npm has to do the same, in an environment that is otherwise its own. */
function registryAccess(): Record<string, string> {
	const wanted =
		/^(npm_config_(registry|cafile|proxy|https_proxy|noproxy|cache|userconfig|globalconfig)|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|https?_proxy|no_proxy)$/i;
	const found = Object.entries(process.env).filter(([name, value]) => wanted.test(name) && value !== undefined);
	return {
		npm_config_userconfig: join(homedir(), '.npmrc'),
		npm_config_cache: join(homedir(), '.npm'),
		...(Object.fromEntries(found) as Record<string, string>),
	};
}

const folder = temporaryFolder('install');
let postgres: PostgresServer;
let n8n: N8nServer;
let installed: string;

beforeAll(async () => {
	const npm = npmThatKnowsOurPackage(folder);
	postgres = await startPostgres({ version: 18, prepared: preparedN8nData() });
	n8n = await startN8n({
		database: { ...postgres, database: 'postgres' },
		editor: true,
		env: {
			...registryAccess(),
			PATH: [npm, process.env['PATH']].join(delimiter),
		},
	});
	installed = join(n8n.connection.userFolder, '.n8n', 'nodes', 'node_modules', PACKAGE);
	// What the button in Settings > Community nodes does.
	await n8n.rest('POST', '/community-packages', { name: PACKAGE });
});
afterAll(async () => {
	await n8n.stop();
	await postgres.stop();
	removeFolder(folder);
});

it('is installed by n8n itself, with its dependencies and nothing else', () => {
	const found = readPackage(installed);
	expect(found.version).toBe(ours.version);
	expect(found).not.toHaveProperty('devDependencies');
	for (const name of Object.keys(ours.dependencies)) {
		expect(existsSync(join(installed, 'node_modules', name)), name).toBe(true);
	}
	expect(existsSync(join(installed, 'node_modules', 'n8n-workflow'))).toBe(false);
	// The README says about 85; a compiler that a dependency asks for would add 27.
	expect(megabytesBelow(installed)).toBeLessThan(100);
});

it('is listed among the installed packages, and loaded', async () => {
	const packages = await n8n.rest<Array<{ packageName: string; failedLoading: boolean; installedNodes: unknown[] }>>(
		'GET',
		'/community-packages',
	);
	expect(packages).toHaveLength(1);
	expect(packages[0]).toMatchObject({ packageName: PACKAGE, failedLoading: false });
	expect(packages[0]!.installedNodes).toHaveLength(ours.n8n.nodes.length);
});

it('brings all its node and credential types to the editor', async () => {
	const nodes = (await n8n.nodeTypes()).map(({ name }) => name);
	const credentials = (await n8n.credentialTypes()).map(({ name }) => name);
	expect(nodes).toEqual(expect.arrayContaining(ours.n8n.nodes.map((path) => `${PACKAGE}.${typeName(path)}`)));
	expect(credentials).toEqual(expect.arrayContaining(ours.n8n.credentials.map(typeName)));
});

it('backs a database up in a workflow', async () => {
	const database = await postgres.createDatabase('shelf');
	await postgres.query(
		database,
		"CREATE TABLE books AS SELECT n AS id, 'Book ' || n AS title FROM generate_series(1, 100) n",
	);
	const { host, port, user, password } = postgres;
	const folderPath = join(n8n.connection.filesFolder, 'backups');
	const workflow = await WorkflowUnderTest.create(n8n, {
		type: `${PACKAGE}.postgresDump`,
		parameters: { operation: 'backUp' },
		credentials: {
			postgres: await n8n.createCredential('Shelf', 'postgres', {
				host,
				port,
				user,
				password,
				database,
				ssl: 'disable',
			}),
			backupStorageApi: await n8n.createCredential('Folder', 'backupStorageApi', { type: 'folder', folderPath }),
		},
	});
	const run = await workflow.run();
	expect(run.error).toBeUndefined();
	expect(run.status).toBe('success');
	const file = run.items[0]!.json['file'] as string;
	expect(file).toMatch(/shelf_\d{8}_\d{6}\.sql\.zst$/);
	expect(readdirSync(join(folderPath, 'postgres'))).toContain(basename(file));
});
