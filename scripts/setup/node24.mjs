import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { installApart } from './install.mjs';
import { cache, root } from './paths.mjs';

/**
 * Node 24, which n8n needs and zstd in node:zlib too, from the npm registry (the packages behind the npm package `node`; its own install
 * script is not needed). Returns the folder of the `node` program.
 */
export function ensureNode24() {
	const folder = join(cache, 'node24');
	const program = join(folder, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin');
	if (process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch)) {
		installApart(join(root, 'test', 'services', 'node24'), folder, { label: 'Node 24 (about 10 s)' });
		if (existsSync(join(program, 'node'))) return program;
	}
	if (process.versions.node.startsWith('24.')) return join(process.execPath, '..');
	throw new Error(
		`Node 24 does not come from the npm registry for ${process.platform} ${process.arch}. Install it and run this command with it.`,
	);
}

/** The environment in which `node` and `npm` use Node 24. */
export function environmentWith(nodeFolder) {
	return { ...process.env, PATH: `${nodeFolder}${delimiter}${process.env.PATH}` };
}
