import { createServer } from 'node:net';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { removeFolder, temporaryFolder } from './guard';
import { type N8nServer, startN8n } from './n8n';
import type { N8nConnection } from './n8n-client';

declare module 'vitest' {
	export interface ProvidedContext {
		/** The socket that says how the shared n8n is reached, as soon as that has started or has failed to. */
		n8n: string;
	}
}

/** What the socket says. */
export interface Started {
	connection?: N8nConnection;
	error?: string;
}

const ROOT = join(__dirname, '..', '..');

/**
 * Offers one n8n with the built package to all files of a project, each of which runs in a process of its own. It starts when
 * the first asks for it, so that a run of other files alone does not wait for it. Answers what ends it. The package must be built.
 */
export async function offerN8n(project: TestProject, env: Record<string, string> = {}): Promise<() => Promise<void>> {
	let starting: Promise<N8nServer> | undefined;
	const start = () => startN8n({ packageFolder: ROOT, env, editor: true });
	const folder = temporaryFolder('offer');
	const server = createServer((socket) => {
		// A test that ended before it had its answer is no concern of the others.
		socket.on('error', () => {});
		const tell = (started: Started) => socket.end(JSON.stringify(started));
		starting ??= start();
		starting.then(
			({ connection }) => tell({ connection }),
			(error: Error) => tell({ error: error.message }),
		);
	});
	const path = join(folder, 'n8n.sock');
	await new Promise<void>((listens) => server.listen(path, listens));
	project.provide('n8n', path);
	return async () => {
		server.close();
		const n8n = await starting?.catch(() => undefined);
		await n8n?.stop();
		removeFolder(folder);
	};
}
