import type { TestProject } from 'vitest/node';
import { builtPackage } from '../services/built-package';
import { offerN8n } from '../services/n8n-offer';

/** Builds the package, which all e2e files need, and offers them the n8n that they share. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
	await builtPackage();
	// The log file is for tests that look for secrets in it.
	return await offerN8n(project, {
		N8N_LOG_OUTPUT: 'console,file',
		N8N_LOG_LEVEL: 'debug',
		N8N_STACK_BACKUP_ALLOW_INSTANCE: 'true',
	});
}
