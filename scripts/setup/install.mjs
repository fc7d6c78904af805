import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const STAMP = '.installed-from';

/** Runs a command with its output shown; throws where it fails. */
export function run(command, args, options = {}) {
	const { status, error } = spawnSync(command, args, { stdio: 'inherit', ...options });
	if (error) throw new Error(`${command} could not be started: ${error.message}`);
	if (status !== 0) throw new Error(`\`${command} ${args.join(' ')}\` failed with status ${status}.`);
}

export function hashOf(file) {
	return createHash('sha256').update(readFileSync(file)).digest('hex');
}

export function isStamped(folder, hash) {
	const stamp = join(folder, STAMP);
	return existsSync(stamp) && readFileSync(stamp, 'utf8') === hash;
}

export function stamp(folder, hash) {
	writeFileSync(join(folder, STAMP), hash);
}

/**
 * Installs what the lock file of `from` names into the folder `to`, unless it is there already. Made beside and renamed, so
 * that an interrupted install is never taken for a whole one.
 */
export function installApart(from, to, { command = 'ci', npmArgs = [], env, label }) {
	const hash = hashOf(join(from, 'package-lock.json'));
	if (isStamped(to, hash)) return;
	console.log(`Setting up: ${label}`);
	const started = Date.now();
	const draft = `${to}.${process.pid}`;
	mkdirSync(draft, { recursive: true });
	try {
		for (const file of ['package.json', 'package-lock.json']) copyFileSync(join(from, file), join(draft, file));
		run('npm', [command, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', ...npmArgs], {
			cwd: draft,
			env,
		});
		stamp(draft, hash);
		rmSync(to, { recursive: true, force: true });
		mkdirSync(dirname(to), { recursive: true });
		renameSync(draft, to);
	} finally {
		rmSync(draft, { recursive: true, force: true });
	}
	console.log(`Setting up: ${label}: done in ${Math.round((Date.now() - started) / 1000)} s`);
}
