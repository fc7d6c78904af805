import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startN8n } from '../services/n8n';
import type { N8nConnection } from '../services/n8n-client';

declare module 'vitest' {
	export interface ProvidedContext {
		n8n: N8nConnection;
	}
}

const ROOT = join(__dirname, '..', '..');

/** Builds the package and starts the one n8n that all e2e files share (a start takes as long as many tests). */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
	const scripts = (await import(join(ROOT, 'scripts', 'build', 'package.mjs'))) as { build(): void };
	scripts.build();
	const n8n = await startN8n({ packageFolder: ROOT });
	project.provide('n8n', n8n.connection);
	return () => n8n.stop();
}
