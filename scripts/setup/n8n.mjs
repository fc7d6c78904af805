import { join } from 'node:path';
import { installApart } from './install.mjs';
import { n8nFolder, root } from './paths.mjs';

/**
 * n8n in a folder of its own: 2 GB and 2000 packages are none of our dependencies. No install script runs and nothing is
 * compiled: n8n keeps its data in PostgreSQL here, so the one native module without a binary in its package (sqlite3) is
 * never loaded, and isolated-vm brings its own.
 */
export function ensureN8n(env) {
	installApart(join(root, 'test', 'services', 'n8n'), n8nFolder, {
		label: 'n8n (2 to 4 minutes, 2 GB)',
		// Not `npm ci`: it insists on optional binaries for other systems, which not every registry has. The versions are
		// those of the lock file all the same.
		command: 'install',
		npmArgs: ['--legacy-peer-deps', '--no-save'],
		env,
	});
}
