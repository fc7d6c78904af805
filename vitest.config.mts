import { defineConfig } from 'vitest/config';

// What every suite shares. Each file runs in a process of its own, so that whatever it started ends with it; the hooks let
// worker threads run from TypeScript sources.
const shared = {
	pool: 'forks' as const,
	execArgv: ['--import', './scripts/typescript-hooks.mjs'],
	maxWorkers: 2,
	setupFiles: ['test/random/setup.ts'],
	testTimeout: 60_000,
	hookTimeout: 120_000,
};

export default defineConfig({
	test: {
		globalSetup: ['test/random/tell-seed.ts'],
		projects: [
			{ test: { ...shared, name: 'unit', include: ['test/unit/**/*.test.ts'] } },
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
					name: 'e2e',
					include: ['test/e2e/**/*.test.ts'],
					globalSetup: ['test/services/prepare.ts', 'test/e2e/harness-setup.ts'],
					testTimeout: 180_000,
					hookTimeout: 300_000,
				},
			},
			{
				test: {
					...shared,
					name: 'system',
					include: ['test/system/**/*.test.ts'],
					globalSetup: ['test/services/prepare.ts'],
					testTimeout: 300_000,
					hookTimeout: 300_000,
				},
			},
		],
	},
});
