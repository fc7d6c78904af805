import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { builtPackage } from '../services/built-package';
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
	await builtPackage();
	// The log file is for tests that look for secrets in it.
	const env = { N8N_LOG_OUTPUT: 'console,file', N8N_LOG_LEVEL: 'debug' };
	const n8n = await startN8n({ packageFolder: ROOT, env });
	project.provide('n8n', n8n.connection);
	return () => n8n.stop();
}
