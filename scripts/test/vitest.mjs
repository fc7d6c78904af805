import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { cache, root } from '../setup/paths.mjs';

/**
 * Runs vitest over some of its projects (files may be named on the command line); answers its exit status. The report goes to
 * `.cache/reports/<report>.json`, which .ci/run sums up.
 */
export function runTests(report, projects) {
	const args = [
		'--no-install',
		'vitest',
		'run',
		...projects.flatMap((project) => ['--project', project]),
		'--reporter=default',
		'--reporter=json',
		`--outputFile.json=${join(cache, 'reports', `${report}.json`)}`,
		'--passWithNoTests',
		...process.argv.slice(2),
	];
	const { status } = spawnSync('npx', args, { stdio: 'inherit', cwd: root });
	return status ?? 1;
}
