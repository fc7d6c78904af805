import { existsSync, lstatSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { hashOf, isStamped, run, stamp } from './install.mjs';
import { root } from './paths.mjs';

/** Runs `npm ci` in a repository unless its node_modules holds what the lock file names. */
export function ensureDependencies(env, repository = root) {
	const lock = join(repository, 'package-lock.json');
	const folder = join(repository, 'node_modules');
	const hash = hashOf(lock);
	if (isStamped(folder, hash)) return;
	if (!isNewerInstall(folder, lock)) {
		refuseLink(folder);
		console.log('Setting up: dependencies (npm ci, about 20 s)');
		run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: repository, env });
	}
	stamp(folder, hash);
}

/** npm writes node_modules/.package-lock.json at the end of each install, by whomever it was started. */
function isNewerInstall(folder, lock) {
	const installed = join(folder, '.package-lock.json');
	return existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs;
}

/** `npm ci` begins by emptying node_modules: through a link, the folder that the link points to, which is another's. */
function refuseLink(folder) {
	if (!lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink()) return;
	throw new Error(
		`${folder} is a symbolic link, and does not hold what package-lock.json names. Installing would empty the folder that ` +
			'it points to. Install there, or remove the link and run this command again.',
	);
}
