/**
 * What every npm script calls: `node scripts/run.mjs <step> [arguments]`. Plain Node 20 without dependencies. It sets up
 * whatever the step needs, then runs scripts/<step>.mjs under Node 24.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureDependencies } from './setup/dependencies.mjs';
import { ensureN8n } from './setup/n8n.mjs';
import { ensureNode24, environmentWith } from './setup/node24.mjs';
import { root } from './setup/paths.mjs';

const steps = {
	build: {},
	lint: {},
	dev: { n8n: true },
	demo: { n8n: true },
	test: { n8n: true },
	'test:system': { n8n: true },
	'test:soak': {},
	pictures: { n8n: true },
	bench: {},
	image: {},
};

const [name, ...args] = process.argv.slice(2);
const step = steps[name];
if (!step) {
	console.error(`Usage: node scripts/run.mjs ${Object.keys(steps).join(' | ')}`);
	process.exit(2);
}

try {
	const nodeFolder = ensureNode24();
	const env = environmentWith(nodeFolder);
	ensureDependencies(env);
	if (step.n8n) ensureN8n(env);
	const hooks = pathToFileURL(join(root, 'scripts', 'typescript-hooks.mjs')).href;
	const script = join(root, 'scripts', `${name.replace(':', '-')}.mjs`);
	// The step gets Ctrl-C from the terminal itself, and cleans up; we only pass its status on.
	process.on('SIGINT', () => {});
	const { status, signal } = spawnSync(join(nodeFolder, 'node'), ['--import', hooks, script, ...args], {
		stdio: 'inherit',
		cwd: root,
		env,
	});
	process.exit(status ?? (signal ? 1 : 0));
} catch (error) {
	console.error(error.message);
	process.exit(1);
}
