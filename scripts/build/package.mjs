import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../setup/install.mjs';
import { cache, root } from '../setup/paths.mjs';
import { fingerprint } from './fingerprint.mjs';

/** All that the build reads. */
const SOURCES = ['credentials', 'engine', 'nodes', 'gulpfile.js', 'tsconfig.json', 'package-lock.json'];

/** Of what the last build was made, and what it made. */
const STAMP = join(cache, 'built-from');

/** Makes dist/ anew: compiled sources, icons and codex files. Does nothing where it is, byte for byte, what these sources gave. */
export function build() {
	const sources = fingerprint(root, SOURCES);
	if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === `${sources} ${fingerprint(root, ['dist'])}`) return;
	rmSync(join(root, 'dist'), { recursive: true, force: true });
	run('npx', ['--no-install', 'tsc', '-p', '.'], { cwd: root });
	run('npx', ['--no-install', 'gulp', '--silent'], { cwd: root });
	mkdirSync(cache, { recursive: true });
	writeFileSync(STAMP, `${sources} ${fingerprint(root, ['dist'])}`);
}
