import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from './build/package.mjs';
import { run } from './setup/install.mjs';
import { root } from './setup/paths.mjs';

/**
 * `node scripts/run.mjs image <folder>` fills a new folder with what an image of n8n needs for our nodes:
 * - `nodes` for N8N_CUSTOM_EXTENSIONS: the compiled nodes and credentials,
 * - `node_modules`, which they find above them: what package-lock.json names,
 * - `workflows`: the templates. n8n knows nodes from such a folder as `CUSTOM.postgresDump`, not by the name of a package.
 */
const target = process.argv[2];
if (!target) throw new Error('Usage: node scripts/run.mjs image <folder>');

const folder = resolve(target);
mkdirSync(folder, { recursive: true });
if (readdirSync(folder).length > 0) throw new Error(`${folder} is not empty.`);
build();
for (const file of ['package.json', 'package-lock.json']) cpSync(join(root, file), join(folder, file));
// n8n-workflow, which the nodes need as well, is n8n's own.
const options = ['--omit=dev', '--omit=peer', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
run('npm', ['ci', ...options], { cwd: folder });
cpSync(join(root, 'dist'), join(folder, 'nodes'), { recursive: true, filter: (source) => !source.endsWith('.map') });
const { name } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
mkdirSync(join(folder, 'workflows'));
for (const file of readdirSync(join(root, 'workflows'))) {
	const template = readFileSync(join(root, 'workflows', file), 'utf8');
	writeFileSync(join(folder, 'workflows', file), template.replaceAll(`"type": "${name}.`, '"type": "CUSTOM.'));
}
