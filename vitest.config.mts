import { availableParallelism } from 'node:os';
import { join } from 'node:path';

import { defineConfig } from 'vitest/config';

/** All files in a folder of this repository. */
function below(folder: string): RegExp {
	return new RegExp(`^${join(import.meta.dirname, folder, '/').replaceAll(/[^\w/]/g, '\\$&')}`);
}

// Threads that collect garbage beside the tests wait for one another where others have taken the cores, and burn CPU time. And
// V8 looks through a heap of 50 MB again and again while it is told of buffers that come and go: a quarter of the time of many files.
const COLLECTING = ['--single-threaded-gc', '--initial-old-space-size=256'];

// What every suite shares. Each file runs in a process of its own, so that whatever it started ends with it; the hooks let
// worker threads run from TypeScript sources.
const shared = {
	pool: 'forks' as const,
	// pg_dump in WebAssembly is compiled anew for each of hundreds of small dumps: optimizing it takes longer than they do.
	execArgv: ['--liftoff-only', ...COLLECTING, '--import', './scripts/typescript-hooks.mjs'],
	// More than there are cores: tests wait for servers much of their time.
	maxWorkers: Math.max(4, availableParallelism()),
	setupFiles: ['test/random/setup.ts'],
	// Node loads the engine by the hooks, which keep what they have compiled: vite would evaluate all of it anew for each file.
	server: { deps: { external: [below('engine')] } },
	testTimeout: 60_000,
	hookTimeout: 120_000,
	// As long as a test may take: no wait ends because the machine is busy.
	expect: { poll: { timeout: 60_000, interval: 20 } },
};

export default defineConfig({
	test: {
		globalSetup: ['test/random/tell-seed.ts'],
		projects: [
			// Nothing outlives these tests: a process runs many of them, and loads the sources once.
			{ test: { ...shared, name: 'unit', include: ['test/unit/**/*.test.ts'], isolate: false } },
			{
				test: {
					...shared,
					name: 'integration',
					include: ['test/integration/**/*.test.ts'],
					globalSetup: ['test/services/prepare.ts'],
				},
			},
			{
				test: {
					...shared,
					name: 'nodes',
					include: ['test/nodes/**/*.test.ts'],
					globalSetup: ['test/services/prepare.ts', 'test/nodes/setup.ts'],
				},
			},
			{
				test: {
					...shared,
					name: 'e2e',
					include: ['test/e2e/**/*.test.ts'],
					globalSetup: ['test/services/prepare.ts', 'test/services/n8n-data.ts', 'test/e2e/harness-setup.ts'],
					testTimeout: 180_000,
					hookTimeout: 300_000,
				},
			},
			{
				test: {
					...shared,
					name: 'system',
					// Here memory is measured as well, which is to be collected as in n8n.
					execArgv: shared.execArgv.filter((flag) => !COLLECTING.includes(flag)),
					include: ['test/system/**/*.test.ts'],
					globalSetup: ['test/services/prepare.ts', 'test/services/n8n-data.ts', 'test/system/editor/harness-setup.ts'],
					testTimeout: 300_000,
					hookTimeout: 300_000,
				},
			},
		],
	},
});
