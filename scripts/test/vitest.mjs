import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
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
	// Compiles the engine once: the first processes of the tests would all do so at the same time.
	createRequire(import.meta.url)(join(root, 'engine', 'index.ts'));
	// Node keeps the code of what each of hundreds of processes loads.
	const kept = { NODE_COMPILE_CACHE: join(cache, 'compiled') };
	const { status } = spawnSync('npx', options, { stdio: 'inherit', cwd: root, env: { ...kept, ...env } });
	return status ?? 1;
}
