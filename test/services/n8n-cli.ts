import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';

import { guardProcess, processEnded } from './guard';
import type { N8nConnection } from './n8n-client';
import { keptCode, N8N_MODULES } from './n8n-install';

/** Runs a command of n8n's own (`export:workflow --all ...`) on the data of a started n8n; throws with its output where it fails. */
export async function runN8n(
	{ userFolder, database }: Pick<N8nConnection, 'userFolder' | 'database'>,
	...args: string[]
): Promise<string> {
	const child = spawn(process.execPath, [join(N8N_MODULES, 'n8n', 'bin', 'n8n'), ...args], {
		cwd: userFolder,
		stdio: ['ignore', 'pipe', 'pipe'],
		detached: true,
		env: {
			PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
			HOME: userFolder,
			N8N_USER_FOLDER: userFolder,
			N8N_DIAGNOSTICS_ENABLED: 'false',
			N8N_RUNNERS_ENABLED: 'false',
			...keptCode(),
			...(database && {
				DB_TYPE: 'postgresdb',
				DB_POSTGRESDB_HOST: database.host,
				DB_POSTGRESDB_PORT: String(database.port),
				DB_POSTGRESDB_USER: database.user,
				DB_POSTGRESDB_PASSWORD: database.password,
				DB_POSTGRESDB_DATABASE: database.database,
			}),
		},
	});
	await once(child, 'spawn');
	const pid = child.pid!;
	guardProcess(pid, 'SIGTERM');
	let output = '';
	child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
	child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
	const [code] = (await once(child, 'close')) as [number | null];
	processEnded(pid);
	if (code !== 0 || /An error occurred|Error exporting/.test(output))
		throw new Error(`n8n ${args.join(' ')} ended with ${code}:\n${output}`);
	return output;
}
