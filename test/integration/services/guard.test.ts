import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';

const ROOT = join(__dirname, '..', '..', '..');
const STARTER = `
	import { startPostgres } from '${join(ROOT, 'test/services/postgres.ts')}';
	const server = await startPostgres({ version: 18 });
	console.log(JSON.stringify({ port: server.port, dataDir: server.dataDir }));
	setInterval(() => {}, 1000);
`;

async function isListening(port: number): Promise<boolean> {
	return await fetch(`http://127.0.0.1:${port}`).then(
		() => true,
		(error: { cause?: { code?: string } }) => error.cause?.code !== 'ECONNREFUSED',
	);
}

it('stops servers and removes their data when the process that started them is killed', async () => {
	const starter = spawn(
		process.execPath,
		['--import', join(ROOT, 'scripts/typescript-hooks.mjs'), '--input-type=module', '--eval', STARTER],
		{ stdio: ['ignore', 'pipe', 'inherit'] },
	);
	const [line] = await new Promise<string[]>((resolve) =>
		createInterface(starter.stdout).once('line', (l) => resolve([l])),
	);
	const { port, dataDir } = JSON.parse(line!) as { port: number; dataDir: string };
	expect(await isListening(port)).toBe(true);
	starter.kill('SIGKILL');
	while (existsSync(dataDir) || (await isListening(port))) await sleep(100);
});
