import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { cache, root } from '../setup/paths.mjs';

/** Where vitest's report of a run goes; .ci/run sums it up. */
export function reportOf(name) {
	return join(cache, 'reports', `${name}.json`);
}

/** Runs vitest over some of its projects, or over some of their files; answers its exit status. */
export function runTests(report, projects, args = process.argv.slice(2), { env = process.env } = {}) {
	const options = [
		'--no-install',
		'vitest',
		'run',
		...projects.flatMap((project) => ['--project', project]),
		'--reporter=default',
		'--reporter=json',
		`--outputFile.json=${reportOf(report)}`,
		'--passWithNoTests',
		...args,
	];
	const { status } = spawnSync('npx', options, { stdio: 'inherit', cwd: root, env });
	return status ?? 1;
}
