import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { builtPackage } from '../services/built-package';
import { removeFolder, temporaryFolder } from '../services/guard';
import { type N8nServer, startN8n } from '../services/n8n';
import type { N8nConnection } from '../services/n8n-client';

declare module 'vitest' {
	export interface ProvidedContext {
		/** The file that says how the shared n8n is reached; it is there as soon as that n8n has started, or has failed to. */
		n8n: string;
	}
}

/** What the file holds. */
export interface Started {
	connection?: N8nConnection;
	error?: string;
}

const ROOT = join(__dirname, '..', '..');

/** Builds the package and starts the one n8n that all e2e files share, without holding up the tests that need none meanwhile. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
	await builtPackage();
	const folder = temporaryFolder('e2e');
	const file = join(folder, 'n8n.json');
	project.provide('n8n', file);
	const started = start(file);
	return async () => {
		await (await started)?.stop();
		removeFolder(folder);
	};
}

async function start(file: string): Promise<N8nServer | undefined> {
	// The log file is for tests that look for secrets in it.
	const env = { N8N_LOG_OUTPUT: 'console,file', N8N_LOG_LEVEL: 'debug' };
	try {
		const n8n = await startN8n({ packageFolder: ROOT, env });
		tell(file, { connection: n8n.connection });
		return n8n;
	} catch (error) {
		tell(file, { error: (error as Error).message });
		return undefined;
	}
}

/** Nobody reads half of it. */
function tell(file: string, started: Started): void {
	writeFileSync(`${file}.draft`, JSON.stringify(started));
	renameSync(`${file}.draft`, file);
}
