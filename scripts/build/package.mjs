import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../setup/install.mjs';
import { root } from '../setup/paths.mjs';

/** Makes dist/ anew: compiled sources, icons and codex files. */
export function build() {
	rmSync(join(root, 'dist'), { recursive: true, force: true });
	run('npx', ['--no-install', 'tsc', '-p', '.'], { cwd: root });
	run('npx', ['--no-install', 'gulp', '--silent'], { cwd: root });
}
