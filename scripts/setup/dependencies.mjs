import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { hashOf, isStamped, run, stamp } from './install.mjs';
import { root } from './paths.mjs';

/** Runs `npm ci` unless node_modules holds what the lock file names. */
export function ensureDependencies(env) {
	const lock = join(root, 'package-lock.json');
	const folder = join(root, 'node_modules');
	const hash = hashOf(lock);
	if (isStamped(folder, hash)) return;
	if (!isNewerInstall(folder, lock)) {
		console.log('Setting up: dependencies (npm ci, about 20 s)');
		run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root, env });
	}
	stamp(folder, hash);
}

/** npm writes node_modules/.package-lock.json at the end of each install, by whomever it was started. */
function isNewerInstall(folder, lock) {
	const installed = join(folder, '.package-lock.json');
	return existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs;
}
